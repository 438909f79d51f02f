"""RNN: a cell run over the steps of a sequence.   x [batch, steps, ...], or [steps, batch, ...] with time_major.

The loop over the steps is a Python loop on tensors: in a trace it unrolls, and the compiler sees all steps at once.
Cells that can (`project`, `advance`) get the inputs' products of all steps from one product before the loop.
"""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from millstream.core.dispatch import eagerly
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.keras.layers.base import Layer
from millstream.keras.layers.by_name import deserialize, serialize
from millstream.keras.layers.input_spec import InputSpec
from millstream.keras.layers.keras_tensor import KerasTensor
from millstream.keras.layers.recurrent_cells import (
    GatedCell,
    StackedRNNCells,
    build_inner,
    initial_state_of,
    map_sizes,
    size_of,
    step_of,
)
from millstream.ops.array.creation import stack, zeros_like
from millstream.ops.array.indexing import reverse
from millstream.ops.array.join import unstack
from millstream.ops.array.shape import reshape, transpose
from millstream.ops.math.comparison import select
from millstream.util import tree
from millstream.util.export import export

Step = Callable[[int, list[Any]], tuple[Any, list[Any]]]
_OPTIONS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "time_major")


@export("tf.keras.layers.RNN")
class RNN(Layer):
    """A cell over the steps of a sequence. Input [batch, steps, ...] -> [batch, units], or [batch, steps, units] with return_sequences.

    Args: cell, or a list of cells, one above the other; return_sequences; return_state, the last states follow the output;
    go_backwards, from the last step to the first; stateful, a batch begins where the one before ended (needs a fixed batch size);
    unroll, taken as a hint: loops are unrolled anyway; time_major, steps are the first dimension.
    Raises: ValueError for a cell without `call` or `state_size`.
    >>> tf.keras.layers.RNN(tf.keras.layers.LSTMCell(3))(tf.ones((2, 5, 4))).shape
    TensorShape([2, 3])
    """

    supports_masking = True

    def __init__(
        self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False,
        unroll: bool = False, time_major: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ValueError(f"`cell` should have a `call` method. The RNN was passed: {cell}")
        if not hasattr(cell, "state_size"):
            raise ValueError(
                f"The RNN cell should have an attribute `state_size` (tuple of integers, one integer per RNN state); {cell} has none."
            )
        self.zero_output_for_mask = kwargs.pop("zero_output_for_mask", False)
        if "input_shape" not in kwargs and ("input_dim" in kwargs or "input_length" in kwargs):
            kwargs["input_shape"] = (kwargs.pop("input_length", None), kwargs.pop("input_dim", None))
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.time_major = stateful, unroll, time_major
        self.input_spec: Any = [InputSpec(min_ndim=3)]
        self.state_spec: Any = None
        self._states: Any = None
        self._num_constants = 0

    # ------------------------------------------------------------------ weights, states
    def build(self, input_shape: Any) -> None:
        """Build the cell for one step's inputs, and make room for the states of a stateful layer."""
        shape = TensorShape(input_shape)
        batch = shape[1 if self.time_major else 0]
        if isinstance(self.cell, Layer) and not self.cell.built:
            build_inner(self.cell, TensorShape((batch, *shape[2:])))
        if self.stateful:
            self._make_states(batch)
        self.built = True

    def _make_states(self, batch: int | None) -> None:
        if batch is None:
            raise ValueError(
                f"Layer {self.name}: if a RNN is stateful, it needs to know its batch size. Specify the batch size of your input tensors: with a Sequential model "
                "by passing a `batch_input_shape` argument to your first layer, with the functional API by `Input(batch_shape=...)`."
            )

        def make(size: Any) -> Variable:
            return Variable(np.zeros((batch, *size_of(size)), self._compute_dtype.numpy), trainable=False, name=f"{self.name}/state")

        with eagerly():
            self._states = map_sizes(make, self._sizes())

    def _sizes(self) -> Any:
        """The cell's state sizes as a list."""
        sizes = self.cell.state_size
        return list(sizes) if isinstance(sizes, (list, tuple)) and not isinstance(sizes, TensorShape) else [sizes]

    @property
    def states(self) -> Any:
        """The states of a stateful layer, as variables; None for each otherwise."""
        return map_sizes(lambda n: None, self._sizes()) if self._states is None else self._states

    def _own(self) -> list[Variable]:
        """States are no weights."""
        held = {id(v) for v in tree.flatten(self._states)} if self._states is not None else set()
        return [v for v in super()._own() if id(v) not in held]

    def reset_states(self, states: Any = None) -> None:
        """Set the states of a stateful layer: zeros, or these arrays. Raises: AttributeError when it is not stateful, ValueError for wrong shapes."""
        if not self.stateful:
            raise AttributeError(f"Layer {self.name} must be stateful: pass stateful=True to keep states between batches.")
        if self._states is None:
            self._make_states(self._known_batch())
        held = tree.flatten(self._states)
        given = [np.zeros(v.shape, v.dtype.numpy) for v in held] if states is None else tree.flatten(states)
        if len(given) != len(held):
            raise ValueError(
                f"Layer {self.name} expects {len(held)} states, but it received {len(given)} state values. Input received: {states}"
            )
        for i, (variable, value) in enumerate(zip(held, given, strict=True)):
            value = np.asarray(value)
            if value.shape != tuple(variable.shape):
                raise ValueError(
                    f"State {i} is incompatible with layer {self.name}: expected shape={tuple(variable.shape)}, found shape={value.shape}"
                )
            variable.assign(value.astype(variable.dtype.numpy))

    def _known_batch(self) -> int | None:
        shape = self._batch_input_shape
        return None if shape is None else shape[1 if self.time_major else 0]

    def get_initial_state(self, inputs: Any) -> Any:
        """The states before the first step, for these inputs: the cell's own, or zeros."""
        first = inputs[0] if self.time_major else inputs[:, 0]
        states = initial_state_of(self.cell, first, None, None)
        structured = isinstance(states, (list, tuple))
        return list(states) if structured else [states]

    # ------------------------------------------------------------------ calling
    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, **kwargs: Any) -> Any:
        """Call on sequences, with the states to begin from; both may come in one list: [sequences, *states]."""
        inputs, initial_state, constants = self._parted(inputs, initial_state, constants)
        given = {"initial_state": initial_state, "constants": constants}
        return super().__call__(inputs, **kwargs, **{k: v for k, v in given.items() if v is not None})

    def _parted(self, inputs: Any, initial_state: Any, constants: Any) -> tuple[Any, Any, Any]:
        """Inputs given as [x, *initial states, *constants] taken apart."""
        if isinstance(inputs, (list, tuple)) and inputs and all(isinstance(v, (Tensor, KerasTensor, np.ndarray)) for v in inputs):
            items = list(inputs)
            if constants is None and self._num_constants:
                constants, items = items[-self._num_constants :], items[: -self._num_constants]
            if initial_state is None and len(items) > 1:
                initial_state = items[1:]
            inputs = items[0]
        if constants is not None:
            constants = list(constants) if isinstance(constants, (list, tuple)) else [constants]
            self._num_constants = len(constants)
        if initial_state is not None and not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        return inputs, initial_state, constants

    def call(self, inputs: Any, mask: Any = None, training: Any = None, initial_state: Any = None, constants: Any = None) -> Any:
        """The last output, or all of them; and the last states with return_state."""
        if not inputs.shape[0 if self.time_major else 1]:
            raise ValueError(f"Layer {self.name} got sequences without a single step: its input has a time dimension of size 0.")
        self._forget_masks()
        states = self._first_states(inputs, initial_state)
        x = inputs if self.time_major else _swapped(inputs)
        counts = self._counts(mask)
        if self.go_backwards:
            x, counts = reverse(x, [0]), None if counts is None else reverse(counts, [0])
        step = self._step(x, states, training, constants)
        outputs, last = self._loop(step, int(x.shape[0]), states, counts)
        if self.stateful:
            for variable, value in zip(tree.flatten(self._states), tree.flatten(last), strict=True):
                variable.assign(value)
        return self._result(outputs, last)

    def _forget_masks(self) -> None:
        for cell in self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]:
            for name in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
                getattr(cell, name, lambda: None)()

    def _first_states(self, inputs: Any, given: Any) -> list[Any]:
        """Given, kept from the last batch, or the cell's initial ones. Raises: ValueError for another number of states or another shape."""
        if given is None:
            if not self.stateful:
                return list(self.get_initial_state(inputs))
            given = tree.map_structure(lambda v: v.read_value(), self._states)
        states, sizes = list(given), self._sizes()
        if len(states) != len(sizes):
            raise ValueError(f"Layer {self.name} has {len(sizes)} states but was passed {len(states)} initial states.")
        batch = int(inputs.shape[1 if self.time_major else 0])
        for i, (state, size) in enumerate(zip(states, sizes, strict=True)):
            if isinstance(size, (int, TensorShape)) and tuple(state.shape) != (batch, *size_of(size)):
                self._refuse_state(i, tuple(state.shape), (batch, *size_of(size)))
        return states

    def _refuse_state(self, number: int, came: tuple[int, ...], expected: tuple[int, ...]) -> NoReturn:
        raise ValueError(
            f"Initial state {number} of layer {self.name} has shape {came}; the inputs and the cell ask for {expected}. "
            + (
                "Feed batches of one size, or call reset_states."
                if self.stateful and came[1:] == expected[1:]
                else "Pass one row per sample, one column per unit."
            )
        )

    def _counts(self, mask: Any) -> Any:
        """The mask [steps, batch], or None. Raises: ValueError for a mask of another rank."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0] if mask else None
        if mask is None:
            return None
        if mask.ndim != 2:
            raise ValueError(f"Layer {self.name} takes a mask of shape (samples, steps); got one of shape {tuple(mask.shape)}.")
        return mask if self.time_major else transpose(mask, (1, 0))

    # ------------------------------------------------------------------ the loop
    def _step(self, x: Any, states: list[Any], training: Any, constants: Any) -> Step:
        """What computes step t of time-major inputs from the states before it."""
        if isinstance(self.cell, GatedCell) and type(self.cell).call is GatedCell.call and constants is None and x.ndim == 3:
            return self._step_projected(self.cell, x, states, training)
        rows = unstack(x)

        def step(t: int, before: list[Any]) -> tuple[Any, list[Any]]:
            given = before if len(before) > 1 or isinstance(self.cell.state_size, (list, tuple)) else before[0]
            given = tuple(given) if isinstance(self.cell, StackedRNNCells) else given
            output, after = step_of(self.cell, rows[t], given, training, constants)
            return output, list(after) if isinstance(after, (list, tuple)) else [after]

        return step

    def _step_projected(self, cell: GatedCell, x: Any, states: list[Any], training: Any) -> Step:
        """The inputs' part of all steps at once. x [steps, batch, in]; masks are alike at every step."""
        steps, batch, size = (int(n) for n in x.shape)
        masks = cell.get_dropout_mask_for_cell(x[0], training, cell.gates)
        state_masks = cell.get_recurrent_dropout_mask_for_cell(states[0], training, cell.gates)
        if masks is not None:
            masks = [_repeated(m, steps) for m in masks]
        projected = cell.project(reshape(x, (steps * batch, size)), masks)
        rows = unstack(reshape(projected, (steps, batch, projected.shape[-1])))
        shared = cell.shared()
        return lambda t, before: cell.advance(rows[t], before, state_masks, shared)

    def _loop(self, step: Step, steps: int, states: list[Any], counts: Any) -> tuple[list[Any], list[Any]]:
        """All outputs, and the last states; where a step does not count, output and states stay as they were."""
        flags = None if counts is None else unstack(counts)
        outputs: list[Any] = []
        for t in range(steps):
            output, after = step(t, states)
            if flags is not None:
                before = outputs[-1] if outputs and not self.zero_output_for_mask else zeros_like(output)
                output = _where(flags[t], output, before)
                after = tree.map_structure(lambda new, old, f=flags[t]: _where(f, new, old), after, tree.pack(after, tree.flatten(states)))
            outputs.append(output)
            states = after
        return outputs, states

    def _result(self, outputs: list[Any], states: list[Any]) -> Any:
        if self.return_sequences:
            result = tree.map_structure(lambda *steps: self._in_order(stack(list(steps))), *outputs)
        else:
            result = outputs[-1]
        return [result, *states] if self.return_state else result

    def _in_order(self, x: Any) -> Any:
        return x if self.time_major else _swapped(x)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the inputs when whole sequences go on; none for states."""
        mask = tree.flatten(mask)[0] if mask is not None else None
        first = mask if self.return_sequences else None
        return [first, *(None for _ in tree.flatten(self._sizes()))] if self.return_state else first

    # ------------------------------------------------------------------ config
    def _options(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in _OPTIONS}
        if self._num_constants:
            config["num_constants"] = self._num_constants
        if self.zero_output_for_mask:
            config["zero_output_for_mask"] = True
        return {**super().get_config(), **config}

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**self._options(), "cell": serialize(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer of its configuration."""
        rest = dict(config)
        constants = rest.pop("num_constants", 0)
        cell = deserialize(rest.pop("cell"), custom_objects)
        layer = cls(cell, **rest)
        layer._num_constants = constants
        return layer


def _swapped(x: Any) -> Any:
    """Batch and steps change places."""
    return transpose(x, (1, 0, *range(2, x.ndim)))


def _repeated(mask: Any, steps: int) -> Any:
    """A mask [batch, in] for the rows of all steps."""
    from millstream.ops.array.join import tile

    return tile(mask, (steps, 1))


def _where(flag: Any, new: Any, old: Any) -> Any:
    """new where a sample's flag holds, else old; flag [batch]."""
    return select(reshape(flag, (flag.shape[0], *[1] * (new.ndim - 1))), new, old)
