"""Layers that make one tensor of several: Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot; and their functions."""

from functools import reduce
from typing import Any

from millstream.keras.layers.base import Layer
from millstream.ops.array.creation import cast, ones_like
from millstream.ops.array.join import concat
from millstream.ops.array.shape import expand_dims, squeeze, transpose
from millstream.ops.math.arithmetic import maximum, minimum
from millstream.ops.math.comparison import logical_and
from millstream.ops.math.reduce import reduce_all, reduce_sum
from millstream.ops.nn.matmul import matmul
from millstream.ops.nn.normalization import l2_normalize
from millstream.util.export import export

Sizes = tuple[int | None, ...]


def _shapes(input_shape: Any) -> list[Sizes]:
    if not isinstance(input_shape, (list, tuple)) or not all(isinstance(s, (list, tuple)) for s in input_shape):
        raise ValueError("A merge layer should be called on a list of inputs.")
    return [tuple(s) for s in input_shape]


def _broadcast(a: Sizes, b: Sizes) -> Sizes:
    """The shape, without the batch, of two shapes together. Raises: ValueError."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    head, tail = longer[: len(longer) - len(shorter)], longer[len(longer) - len(shorter) :]
    made = []
    for i, j in zip(tail, shorter, strict=True):
        if None not in (i, j) and i != j and 1 not in (i, j):
            raise ValueError(f"Operands could not be broadcast together with shapes {a} {b}")
        made.append(j if i == 1 else i if j == 1 else None if None in (i, j) else i)
    return (*head, *made)


class Merge(Layer):
    """Base of the elementwise ones: inputs of one shape, or shapes that broadcast. Raises: ValueError for fewer than two, or shapes that do not."""

    supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Check the shapes."""
        shapes = _shapes(input_shape)
        if len(shapes) < 2:
            raise ValueError(f"A merge layer should be called on a list of at least 2 inputs. Got {len(shapes)} inputs.")
        sizes = {s[0] for s in shapes if s} - {None}
        if len(sizes) > 1:
            raise ValueError(f"Can not merge tensors with different batch sizes. Got tensors with shapes : {shapes}")
        reduce(_broadcast, [s[1:] for s in shapes])
        self.built = True

    def call(self, inputs: Any) -> Any:
        """The inputs together; those of fewer dimensions get sizes of 1 behind the batch."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError("A merge layer should be called on a list of inputs.")
        rank = max(x.ndim for x in inputs)
        return self._merge([_deepened(x, rank) for x in inputs])

    def _merge(self, inputs: list[Any]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must say how it merges.")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """A step counts where it counts in every input that has a mask."""
        masks = [m for m in mask or () if m is not None]
        return reduce(logical_and, masks) if masks else None


def _deepened(x: Any, rank: int) -> Any:
    while x.ndim < rank:
        x = expand_dims(x, 1)
    return x


@export("tf.keras.layers.Add")
class Add(Merge):
    """The sum of the inputs.

    >>> tf.keras.layers.Add()([tf.ones((1, 2)), tf.ones((1, 2))]).numpy().tolist()
    [[2.0, 2.0]]
    """

    def _merge(self, inputs: list[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs)


@export("tf.keras.layers.Subtract")
class Subtract(Merge):
    """The first input less the second. Raises: ValueError for another number of inputs."""

    def build(self, input_shape: Any) -> None:
        """Check the shapes."""
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError("A `Subtract` layer should be called on exactly 2 inputs")

    def _merge(self, inputs: list[Any]) -> Any:
        return inputs[0] - inputs[1]


@export("tf.keras.layers.Multiply")
class Multiply(Merge):
    """The product of the inputs, element by element."""

    def _merge(self, inputs: list[Any]) -> Any:
        return reduce(lambda a, b: a * b, inputs)


@export("tf.keras.layers.Average")
class Average(Merge):
    """The mean of the inputs, element by element."""

    def _merge(self, inputs: list[Any]) -> Any:
        total = reduce(lambda a, b: a + b, inputs)
        return total / cast(len(inputs), total.dtype)


@export("tf.keras.layers.Maximum")
class Maximum(Merge):
    """The largest of the inputs, element by element."""

    def _merge(self, inputs: list[Any]) -> Any:
        return reduce(maximum, inputs)


@export("tf.keras.layers.Minimum")
class Minimum(Merge):
    """The smallest of the inputs, element by element."""

    def _merge(self, inputs: list[Any]) -> Any:
        return reduce(minimum, inputs)


@export("tf.keras.layers.Concatenate")
class Concatenate(Merge):
    """The inputs one after the other along an axis. Raises: ValueError when other sizes differ.

    >>> tf.keras.layers.Concatenate()([tf.ones((1, 2)), tf.zeros((1, 1))]).numpy().tolist()
    [[1.0, 1.0, 0.0]]
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        """Check the shapes."""
        if not isinstance(input_shape, (list, tuple)) or not all(isinstance(s, (list, tuple)) for s in input_shape) or len(input_shape) < 1:
            raise ValueError("A `Concatenate` layer should be called on a list of at least 1 input.")
        shapes = _shapes(input_shape)
        if len({len(s) for s in shapes}) > 1 or any(len(set(sizes) - {None}) > 1 for sizes in self._others(shapes)):
            raise ValueError(
                f"A `Concatenate` layer requires inputs with matching shapes except for the concat axis. Got inputs shapes: {[tuple(s) for s in shapes]}"
            )
        self.built = True

    def _others(self, shapes: list[Sizes]) -> list[Sizes]:
        """The sizes of each dimension but the one along which the inputs are joined."""
        axis = self.axis % len(shapes[0]) if shapes[0] else 0
        return [tuple(s[i] for s in shapes) for i in range(len(shapes[0])) if i != axis]

    def call(self, inputs: Any) -> Any:
        """Joined along the axis."""
        return concat(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The inputs' masks joined; an input without one counts everywhere."""
        if mask is None or all(m is None for m in mask):
            return None
        parts = []
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                parts.append(cast(ones_like(x), "bool"))
            else:
                parts.append(logical_and(cast(ones_like(x), "bool"), expand_dims(m, -1)) if m.ndim < x.ndim else m)
        return reduce_all(concat(parts, axis=self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "axis": self.axis}


@export("tf.keras.layers.Dot")
class Dot(Merge):
    """The product of two inputs summed over an axis of each, batch row by batch row.

    Args: axes, one number or a pair; normalize, True for the cosine. Raises: TypeError or ValueError for axes or shapes that do not fit.
    >>> tf.keras.layers.Dot(axes=1)([tf.ones((1, 2)), tf.ones((1, 2))]).numpy().tolist()
    [[2.0]]
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(f"Invalid type for `axes` - should be a list or an int. Got {axes!r}.")
            if len(axes) != 2 or not all(isinstance(a, int) for a in axes):
                raise ValueError(f"Invalid format for `axes` - should contain two whole numbers. Got {axes}.")
        self.axes, self.normalize = axes, normalize

    def _axes(self, ranks: list[int]) -> list[int]:
        pair = [self.axes] * 2 if isinstance(self.axes, int) else list(self.axes)
        return [a % rank for a, rank in zip(pair, ranks, strict=True)]

    def build(self, input_shape: Any) -> None:
        """Check the shapes."""
        shapes = _shapes(input_shape)
        if len(shapes) != 2:
            raise ValueError("A `Dot` layer should be called on a list of 2 inputs.")
        axes = self._axes([len(s) for s in shapes])
        sizes = [s[a] for s, a in zip(shapes, axes, strict=True)]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Dimension incompatibility {sizes[0]} != {sizes[1]}. Layer shapes: {shapes[0]}, {shapes[1]}. Chosen axes: {axes[0]}, {axes[1]}"
            )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Summed over the axes."""
        x, y = inputs
        axes = self._axes([x.ndim, y.ndim])
        if self.normalize:
            x, y = l2_normalize(x, axis=axes[0]), l2_normalize(y, axis=axes[1])
        return batch_dot(x, y, axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None."""

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def batch_dot(x: Any, y: Any, axes: list[int]) -> Any:
    """x [batch, ...] and y [batch, ...] multiplied and summed over one axis of each, for every batch row by itself."""
    if x.ndim == 2 and y.ndim == 2:
        return reduce_sum(x * y, axis=1, keepdims=True)
    left = transpose(x, (*(i for i in range(x.ndim) if i != axes[0]), axes[0]))
    right = transpose(y, (0, axes[1], *(i for i in range(1, y.ndim) if i != axes[1])))
    if left.ndim == 2:
        return squeeze(matmul(expand_dims(left, 1), right), [1])
    if right.ndim == 2:
        return squeeze(matmul(left, expand_dims(right, -1)), [-1])
    return _folded(left, right)


def _folded(left: Any, right: Any) -> Any:
    """The product of [batch, ..., n] and [batch, n, ...]: the dimensions between are folded into one, and unfolded again."""
    from millstream.ops.array.shape import reshape

    before, after = tuple(left.shape[1:-1]), tuple(right.shape[2:])
    product = matmul(reshape(left, (left.shape[0], -1, left.shape[-1])), reshape(right, (*right.shape[:2], -1)))
    return reshape(product, (left.shape[0], *before, *after))


def _function(cls: type[Layer], name: str) -> None:
    def merged(inputs: Any, **kwargs: Any) -> Any:
        return cls(**kwargs)(inputs)

    merged.__name__ = merged.__qualname__ = name
    merged.__doc__ = f"`{cls.__name__}` called on a list of tensors.\n\nArgs: inputs; the layer's own by keyword."
    export(f"tf.keras.layers.{name}")(merged)


for _cls in (Add, Subtract, Multiply, Average, Maximum, Minimum):
    _function(_cls, _cls.__name__.lower())


@export("tf.keras.layers.concatenate")
def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate` called on a list of tensors."""
    return Concatenate(axis=axis, **kwargs)(inputs)


@export("tf.keras.layers.dot")
def dot(inputs: Any, axes: Any, normalize: bool = False, **kwargs: Any) -> Any:
    """`Dot` called on two tensors."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
