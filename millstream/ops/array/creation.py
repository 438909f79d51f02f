"""Tensors out of nothing or out of Python: constant, zeros, ones, fill; and cast between dtypes."""

from typing import Any

import numpy as np

from millstream.core.dispatch import Hooks, execute, wrap
from millstream.core.dtypes import DType, as_dtype, float32, float64, string
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec, TensorShape
from millstream.core.tensor import Tensor, convert, holds_tensors, set_pack
from millstream.ops.array.shape import full_shape, static_shape
from millstream.ops.rules import Array, Namespace, normalize_axis, quiet
from millstream.util.errors import UnimplementedError, invalid
from millstream.util.export import export


@op(
    name="cast",
    samples=lambda: [
        Sample("down", (Sampled((7,), "float64"),), {"dtype": float32}, False),
        Sample("up", (Sampled((3, 5), "int32"),), {"dtype": float32}, False),
        Sample("wider", (Sampled((3, 5)),), {"dtype": float64}),
    ],
)
@quiet
def _cast(xp: Namespace, x: Array, *, dtype: DType) -> Array:
    """The values in another dtype; floats to integers drop the fraction."""
    if x.dtype.kind == "c" and not dtype.is_complex:
        x = x.real
    return x.astype(dtype.numpy)


_cast.infer(lambda x, *, dtype: ArraySpec(x.shape, dtype))
_cast.scalar(lambda b, x, *, dtype: b.cast(x, dtype.name))


@export("tf.cast", "tf.dtypes.cast")
def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """The values in another dtype; floats to integers drop the fraction.

    >>> tf.cast([1.7, -1.7], tf.int32).numpy().tolist()
    [1, -1]
    """
    target = as_dtype(dtype)
    x = convert(x)
    if x.dtype is not target and string in (x.dtype, target):
        raise UnimplementedError(
            None, None, f"Cast {x.dtype.name} to {target.name} is not supported; use tf.strings.to_number or as_string. [Op:Cast]"
        )
    return x if x.dtype is target else execute(_cast, (x,), {"dtype": target})


_cast.vjp(lambda g, out, x, *, dtype: cast(g, x.dtype) if _has_gradient(x.dtype) and _has_gradient(dtype) else None)


def _has_gradient(dtype: DType) -> bool:
    return dtype.is_floating or dtype.is_complex


@export("tf.constant")
def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """A tensor of Python or NumPy values; `shape` reshapes, or repeats a single value.

    Raises: TypeError when the values do not fit the dtype.
    >>> tf.constant(0.5, shape=[2]).numpy().tolist()
    [0.5, 0.5]
    """
    made = convert(value, None if dtype is None else as_dtype(dtype))
    if shape is None:
        return made
    sizes = static_shape(shape)
    array = np.asarray(made._array)
    if array.size == 1:
        return wrap(np.broadcast_to(array.reshape(()), sizes).copy() if sizes else array.reshape(())[()])
    if array.size != TensorShape(sizes).num_elements():
        raise TypeError(f"Eager execution of tf.constant with unsupported shape (value has {array.size} elements, shape is {sizes}).")
    return wrap(array.reshape(sizes))


@export("tf.convert_to_tensor")
def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Tensor:
    """Any value as a tensor; `dtype_hint` is followed when it fits.

    >>> tf.convert_to_tensor([1, 2]).dtype
    tf.int32
    """
    return convert(value, None if dtype is None else as_dtype(dtype), None if dtype_hint is None else as_dtype(dtype_hint))


def full(spec: ArraySpec, value: Any) -> Tensor:
    """A tensor of one value everywhere."""
    return wrap(np.full(spec.shape, value, spec.dtype.numpy) if spec.shape else spec.dtype.as_numpy_dtype(value))


@export("tf.zeros")
def zeros(shape: Any, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Zeros (empty strings for tf.string).

    >>> tf.zeros([2]).numpy().tolist()
    [0.0, 0.0]
    """
    target = as_dtype(dtype)
    return full(ArraySpec(full_shape(shape), target), b"" if target is string else 0)


@export("tf.ones")
def ones(shape: Any, dtype: Any = float32, name: str | None = None) -> Tensor:
    """Ones.

    >>> tf.ones([2], tf.int32).numpy().tolist()
    [1, 1]
    """
    target = as_dtype(dtype)
    if target is string:
        raise TypeError("Cannot convert 1 to EagerTensor of dtype string: there is no string of ones; use tf.fill.")
    return full(ArraySpec(full_shape(shape), target), 1)


@export("tf.zeros_like")
def zeros_like(input: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """Zeros in the shape of another tensor."""
    x = convert(input)
    return zeros(x.shape, x.dtype if dtype is None else dtype)


@export("tf.ones_like")
def ones_like(input: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """Ones in the shape of another tensor."""
    x = convert(input)
    return ones(x.shape, x.dtype if dtype is None else dtype)


@export("tf.fill")
def fill(dims: Any, value: Any, name: str | None = None) -> Tensor:
    """One value everywhere.

    >>> tf.fill([2], 9).numpy().tolist()
    [9, 9]
    """
    from millstream.ops.array.shape import broadcast_to

    x = convert(value)
    if x.ndim:
        raise invalid(f"value must represent a scalar, got shape {list(x.shape)}")
    return broadcast_to(x, full_shape(dims))  # type: ignore[no-any-return]


@op(name="stack", samples=lambda: [Sample("pair", (Sampled((2, 3)), Sampled((2, 3))), {"axis": 1})])
def _stack(xp: Namespace, *xs: Array, axis: int) -> Array:
    """Tensors of one shape joined along a new axis."""
    if xp is np:
        _check_shapes([np.shape(x) for x in xs])
    return xp.stack(xs, axis)


def _check_shapes(shapes: list[Any]) -> None:
    for s in shapes:
        if s != shapes[0]:
            raise invalid(f"Shapes of all inputs must match: values[0].shape = {list(shapes[0])} != {list(s)}")


@_stack.infer
def _(*xs: ArraySpec, axis: int) -> ArraySpec:
    _check_shapes([x.shape for x in xs])
    return ArraySpec((*xs[0].shape[:axis], len(xs), *xs[0].shape[axis:]), xs[0].dtype)


@_stack.vjp_all
def _(g: Tensor, out: Tensor, *xs: Tensor, axis: int) -> list[Any]:
    from millstream.ops.array.join import unstack

    return unstack(g, axis=axis)


@_stack.expand
def _(*xs: Any, axis: int) -> Any:
    from millstream.ops.array.join import concat
    from millstream.ops.array.shape import expand_dims

    return concat([expand_dims(x, axis) for x in xs], axis)


@export("tf.stack")
def stack(values: Any, axis: int = 0, name: str = "stack") -> Any:
    """Tensors of one shape joined along a new axis.

    >>> tf.stack([[1, 2], [3, 4]], axis=1).numpy().tolist()
    [[1, 3], [2, 4]]
    """
    if isinstance(values, np.ndarray) or not (isinstance(values, Tensor) or holds_tensors(values)):
        values = convert(values)  # as a whole, so that numbers of several kinds get one dtype
    if isinstance(values, Tensor):
        if axis == 0:
            return values
        values = list(values)
    first = convert(values[0])
    return execute(_stack, tuple(values), {"axis": normalize_axis(axis, first.ndim + 1)})


def _filled_like(x: Any, value: int) -> Tensor:
    """One value everywhere, in the shape and dtype of a tensor or variable."""
    if type(x) is Tensor and not x._array.ndim:
        return wrap(x._array.dtype.type(value))
    return full(ArraySpec(tuple(x.shape), x.dtype), value)


def _pack(values: Any, dtype: DType | None, hint: DType | None) -> Any:
    """A nested list that contains tensors; its Python numbers take the tensors' dtype."""
    found = _dtype_within(values) or dtype or hint
    made = _stack(*[v if isinstance(v, Tensor) else convert(v, None, found) for v in values], axis=0)
    return made if dtype is None else cast(made, dtype)


def _dtype_within(values: Any) -> DType | None:
    for v in values:
        found = _dtype_within(v) if isinstance(v, (list, tuple)) else getattr(v, "dtype", None)
        if isinstance(found, DType):
            return found
    return None


set_pack(_pack)
Hooks.zeros = staticmethod(lambda spec: full(spec, 0))
Hooks.ones = staticmethod(lambda spec: full(spec, 1))
Hooks.zeros_like = staticmethod(lambda x: _filled_like(x, 0))
Hooks.ones_like = staticmethod(lambda x: _filled_like(x, 1))
