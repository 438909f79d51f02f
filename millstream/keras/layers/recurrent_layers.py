"""SimpleRNN, LSTM, GRU: RNN with a cell of its own.   x [batch, steps, in] -> [batch, units] or [batch, steps, units]."""

from typing import Any

from millstream.keras import regularizers
from millstream.keras.layers.input_spec import InputSpec
from millstream.keras.layers.recurrent import RNN, Step
from millstream.keras.layers.recurrent_cells import GatedCell, GRUCell, LSTMCell, SimpleRNNCell
from millstream.util.export import export

_OF_LAYER = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "time_major", "zero_output_for_mask")
_OF_BOTH = ("trainable", "dtype")


def _of_cell(name: str) -> property:
    return property(lambda self: getattr(self.cell, name), doc=f"The cell's {name}.")


class _Gated(RNN):
    """What the three layers share: one set of arguments for layer and cell."""

    _cell: Any = GatedCell

    def __init__(self, units: int, *args: Any, activity_regularizer: Any = None, **kwargs: Any) -> None:
        known = set(self._cell_arguments())
        inner = {k: kwargs.pop(k) for k in list(kwargs) if k in known and k not in _OF_BOTH}
        inner.update({k: kwargs[k] for k in _OF_BOTH if k in kwargs})
        super().__init__(self._cell(units, *args, **inner), **kwargs)
        vars(self)["_activity_regularizer"] = regularizers.get(activity_regularizer)
        self.input_spec = [InputSpec(ndim=3)]

    @classmethod
    def _cell_arguments(cls) -> tuple[str, ...]:
        return (
            "activation", "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer", "bias_initializer", "unit_forget_bias",
            "kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "kernel_constraint", "recurrent_constraint", "bias_constraint",
            "dropout", "recurrent_dropout", "implementation", "reset_after",
        )  # fmt: skip

    units, use_bias, activation = _of_cell("units"), _of_cell("use_bias"), _of_cell("activation")
    kernel_initializer, kernel_regularizer, kernel_constraint = (
        _of_cell(f"kernel_{x}") for x in ("initializer", "regularizer", "constraint")
    )
    recurrent_initializer, recurrent_regularizer = _of_cell("recurrent_initializer"), _of_cell("recurrent_regularizer")
    recurrent_constraint, bias_initializer = _of_cell("recurrent_constraint"), _of_cell("bias_initializer")
    bias_regularizer, bias_constraint = _of_cell("bias_regularizer"), _of_cell("bias_constraint")
    dropout, recurrent_dropout = _of_cell("dropout"), _of_cell("recurrent_dropout")

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**self._options(), **self.cell.arguments(activity=[self.activity_regularizer])}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer of its configuration."""
        rest = dict(config)
        rest.pop("num_constants", None)
        if rest.get("implementation") == 0:
            rest["implementation"] = 1
        return cls(**rest)


@export("tf.keras.layers.SimpleRNN")
class SimpleRNN(_Gated):
    """The plain recurrent layer: h = activation(x kernel + bias + h recurrent_kernel).

    Args: units; activation; use_bias; initializers, regularizers, constraints of kernel, recurrent (kernel) and bias; activity_regularizer;
    dropout of the inputs, recurrent_dropout of the states; and those of RNN. Raises: ValueError for units < 1.
    >>> tf.keras.layers.SimpleRNN(3)(tf.ones((2, 5, 4))).shape
    TensorShape([2, 3])
    """

    _cell = SimpleRNNCell


class _WithGates(_Gated):
    """Layers of cells with gates, whose dropout of the inputs may differ from step to step."""

    recurrent_activation, implementation = _of_cell("recurrent_activation"), _of_cell("implementation")

    def _step_projected(self, cell: GatedCell, x: Any, states: list[Any], training: Any) -> Step:
        """As TensorFlow's fused kernels: without dropout of the states each step's inputs have a mask of their own."""
        if self._masks_whole_sequences(cell):
            batch_major = x if self.time_major else _swap(x)
            masks = cell.get_dropout_mask_for_cell(batch_major, training, cell.gates)
            if masks is not None:
                x = x * (masks[0] if self.time_major else _swap(masks[0]))
            return super()._step_projected(cell, x, states, False)
        return super()._step_projected(cell, x, states, training)

    def _masks_whole_sequences(self, cell: Any) -> bool:
        names = [getattr(f, "__name__", "") for f in (cell.activation, cell.recurrent_activation)]
        fused = names == ["tanh", "sigmoid"] and cell.use_bias and getattr(cell, "reset_after", True)
        return bool(fused) and not cell.recurrent_dropout and not self.unroll


def _swap(x: Any) -> Any:
    from millstream.ops.array.shape import transpose

    return transpose(x, (1, 0, 2))


@export("tf.keras.layers.LSTM")
class LSTM(_WithGates):
    """Long short-term memory: a state c that gates write to, keep and read.

    Args: units; activation, of what is written and read; recurrent_activation, of the gates; unit_forget_bias, the forget gate's bias
    starts at 1; the others as SimpleRNN's. Weights: kernel [in, 4 * units], recurrent_kernel [units, 4 * units], bias [4 * units]; gates i f c o.
    >>> tf.keras.layers.LSTM(3, return_sequences=True)(tf.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    _cell = LSTMCell
    unit_forget_bias = _of_cell("unit_forget_bias")


@export("tf.keras.layers.GRU")
class GRU(_WithGates):
    """Gated recurrent unit. Args as LSTM's; reset_after, the reset gate is applied behind the recurrent product (bias [2, 3 * units]).

    >>> tf.keras.layers.GRU(3)(tf.ones((2, 5, 4))).shape
    TensorShape([2, 3])
    """

    _cell = GRUCell
    reset_after = _of_cell("reset_after")
