"""Reductions along axes: sum, max, min, product, mean. x[...] -> x without the axes (or with size 1 there: keepdims)."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import as_dtype, bool_, int64
from millstream.core.op import op
from millstream.core.samples import FLOATS, Sample, Samples
from millstream.core.samples import Array as Sampled
from millstream.core.spec import ArraySpec, Shape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import _broadcast_to, _reshape
from millstream.ops.math.arithmetic import multiply, real_divide
from millstream.ops.math.comparison import equal
from millstream.ops.rules import Array, Namespace, normalize_axes, normalize_axis, quiet
from millstream.util.errors import invalid
from millstream.util.export import export

Axes = tuple[int, ...]


def _samples(dtypes: tuple[str, ...] = FLOATS, gradient: bool = True) -> Samples:
    cases: tuple[tuple[Shape, Axes, bool], ...] = (
        ((), (), False), ((7,), (0,), False), ((3, 37), (1,), True), ((37, 5), (0,), False), ((2, 3, 4), (0, 2), False), ((2, 3, 4), (1,), True), ((2, 0), (0,), False),
    )  # fmt: skip
    return lambda: [
        Sample(f"{d}{list(s)}{list(a)}", (Sampled(s, d),), {"axis": a, "keepdims": k}, gradient) for d in dtypes for s, a, k in cases
    ]


def reduced(x: ArraySpec, *, axis: Axes, keepdims: bool) -> ArraySpec:
    """The spec of a reduction's result."""
    return ArraySpec(_reduced_shape(x.shape, axis, keepdims), x.dtype)


def _reduced_shape(shape: Shape, axis: Axes, keepdims: bool) -> Shape:
    return tuple(1 if i in axis else n for i, n in enumerate(shape) if keepdims or i not in axis)


def restore(g: Any, x: Any, axis: Axes) -> Any:
    """A reduced tensor with size 1 where the axes were, so that it broadcasts against x."""
    return _reshape(g, shape=_reduced_shape(tuple(x.shape), axis, True))


@op(name="reduce_sum", kinds="iufVc", samples=_samples(("float32", "float64", "int32")))
@quiet
def reduce_sum_(xp: Namespace, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """Sum along axes."""
    return xp.add.reduce(x, axis, x.dtype, None, keepdims)


reduce_sum_.infer(reduced)
reduce_sum_.vjp(lambda g, out, x, *, axis, keepdims: _broadcast_to(restore(g, x, axis), shape=tuple(x.shape)))
reduce_sum_.reduction(lambda spec, *, axis, keepdims: ("add", axis))


def _extreme_gradient(g: Any, out: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Ties share the gradient evenly."""
    hit = execute_cast(equal(x, restore(out, x, axis)), x.dtype)
    count = reduce_sum_(hit, axis=axis, keepdims=True)
    return multiply(real_divide(hit, count), restore(g, x, axis))


def execute_cast(x: Any, dtype: Any) -> Any:
    """tf.cast."""
    from millstream.ops.array.creation import cast

    return cast(x, dtype)


@op(name="reduce_max", kinds="iufV", samples=_samples())
def reduce_max_(xp: Namespace, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """Largest element along axes; -inf (or the smallest number) of none. NaN if there is one."""
    return x.max(axis, None, keepdims, _lowest(x.dtype))


reduce_max_.infer(reduced)
reduce_max_.vjp(_extreme_gradient)
reduce_max_.reduction(lambda spec, *, axis, keepdims: ("max", axis))


@op(name="reduce_min", kinds="iufV", samples=_samples())
def reduce_min_(xp: Namespace, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """Smallest element along axes; inf (or the largest number) of none. NaN if there is one."""
    return x.min(axis, None, keepdims, _highest(x.dtype))


reduce_min_.infer(reduced)
reduce_min_.vjp(_extreme_gradient)
reduce_min_.reduction(lambda spec, *, axis, keepdims: ("min", axis))


def _lowest(dtype: Any) -> Any:
    return dtype.type(-np.inf) if dtype.kind in "fV" else np.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    return dtype.type(np.inf) if dtype.kind in "fV" else np.iinfo(dtype).max


@op(name="reduce_mean", kinds="iufVc", samples=_samples())
@quiet
def reduce_mean_(xp: Namespace, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    """Mean along axes; of integers, rounded towards zero. NaN of none."""
    total = x.sum(axis, x.dtype, None, keepdims)
    count = _count(x.shape, axis)
    if x.dtype.kind in "iu":
        return (np.sign(total) * (np.abs(total) // max(count, 1))).astype(x.dtype)
    return xp.true_divide(total, x.dtype.type(count))


def _count(shape: Shape, axis: Axes) -> int:
    count = 1
    for a in axis:
        count *= shape[a]
    return count


reduce_mean_.infer(reduced)
reduce_mean_.vjp(
    lambda g, out, x, *, axis, keepdims: _broadcast_to(
        restore(real_divide(g, convert(float(_count(tuple(x.shape), axis)), g.dtype)), x, axis), shape=tuple(x.shape)
    )
)


@reduce_mean_.expand
def _(x: Any, *, axis: Axes, keepdims: bool) -> Any:
    return real_divide(reduce_sum_(x, axis=axis, keepdims=keepdims), convert(float(_count(tuple(x.shape), axis)), x.dtype))


def _reduce(primitive: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    tensor = x if type(x) is Tensor else convert(x)
    if isinstance(axis, Tensor):
        axis = axis.numpy()
    return primitive.fast(tensor, axis=normalize_axes(axis, tensor.ndim), keepdims=bool(keepdims))


@export("tf.reduce_sum", "tf.math.reduce_sum")
def reduce_sum(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Sum along axes, all by default.

    >>> tf.reduce_sum([[1, 2], [3, 4]], axis=1).numpy().tolist()
    [3, 7]
    """
    return _reduce(reduce_sum_, input_tensor, axis, keepdims)


@export("tf.reduce_mean", "tf.math.reduce_mean")
def reduce_mean(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Mean along axes, all by default; of integers, a whole number.

    >>> tf.reduce_mean([1, 2, 4]).numpy().item()
    2
    """
    return _reduce(reduce_mean_, input_tensor, axis, keepdims)


@export("tf.reduce_max", "tf.math.reduce_max")
def reduce_max(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Largest element along axes, all by default.

    >>> tf.reduce_max([1, 5, 2]).numpy().item()
    5
    """
    return _reduce(reduce_max_, input_tensor, axis, keepdims)


@export("tf.reduce_min", "tf.math.reduce_min")
def reduce_min(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Smallest element along axes, all by default.

    >>> tf.reduce_min([1, 5, 2]).numpy().item()
    1
    """
    return _reduce(reduce_min_, input_tensor, axis, keepdims)


@op(
    name="argmax",
    kinds="iufVb",
    samples=lambda: [
        Sample("last", (Sampled((3, 5)),), {"axis": 1, "output_type": int64}, False),
        Sample("first", (Sampled((7, 3)),), {"axis": 0, "output_type": int64}, False),
    ],
)
def _argmax(xp: Namespace, x: Array, *, axis: int, output_type: Any) -> Array:
    """Position of the first largest element along an axis."""
    if not x.shape[axis]:
        raise invalid(f"Reduction axis {axis} is empty in shape {list(x.shape)}")
    return xp.argmax(x, axis).astype(output_type.numpy)


@_argmax.infer
def _(x: ArraySpec, *, axis: int, output_type: Any) -> ArraySpec:
    return ArraySpec(_reduced_shape(x.shape, (axis,), False), output_type)


_argmax.no_gradient()


@_argmax.expand
def _(x: Any, *, axis: int, output_type: Any) -> Any:
    """The smallest position that holds the largest element; 0 when NaN leaves none."""
    from millstream.ops.math.comparison import less, select, where_else_zero

    n = int(x.shape[axis])
    places = convert(np.arange(n, dtype=np.int64).reshape([n if a == axis else 1 for a in range(len(x.shape))]))
    none = convert(n, int64)
    hit = equal(x, reduce_max_(x, axis=(axis,), keepdims=True))
    first = reduce_min_(select(hit, places, none), axis=(axis,), keepdims=False)
    return execute_cast(where_else_zero(less(first, none), first), output_type)


@export("tf.argmax", "tf.math.argmax")
def argmax(input: Any, axis: Any = None, output_type: Any = int64, name: str | None = None) -> Any:
    """Position of the first largest element along an axis, 0 by default.

    >>> tf.argmax([[1, 9], [7, 3]], axis=1).numpy().tolist()
    [1, 0]
    """
    x = convert(input)
    return execute(_argmax, (x,), {"axis": normalize_axis(int(axis or 0), x.ndim), "output_type": as_dtype(output_type)})


def _truth(name: str, numpy_name: str) -> Any:
    def meaning(xp: Namespace, x: Array, *, axis: Axes, keepdims: bool) -> Array:
        return getattr(xp, numpy_name)(x, axis=axis, keepdims=keepdims)

    meaning.__name__, meaning.__doc__ = name, f"Whether {numpy_name} elements along axes are true."
    made = op(name=name, samples=_samples(("bool",), False), kinds="b")(meaning)
    made.infer(lambda x, *, axis, keepdims: ArraySpec(_reduced_shape(x.shape, axis, keepdims), bool_))
    made.no_gradient()
    return made


reduce_all_, reduce_any_ = _truth("reduce_all", "all"), _truth("reduce_any", "any")
reduce_all_.reduction(lambda spec, *, axis, keepdims: ("min", axis))
reduce_any_.reduction(lambda spec, *, axis, keepdims: ("max", axis))


@export("tf.reduce_all", "tf.math.reduce_all")
def reduce_all(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Whether all elements along axes are true.

    >>> bool(tf.reduce_all([True, False]))
    False
    """
    return _reduce(reduce_all_, convert(input_tensor, bool_), axis, keepdims)


@export("tf.reduce_any", "tf.math.reduce_any")
def reduce_any(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """Whether any element along axes is true.

    >>> bool(tf.reduce_any([True, False]))
    True
    """
    return _reduce(reduce_any_, convert(input_tensor, bool_), axis, keepdims)
