"""Shapes: reshape, transpose, broadcast, slices. Views in compiled code: they move no memory."""

from operator import index
from typing import Any, NoReturn

import numpy as np

from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import ErrorCase, Sample
from millstream.core.spec import ArraySpec, Shape, TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.ops.rules import Array, Namespace, broadcast_shapes, normalize_axis
from millstream.util.errors import OpError, invalid
from millstream.util.export import export


# ---------------------------------------------------------------------------------------------- reshape
@op(name="reshape", samples=lambda: [Sample("fold", (Sampled((4, 6)),), {"shape": (2, 12)}), Sample("empty", (Sampled((0, 3)),), {"shape": (3, 0)})],
    errors=(ErrorCase((np.ones(6, "float32"),), OpError, "6 values, but the requested shape has 8", {"shape": (2, 4)}),))  # fmt: skip
def _reshape(xp: Namespace, x: Array, *, shape: Shape) -> Array:
    """The same elements in another shape (fully known)."""
    return x.reshape(shape)


@_reshape.infer
def _(x: ArraySpec, *, shape: Shape) -> ArraySpec:
    if x.size != _product(shape):
        _refuse_reshape(x.size, shape)
    return ArraySpec(shape, x.dtype)


_reshape.vjp(lambda g, out, x, *, shape: _reshape(g, shape=tuple(x.shape)))
_reshape.view(lambda view, spec, *, shape: view.reshape(shape))


def _product(shape: Shape) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def _refuse_reshape(size: int, shape: Shape) -> NoReturn:
    raise invalid(f"Input to reshape is a tensor with {size} values, but the requested shape has {_product(shape)}")


@export("tf.reshape")
def reshape(tensor: Any, shape: Any, name: str | None = None) -> Any:
    """The same elements, row by row, in another shape; one size may be -1: what is left.

    Raises: InvalidArgumentError when the numbers of elements differ.
    >>> tf.reshape([[1, 2], [3, 4]], [-1]).numpy().tolist()
    [1, 2, 3, 4]
    """
    x = tensor if type(tensor) is Tensor else convert(tensor)
    return _reshape.fast(x, shape=_complete(static_shape(shape), x))


def static_shape(shape: Any) -> Shape:
    """A shape given as a list, a tensor, a number or a TensorShape, as a tuple of ints (-1 and None stay)."""
    if isinstance(shape, TensorShape):
        return tuple(-1 if n is None else n for n in shape)
    if isinstance(shape, (list, tuple)):
        return tuple([-1 if n is None else index(n) for n in shape])
    array = np.asarray(shape._array if isinstance(shape, Tensor) and hasattr(shape, "_array") else shape)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"Cannot convert {shape!r} to EagerTensor of dtype int32: sizes are whole numbers.")
    return tuple(array.reshape(-1).tolist())


def full_shape(shape: Any) -> Shape:
    """A shape whose sizes are all known. Raises: InvalidArgumentError for a negative one."""
    sizes = static_shape(shape)
    for n in sizes:
        if n < 0:
            raise invalid(f"Dimension {n} must be >= 0 [Op:Fill]")
    return sizes


def _complete(shape: Shape, x: Tensor) -> Shape:
    """The shape with -1 replaced by what is left."""
    if -1 not in shape:
        return shape
    size = _product(tuple(x.shape))  # type: ignore[arg-type]
    known = _product(tuple(n for n in shape if n != -1))
    if shape.count(-1) > 1:
        raise invalid(f"Only one input size may be -1, not both of {list(shape)}")
    if known == 0 or size % known:
        raise invalid(f"Input to reshape is a tensor with {size} values, but the requested shape requires a multiple of {known}")
    return tuple(size // known if n == -1 else n for n in shape)


@export("tf.expand_dims")
def expand_dims(input: Any, axis: Any, name: str | None = None) -> Any:
    """Insert a dimension of size 1 at an axis (counted from the end when negative).

    >>> tf.expand_dims([1, 2], 0).shape
    TensorShape([1, 2])
    """
    x = convert(input)
    at = normalize_axis(int(axis), x.ndim + 1)
    sizes = tuple(x.shape)
    return _reshape(x, shape=(*sizes[:at], 1, *sizes[at:]))


@export("tf.squeeze")
def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    """Remove dimensions of size 1: all, or those named. Raises: InvalidArgumentError for one of another size.

    >>> tf.squeeze([[[1], [2]]]).numpy().tolist()
    [1, 2]
    """
    x = convert(input)
    sizes = tuple(x.shape)
    wanted = [axis] if isinstance(axis, int) else axis
    axes = {i for i, n in enumerate(sizes) if n == 1} if not wanted and wanted != [0] else {normalize_axis(int(a), x.ndim) for a in wanted}
    for a in axes:
        if sizes[a] != 1:
            raise invalid(f"Can not squeeze dim[{a}], expected a dimension of 1, got {sizes[a]}")
    return _reshape(x, shape=tuple(n for i, n in enumerate(sizes) if i not in axes))


# ---------------------------------------------------------------------------------------------- transpose
@op(
    name="transpose",
    samples=lambda: [Sample("matrix", (Sampled((3, 5)),), {"perm": (1, 0)}), Sample("cycle", (Sampled((2, 3, 4)),), {"perm": (2, 0, 1)})],
)
def _transpose(xp: Namespace, x: Array, *, perm: tuple[int, ...]) -> Array:
    """Dimensions in another order: result dimension i is dimension perm[i]."""
    return x.transpose(perm)


_transpose.infer(lambda x, *, perm: ArraySpec(tuple(x.shape[p] for p in perm), x.dtype))
_transpose.vjp(lambda g, out, x, *, perm: _transpose(g, perm=tuple(int(p) for p in np.argsort(perm))))
_transpose.view(lambda view, spec, *, perm: view.transpose(perm))


@export("tf.transpose")
def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str = "transpose") -> Any:
    """Dimensions in another order, reversed by default.

    >>> tf.transpose([[1, 2], [3, 4]]).numpy().tolist()
    [[1, 3], [2, 4]]
    """
    x = convert(a)
    order = tuple(range(x.ndim))[::-1] if perm is None else tuple(normalize_axis(p, x.ndim) for p in static_shape(perm))
    if sorted(order) != list(range(x.ndim)):
        raise invalid(f"perm must be a permutation of 0 to {x.ndim - 1}; got {perm}. Name every dimension once.")
    made = _transpose(x, perm=order)
    return execute_conjugate(made) if conjugate and x.dtype.is_complex else made


def execute_conjugate(x: Any) -> Any:
    """The complex conjugate."""
    from millstream.ops.math.arithmetic import conjugate

    return conjugate(x)


# ---------------------------------------------------------------------------------------------- broadcast
@op(
    name="broadcast_to",
    samples=lambda: [Sample("row", (Sampled((5,)),), {"shape": (3, 5)}), Sample("scalar", (Sampled(()),), {"shape": (2, 3)})],
)
def _broadcast_to(xp: Namespace, x: Array, *, shape: Shape) -> Array:
    """The array repeated to a shape that it broadcasts to."""
    return xp.array(xp.broadcast_to(x, shape))


@_broadcast_to.infer
def _(x: ArraySpec, *, shape: Shape) -> ArraySpec:
    if broadcast_shapes(x.shape, shape) != tuple(shape):
        raise invalid(f"Incompatible shapes: {list(x.shape)} vs. {list(shape)}")
    return ArraySpec(tuple(shape), x.dtype)


_broadcast_to.vjp(lambda g, out, x, *, shape: unbroadcast(g, x))
_broadcast_to.view(lambda view, spec, *, shape: view.broadcast(shape))


@export("tf.broadcast_to")
def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Any:
    """Repeat along new dimensions and those of size 1 until the shape fits.

    >>> tf.broadcast_to([1, 2], [2, 2]).numpy().tolist()
    [[1, 2], [1, 2]]
    """
    return _broadcast_to(convert(input), shape=static_shape(shape))


def unbroadcast(g: Any, x: Any) -> Any:
    """Undo the broadcasting of x in a gradient: sum over the dimensions along which x was repeated."""
    if type(g) is Tensor and type(x) is Tensor and g._array.shape == x._array.shape:
        return g
    shape, wanted = g.shape, x.shape
    if tuple(shape) == tuple(wanted):
        return g
    from millstream.ops.math.reduce import reduce_sum_

    extra = len(shape) - len(wanted)
    axes = (*range(extra), *(i + extra for i, n in enumerate(wanted) if n == 1 and shape[i + extra] != 1))
    summed = reduce_sum_(g, axis=axes, keepdims=False) if axes else g
    return _reshape(summed, shape=tuple(wanted))


# ---------------------------------------------------------------------------------------------- slices
@op(name="strided_slice", samples=lambda: [
    Sample("rows", (Sampled((5, 4)),), {"begin": (1, 0), "end": (4, 4), "strides": (2, 1)}),
    Sample("backwards", (Sampled((5,)),), {"begin": (4,), "end": (-1,), "strides": (-2,)}),
])  # fmt: skip
def _strided_slice(xp: Namespace, x: Array, *, begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Elements begin, begin + stride, ... before end, per dimension; an end of -1 with a negative stride means: past the first."""
    return x[slices(begin, end, strides)]


def slices(begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]) -> tuple[slice, ...]:
    """NumPy's slices of normalised bounds."""
    return tuple(slice(b, None if s < 0 and e < 0 else e, s) for b, e, s in zip(begin, end, strides, strict=True))


@_strided_slice.infer
def _(x: ArraySpec, *, begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]) -> ArraySpec:
    return ArraySpec(tuple(max(0, -((b - e) // s)) for b, e, s in zip(begin, end, strides, strict=True)), x.dtype)


_strided_slice.view(lambda view, spec, *, begin, end, strides: view.slice(begin, spec.shape, strides))


@op(
    name="strided_slice_grad",
    samples=lambda: [Sample("rows", (Sampled((2, 4)),), {"shape": (5, 4), "begin": (1, 0), "end": (4, 4), "strides": (2, 1)})],
)
def strided_slice_grad(
    xp: Namespace, g: Array, *, shape: Shape, begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]
) -> Array:
    """Zeros of a shape with g put where the slice was taken."""
    out = np.zeros(shape, g.dtype)
    out[slices(begin, end, strides)] = g
    return out if xp is np else xp.asarray(out)


@strided_slice_grad.expand
def _(g: Any, *, shape: Shape, begin: tuple[int, ...], end: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """Zeros before and behind, axis after axis; a whole axis turned round is turned back. Other steps have no such form."""
    if not all(s == 1 or (s == -1 and b == n - 1 and e == -1) for n, b, e, s in zip(shape, begin, end, strides, strict=True)):
        return None
    turned = tuple(s < 0 for s in strides)
    if any(turned):
        steps = [(n - 1, -1, -1) if t else (0, n, 1) for n, t in zip(g.shape, turned, strict=True)]
        first, last, step = zip(*steps, strict=True)
        g = _strided_slice(g, begin=first, end=last, strides=step)
    for axis, n in enumerate(shape):
        if not turned[axis] and g.shape[axis] != n:
            g = _surrounded(g, axis, begin[axis], n - begin[axis] - int(g.shape[axis]))
    return g


def _surrounded(x: Any, axis: int, before: int, behind: int, value: Any = None) -> Any:
    """x between zeros (or a value) along an axis."""
    from millstream.ops.array.join import concat

    sizes, parts = tuple(x.shape), []
    for n in (before, None, behind):
        if n is None:
            parts.append(x)
        elif n:
            filling = convert(np.zeros((), x.dtype.numpy)) if value is None else value
            parts.append(_broadcast_to(filling, shape=(*sizes[:axis], n, *sizes[axis + 1 :])))
    return concat(parts, axis)


_strided_slice.vjp(lambda g, out, x, **attrs: strided_slice_grad(g, shape=tuple(x.shape), **attrs))
strided_slice_grad.infer(lambda g, *, shape, **attrs: ArraySpec(shape, g.dtype))
strided_slice_grad.vjp(lambda g, out, x, *, shape, **attrs: _strided_slice(g, **attrs))


@op("tf.identity", samples=lambda: [Sample("matrix", (Sampled((3, 5)),))])
def identity(xp: Namespace, input: Array) -> Array:
    """The tensor itself, as the result of an op.

    >>> tf.identity(3).numpy().item()
    3
    """
    return input


identity.infer(lambda x: x)
identity.vjp(lambda g, out, x: g)
identity.view(lambda view, spec: view)


@op("tf.stop_gradient", samples=lambda: [Sample("matrix", (Sampled((3, 5)),), {}, False)])
def stop_gradient(xp: Namespace, input: Array) -> Array:
    """The tensor itself; no gradient flows through.

    >>> tf.stop_gradient(3.0).numpy().item()
    3.0
    """
    return input


stop_gradient.infer(lambda x: x)
stop_gradient.no_gradient()
stop_gradient.view(lambda view, spec: view)
