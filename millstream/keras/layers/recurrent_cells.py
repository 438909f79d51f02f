"""Cells: one step of a recurrent network.   x [batch, in], h, c [batch, units], kernels [in or units, gates * units].

A cell's step has two halves: `project` is what depends on the inputs alone, so that a layer may do it for all steps in one
product; `advance` takes a step's projection and the states before it. Gates stand side by side: LSTM i f c o, GRU z r h.
"""

from collections.abc import Sequence
from typing import Any

from millstream.core.spec import TensorShape
from millstream.core.tensor import convert
from millstream.keras import activations, constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.ops.array.creation import ones_like, zeros
from millstream.ops.array.join import concat, split, unstack
from millstream.ops.nn.dropout import dropout as drop
from millstream.ops.nn.matmul import matmul
from millstream.util import tree
from millstream.util.export import export


@export("tf.keras.layers.AbstractRNNCell")
class AbstractRNNCell(Layer):
    """Base of cells: `call(inputs, states)` gives (output, new states); `state_size` and `output_size` say how large they are."""

    def call(self, inputs: Any, states: Any) -> Any:
        """One step. Raises: NotImplementedError; a cell overrides it."""
        raise NotImplementedError("Abstract method")

    @property
    def state_size(self) -> Any:
        """The size, or structure of sizes, of the states."""
        raise NotImplementedError("Abstract method")

    @property
    def output_size(self) -> Any:
        """The size of the output."""
        raise NotImplementedError("Abstract method")

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """Zeros for a batch."""
        return zero_states(self.state_size, inputs, batch_size, dtype or self._dtype)


def zero_states(sizes: Any, inputs: Any, batch_size: Any, dtype: Any) -> Any:
    """States of zeros, in the structure of their sizes. Raises: ValueError when neither inputs nor a batch size are known."""
    if inputs is not None:
        batch_size, dtype = int(inputs.shape[0]), inputs.dtype
    if batch_size is None or dtype is None:
        raise ValueError(f"batch_size and dtype cannot be None while constructing initial state: batch_size={batch_size}, dtype={dtype}")
    return map_sizes(lambda n: zeros((batch_size, *size_of(n)), dtype), sizes)


def map_sizes(function: Any, sizes: Any) -> Any:
    """A function of every size in a structure; shapes count as sizes."""
    if isinstance(sizes, (int, TensorShape)):
        return function(sizes)
    return type(sizes)(map_sizes(function, n) for n in sizes) if type(sizes) in {list, tuple} else tree.map_structure(function, sizes)


def size_of(size: Any) -> tuple[int, ...]:
    """A size (a number or a shape) as a tuple."""
    return tuple(int(n or 0) for n in size) if isinstance(size, TensorShape) else (int(size),)


class GatedCell(Layer):
    """What the three cells share: kernel, recurrent_kernel and bias for a number of gates, and two sorts of dropout masks."""

    gates = 1

    def __init__(
        self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.units = int(units)
        if self.units < 1:
            raise ValueError(f"Layer {self.name} needs at least one unit; got units={units}. Pass a positive whole number.")
        self.activation, self.use_bias = activations.get(activation), use_bias
        made = (kernel_initializer, recurrent_initializer, bias_initializer)
        self.kernel_initializer, self.recurrent_initializer, self.bias_initializer = (initializers.get(x) for x in made)
        kept = (kernel_regularizer, recurrent_regularizer, bias_regularizer)
        self.kernel_regularizer, self.recurrent_regularizer, self.bias_regularizer = (regularizers.get(x) for x in kept)
        held = (kernel_constraint, recurrent_constraint, bias_constraint)
        self.kernel_constraint, self.recurrent_constraint, self.bias_constraint = (constraints.get(x) for x in held)
        self.dropout, self.recurrent_dropout = min(1.0, max(0.0, dropout)), min(1.0, max(0.0, recurrent_dropout))
        self.state_size: Any = self.units
        self.output_size = self.units
        self.bias: Any = None
        vars(self)["_masks"] = {}

    # ------------------------------------------------------------------ weights
    def build(self, input_shape: Any) -> None:
        """Make kernel [in, gates * units], recurrent_kernel [units, gates * units] and bias."""
        wide = self.gates * self.units
        self.kernel = self._weight("kernel", "kernel", (TensorShape(input_shape)[-1], wide))
        self.recurrent_kernel = self._weight("recurrent_kernel", "recurrent", (self.units, wide))
        if self.use_bias:
            self.bias = self._weight("bias", "bias", self._bias_shape())
        self.built = True

    def _weight(self, name: str, what: str, shape: tuple[Any, ...]) -> Any:
        initializer = self._bias_initializer() if what == "bias" else getattr(self, f"{what}_initializer")
        return self.add_weight(
            name, shape, None, initializer, getattr(self, f"{what}_regularizer"), True, getattr(self, f"{what}_constraint")
        )

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def _bias_initializer(self) -> Any:
        return self.bias_initializer

    # ------------------------------------------------------------------ dropout
    def reset_dropout_mask(self) -> None:
        """Draw new masks for the inputs at the next step."""
        vars(self)["_masks"].pop("dropout", None)

    def reset_recurrent_dropout_mask(self) -> None:
        """Draw new masks for the states at the next step."""
        vars(self)["_masks"].pop("recurrent_dropout", None)

    def get_dropout_mask_for_cell(self, inputs: Any, training: Any, count: int = 1) -> Any:
        """Masks, one per gate, for inputs of this shape: the same ones until they are reset; None without dropout."""
        return self._mask("dropout", self.dropout, inputs, training, count)

    def get_recurrent_dropout_mask_for_cell(self, inputs: Any, training: Any, count: int = 1) -> Any:
        """Masks, one per gate, for states of this shape: the same ones until they are reset; None without dropout."""
        return self._mask("recurrent_dropout", self.recurrent_dropout, inputs, training, count)

    def _mask(self, kind: str, rate: float, x: Any, training: Any, count: int) -> Any:
        if not rate or not training:
            return None
        masks = vars(self)["_masks"]
        if kind not in masks:
            masks[kind] = [drop(ones_like(x), rate) for _ in range(count)]
        return masks[kind]

    # ------------------------------------------------------------------ a step
    def call(self, inputs: Any, states: Any, training: Any = None) -> Any:
        """One step: the output, and the new states in the structure of the old ones."""
        single = not isinstance(states, (list, tuple))
        before = [states] if single else list(states)
        masks = self.get_dropout_mask_for_cell(inputs, training, self.gates)
        state_masks = self.get_recurrent_dropout_mask_for_cell(before[0], training, self.gates)
        output, after = self.advance(self.project(inputs, masks), before, state_masks, self.shared())
        return output, after[0] if single else after

    def project(self, x: Any, masks: Any) -> Any:
        """Inputs [rows, in] times the kernel, [rows, gates * units], the bias added."""
        y = self._product(x, self.kernel, masks)
        return y + self._input_bias() if self.use_bias else y

    def _input_bias(self) -> Any:
        return self.bias

    def shared(self) -> tuple[Any, ...]:
        """What all steps use of the weights: read once, so that their gradients are summed up at once."""
        return (convert(self.recurrent_kernel),)

    def advance(self, projected: Any, states: list[Any], masks: Any, shared: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """The output and the states after a step. Raises: NotImplementedError; each cell has its own."""
        raise NotImplementedError

    def _product(self, x: Any, kernel: Any, masks: Any) -> Any:
        """x times a kernel; with masks, x is masked for each gate by itself, or for all alike."""
        if masks is None:
            return matmul(x, kernel)
        if self.gates == 1 or self._one_mask():
            return matmul(x * masks[0], kernel)
        parts = split(kernel, self.gates, axis=1)
        return concat([matmul(x * m, k) for m, k in zip(masks, parts, strict=True)], axis=1)

    def _one_mask(self) -> bool:
        return getattr(self, "implementation", 2) != 1

    def _gates(self, x: Any) -> list[Any]:
        """The gates of [batch, gates * units], side by side."""
        return split(x, self.gates, axis=1)

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """Zeros for a batch."""
        return zero_states(self.state_size, inputs, batch_size, dtype or self._dtype)

    # ------------------------------------------------------------------ config
    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **self.arguments(activity=None)}

    def arguments(self, activity: Any) -> dict[str, Any]:
        """The cell's own arguments; with `activity` (a one-element list), as those of a layer."""
        config: dict[str, Any] = {"units": self.units, **self._activations(), "use_bias": self.use_bias}
        for what in ("kernel", "recurrent", "bias"):
            config[f"{what}_initializer"] = initializers.serialize(getattr(self, f"{what}_initializer"))
        config.update(self._after_initializers())
        for what in ("kernel", "recurrent", "bias"):
            config[f"{what}_regularizer"] = regularizers.serialize(getattr(self, f"{what}_regularizer"))
        if activity is not None:
            config["activity_regularizer"] = regularizers.serialize(activity[0])
        for what in ("kernel", "recurrent", "bias"):
            config[f"{what}_constraint"] = constraints.serialize(getattr(self, f"{what}_constraint"))
        return {**config, "dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, **self._at_last()}

    def _activations(self) -> dict[str, Any]:
        return {"activation": activations.serialize(self.activation)}

    def _after_initializers(self) -> dict[str, Any]:
        return {}

    def _at_last(self) -> dict[str, Any]:
        return {}


@export("tf.keras.layers.SimpleRNNCell")
class SimpleRNNCell(GatedCell):
    """One step of SimpleRNN: h = activation(x kernel + bias + h recurrent_kernel). Arguments as SimpleRNN's."""

    def advance(self, projected: Any, states: list[Any], masks: Any, shared: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """The state is the output."""
        y = projected + self._product(states[0], shared[0], masks)
        y = self.activation(y)
        return y, [y]


class _TwoActivations(GatedCell):
    """Cells with gates: `recurrent_activation` for them."""

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        *args: Any,
        implementation: int = 2,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, activation, use_bias, *args, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.implementation = implementation
        if self.recurrent_dropout and implementation != 1:
            self.implementation = 1  # masks of the states are drawn per gate, as TensorFlow has it

    def _activations(self) -> dict[str, Any]:
        return {**super()._activations(), "recurrent_activation": activations.serialize(self.recurrent_activation)}

    def _at_last(self) -> dict[str, Any]:
        return {"implementation": self.implementation}


class _ForgetOne:
    """Initializer of an LSTM's bias: the forget gate's part is 1."""

    def __init__(self, rest: Any, units: int) -> None:
        self.rest, self.units = rest, units

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        first, forget, others = (self.rest, initializers.get("ones"), self.rest)
        return concat([first((self.units,), dtype=dtype), forget((self.units,), dtype=dtype), others((2 * self.units,), dtype=dtype)], 0)


@export("tf.keras.layers.LSTMCell")
class LSTMCell(_TwoActivations):
    """One step of LSTM: c = f c + i tanh(..), h = o tanh(c). Arguments as LSTM's; states [h, c]."""

    gates = 4

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, **kwargs,
        )  # fmt: skip
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _bias_initializer(self) -> Any:
        return _ForgetOne(self.bias_initializer, self.units) if self.unit_forget_bias else self.bias_initializer

    def advance(self, projected: Any, states: list[Any], masks: Any, shared: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """Input, forget, cell and output gates."""
        i, f, g, o = self._gates(projected + self._product(states[0], shared[0], masks))
        gate, squash = self.recurrent_activation, self.activation
        c = gate(f) * states[1] + gate(i) * squash(g)
        h = gate(o) * squash(c)
        return h, [h, c]

    def _after_initializers(self) -> dict[str, Any]:
        return {"unit_forget_bias": self.unit_forget_bias}


@export("tf.keras.layers.GRUCell")
class GRUCell(_TwoActivations):
    """One step of GRU: h = z h + (1 - z) tanh(..). reset_after: the reset gate is applied behind the recurrent product."""

    gates = 3

    def __init__(
        self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
        dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, kernel_regularizer,
            recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, **kwargs,
        )  # fmt: skip
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self) -> Any:
        return unstack(self.bias)[0] if self.reset_after else self.bias

    def advance(self, projected: Any, states: list[Any], masks: Any, shared: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """Update, reset and candidate gates."""
        before = states[0]
        step = self._reset_after if self.reset_after else self._reset_before
        z, candidate = step(projected, before, masks, shared)
        after = z * before + (1 - z) * candidate
        return after, [after]

    def shared(self) -> tuple[Any, ...]:
        """The recurrent kernel, and the bias behind it; or the kernels of the gates."""
        if not self.reset_after:
            return tuple(self._gates(self.recurrent_kernel))
        return (convert(self.recurrent_kernel), unstack(self.bias)[1]) if self.use_bias else (convert(self.recurrent_kernel),)

    def _reset_after(self, projected: Any, before: Any, masks: Any, shared: tuple[Any, ...]) -> tuple[Any, Any]:
        inner = self._product(before, shared[0], masks)
        if self.use_bias:
            inner = inner + shared[1]
        (xz, xr, xh), (hz, hr, hh) = self._gates(projected), self._gates(inner)
        z, r = self.recurrent_activation(xz + hz), self.recurrent_activation(xr + hr)
        return z, self.activation(xh + r * hh)

    def _reset_before(self, projected: Any, before: Any, masks: Any, shared: tuple[Any, ...]) -> tuple[Any, Any]:
        xz, xr, xh = self._gates(projected)
        masked = [before] * 3 if masks is None else [before * masks[0 if self._one_mask() else k] for k in range(3)]
        kz, kr, kh = shared
        z = self.recurrent_activation(xz + matmul(masked[0], kz))
        r = self.recurrent_activation(xr + matmul(masked[1], kr))
        return z, self.activation(xh + matmul(r * masked[2], kh))

    def _at_last(self) -> dict[str, Any]:
        return {**super()._at_last(), "reset_after": self.reset_after}


@export("tf.keras.layers.StackedRNNCells")
class StackedRNNCells(Layer):
    """Cells one above the other as one cell: each step runs through all of them. Args: cells.

    Raises: ValueError for what is no cell.
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        for cell in cells:
            if not hasattr(cell, "call"):
                raise ValueError(f"All cells must have a `call` method. received cells: {cells}")
            if not hasattr(cell, "state_size"):
                raise ValueError(f"All cells must have a `state_size` attribute. received cells: {cells}")
        self.reverse_state_order = kwargs.pop("reverse_state_order", False)
        super().__init__(**kwargs)
        self.cells = list(cells)

    @property
    def state_size(self) -> Any:
        """The cells' state sizes, as a tuple."""
        return tuple(c.state_size for c in self._state_order())

    def _state_order(self) -> list[Any]:
        return self.cells[::-1] if self.reverse_state_order else self.cells

    @property
    def output_size(self) -> Any:
        """The last cell's."""
        last = self.cells[-1]
        if getattr(last, "output_size", None) is not None:
            return last.output_size
        return last.state_size[0] if isinstance(last.state_size, (list, tuple)) else last.state_size

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """The cells' own initial states."""
        return tuple(initial_state_of(c, inputs, batch_size, dtype) for c in self._state_order())

    def build(self, input_shape: Any) -> None:
        """Build every cell for the output of the one below."""
        shape = TensorShape(input_shape)
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                build_inner(cell, shape)
            size = getattr(cell, "output_size", None)
            if size is None:
                size = cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size
            shape = TensorShape((shape[0], *size_of(size)))
        self.built = True

    def call(self, inputs: Any, states: Any, constants: Any = None, training: Any = None, **kwargs: Any) -> Any:
        """One step of each cell."""
        order = self._state_order()
        given = dict(zip(map(id, order), states, strict=True))
        after: dict[int, Any] = {}
        x = inputs
        for cell in self.cells:
            x, after[id(cell)] = step_of(cell, x, given[id(cell)], training, constants)
        return x, tuple(after[id(c)] for c in order)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        from millstream.keras.layers.by_name import serialize

        return {**super().get_config(), "cells": [serialize(c) for c in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The stack of its configuration."""
        from millstream.keras.layers.by_name import deserialize

        cells = [deserialize(c, custom_objects) for c in config["cells"]]
        return cls(cells, **{k: v for k, v in config.items() if k != "cells"})


def build_inner(cell: Any, shape: Any) -> None:
    """Build a layer inside another, its weights' names below its own."""
    from millstream.core import scope

    stack = scope._stack
    stack.append(f"{stack[-1]}/{cell.name}" if stack and stack[-1] else cell.name)
    try:
        cell.build(shape)
        vars(cell)["built"] = True
    finally:
        stack.pop()


def step_of(cell: Any, x: Any, states: Any, training: Any, constants: Any) -> tuple[Any, Any]:
    """One step of any cell, its states in the structure of its state_size."""
    structured = isinstance(cell.state_size, (list, tuple)) and not isinstance(cell.state_size, TensorShape)
    given = states if structured or tree.is_nested(states) else [states]
    kwargs: dict[str, Any] = {} if constants is None else {"constants": constants}
    if "training" in _arguments(cell):
        kwargs["training"] = training
    output, after = cell(x, given, **kwargs) if isinstance(cell, Layer) else cell.call(x, given, **kwargs)
    if not structured and isinstance(after, (list, tuple)) and not tree.is_nested(states):
        after = after[0]
    return output, after


def _arguments(cell: Any) -> tuple[str, ...]:
    from millstream.keras.layers.signature import CallSignature

    return CallSignature(cell.call).names


def initial_state_of(cell: Any, inputs: Any, batch_size: Any, dtype: Any) -> Any:
    """A cell's initial state: its own, or zeros."""
    if getattr(cell, "get_initial_state", None) is not None:
        return cell.get_initial_state(inputs=inputs, batch_size=batch_size, dtype=dtype)
    return zero_states(cell.state_size, inputs, batch_size, dtype)
