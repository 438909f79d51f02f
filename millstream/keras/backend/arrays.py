"""tf.keras.backend: arithmetic, reductions, shapes, variables. Most names are those of an op; the rest differ in something said there."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import eagerly
from millstream.core.dtypes import bool_
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras.backend import compose
from millstream.keras.backend.config import dtype_or_default, floatx
from millstream.ops.array.creation import cast as cast_to
from millstream.ops.array.creation import constant as constant_
from millstream.ops.array.creation import ones as ones_
from millstream.ops.array.creation import stack
from millstream.ops.array.creation import zeros as zeros_
from millstream.ops.array.gather import gather as gather_
from millstream.ops.array.join import concat, pad
from millstream.ops.array.join import repeat as repeat_
from millstream.ops.array.join import tile as tile_
from millstream.ops.array.shape import expand_dims as expand_
from millstream.ops.array.shape import reshape, transpose
from millstream.ops.math.arithmetic import maximum, square
from millstream.ops.math.arithmetic import sqrt as sqrt_
from millstream.ops.math.reduce import argmax as argmax_
from millstream.ops.math.reduce import reduce_all, reduce_any, reduce_mean
from millstream.ops.math.statistics import argmin as argmin_
from millstream.util.export import export, exported, publish

_SAME = {
    "abs": "abs", "cos": "math.cos", "cumprod": "math.cumprod", "cumsum": "math.cumsum", "equal": "equal", "exp": "math.exp", "greater": "greater",
    "greater_equal": "greater_equal", "less": "less", "less_equal": "less_equal", "log": "math.log", "max": "reduce_max", "maximum": "maximum", "min": "reduce_min",
    "minimum": "minimum", "not_equal": "not_equal", "ones_like": "ones_like", "permute_dimensions": "transpose", "pow": "pow", "prod": "reduce_prod", "reshape": "reshape",
    "round": "round", "shape": "shape", "sigmoid": "sigmoid", "sign": "sign", "sin": "math.sin", "softplus": "math.softplus", "softsign": "nn.softsign", "square": "square",
    "squeeze": "squeeze", "stack": "stack", "sum": "reduce_sum", "tanh": "tanh", "transpose": "transpose", "zeros_like": "zeros_like",
}  # fmt: skip
for _name, _public in _SAME.items():
    publish(exported()[_public], f"tf.keras.backend.{_name}")


def _export(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register under tf.keras.backend; a trailing underscore, which keeps a builtin's name free, is dropped."""
    return export(f"tf.keras.backend.{function.__name__.rstrip('_')}")(function)


# ---------------------------------------------------------------------------------------------- reductions
def _numbers(x: Any) -> Any:
    """A tensor; booleans become floats."""
    x = convert(x)
    return cast_to(x, floatx()) if x.dtype is bool_ else x


@_export
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Mean along axes; of booleans, the share that is true.

    >>> float(tf.keras.backend.mean(tf.constant([True, False])))
    0.5
    """
    return reduce_mean(_numbers(x), axis, keepdims)


@_export
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Variance along axes."""
    x = _numbers(x)
    return reduce_mean(square(x - reduce_mean(x, axis, True)), axis, keepdims)


@_export
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Standard deviation along axes."""
    return sqrt_(var(x, axis, keepdims))


@_export
def any_(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether any element along axes is not zero."""
    return reduce_any(cast_to(x, bool_), axis, keepdims)


@_export
def all_(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether no element along axes is zero."""
    return reduce_all(cast_to(x, bool_), axis, keepdims)


@_export
def argmax(x: Any, axis: int = -1) -> Any:
    """Position of the largest element along an axis, the last by default."""
    return argmax_(x, axis)


@_export
def argmin(x: Any, axis: int = -1) -> Any:
    """Position of the smallest element along an axis, the last by default."""
    return argmin_(x, axis)


@_export
def sqrt(x: Any) -> Any:
    """Square root; negative numbers count as 0."""
    x = convert(x)
    return sqrt_(maximum(x, compose.like(0, x)))


@_export
def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """x between two bounds; None is no bound, and an upper bound below the lower one counts as that.

    >>> tf.keras.backend.clip(tf.constant([-1.0, 5.0]), 0.0, 2.0).numpy().tolist()
    [0.0, 2.0]
    """
    low = -math.inf if min_value is None else min_value
    high = math.inf if max_value is None else max_value
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        high = max(high, low)
    return compose.clip(convert(x), low, high)


@_export
def cast(x: Any, dtype: Any) -> Any:
    """The values in another dtype."""
    return cast_to(x, dtype)


# ---------------------------------------------------------------------------------------------- shapes
@_export
def flatten(x: Any) -> Any:
    """All elements in one dimension."""
    return reshape(x, [-1])


@_export
def batch_flatten(x: Any) -> Any:
    """All dimensions but the first folded into one: [N, ...] -> [N, size]."""
    x = convert(x)
    return reshape(x, [x.shape[0], math.prod(tuple(x.shape)[1:])])


@_export
def expand_dims(x: Any, axis: int = -1) -> Any:
    """Insert a dimension of size 1, the last by default."""
    return expand_(x, axis)


@_export
def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Tensors joined along an axis, the last by default."""
    return concat(list(tensors), axis)


@_export
def repeat(x: Any, n: int) -> Any:
    """Each row n times: [N, D] -> [N, n, D]."""
    return tile_(expand_(x, 1), [1, n, 1])


@_export
def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Each element rep times along an axis.

    >>> tf.keras.backend.repeat_elements(tf.constant([1, 2]), 2, 0).numpy().tolist()
    [1, 1, 2, 2]
    """
    return repeat_(x, rep, axis)


@_export
def tile(x: Any, n: Any) -> Any:
    """The tensor n times along each dimension."""
    return tile_(x, [n] if isinstance(n, int) else n)


@_export
def reverse(x: Any, axes: Any) -> Any:
    """Elements along axes in reverse order."""
    return exported()["reverse"](x, [axes] if isinstance(axes, int) else list(axes))


@_export
def gather(reference: Any, indices: Any) -> Any:
    """The rows at these places."""
    return gather_(reference, indices)


@_export
def one_hot(indices: Any, num_classes: int) -> Any:
    """1.0 at each index along a new last axis, 0.0 elsewhere."""
    return exported()["one_hot"](indices, num_classes)


@_export
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str = "int32") -> Any:
    """Numbers from start by step until before stop; of one number, from 0. None where stop lies before start.

    >>> tf.keras.backend.arange(1, 5, 2).numpy().tolist()
    [1, 3]
    """
    if stop is None:
        start, stop = 0, max(start, 0)
    return cast_to(exported()["range"](start, stop, step), dtype)


@_export
def temporal_padding(x: Any, padding: tuple[int, int] = (1, 1)) -> Any:
    """Zeros before and after the middle dimension of [N, T, C]."""
    return pad(x, [[0, 0], list(padding), [0, 0]])


@_export
def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around an image's two dimensions."""
    return _pad_space(x, padding, data_format)


@_export
def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around a volume's three dimensions."""
    return _pad_space(x, padding, data_format)


def _pad_space(x: Any, padding: Any, data_format: str | None) -> Any:
    from millstream.keras.backend.config import image_data_format

    around = [list(p) for p in padding]
    first = (data_format or image_data_format()) == "channels_first"
    return pad(x, [[0, 0], [0, 0], *around] if first else [[0, 0], *around, [0, 0]])


@_export
def dot(x: Any, y: Any) -> Any:
    """Product over x's last and y's last but one dimension: [..., K], [..., K, N] -> [..., ..., N]."""
    x, y = convert(x), convert(y)
    if x.ndim <= 2 and y.ndim == 2:
        return x @ y
    order = [y.ndim - 2, *range(y.ndim - 2), y.ndim - 1] if y.ndim > 1 else [0]
    inner = int(x.shape[-1])
    flat = reshape(x, [-1, inner]) @ reshape(transpose(y, order), [inner, -1])
    rest = tuple(y.shape)[:-2] + tuple(y.shape)[-1:] if y.ndim > 1 else ()
    return reshape(flat, tuple(x.shape)[:-1] + rest)


@_export
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Product of corresponding samples over one axis of each; vectors' products keep an axis of 1.

    Raises: ValueError when the two axes differ in size.
    """
    x, y = convert(x), convert(y)
    if axes is None:
        axes = (x.ndim - 1, 1 if y.ndim == 2 else y.ndim - 2)
    first, second = (a % t.ndim for a, t in zip((axes, axes) if isinstance(axes, int) else axes, (x, y), strict=True))
    if x.shape[first] != y.shape[second]:
        raise ValueError(f"Cannot do batch_dot on inputs with shapes {x.shape} and {y.shape} with axes={axes}: the axes differ in size.")
    batch, inner = x.shape[0], x.shape[first]
    left = transpose(x, [0, *[i for i in range(1, x.ndim) if i != first], first])
    right = transpose(y, [0, second, *[i for i in range(1, y.ndim) if i != second]])
    product = reshape(left, [batch, -1, inner]) @ reshape(right, [batch, inner, -1])
    sizes = [*tuple(left.shape)[1:-1], *tuple(right.shape)[2:]]
    return reshape(product, [batch, *(sizes or [1])])


# ---------------------------------------------------------------------------------------------- making
@_export
def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A variable, of the default float type unless said otherwise."""
    with eagerly():
        return Variable(cast_to(value, dtype_or_default(dtype)), name=name, constraint=constraint)


@_export
def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor, of the default float type unless said otherwise."""
    return constant_(np.asarray(value), dtype_or_default(dtype), shape)


@_export
def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of zeros."""
    return variable(zeros_(shape, dtype_or_default(dtype)), dtype, name)  # type: ignore[no-any-return]


@_export
def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable of ones."""
    return variable(ones_(shape, dtype_or_default(dtype)), dtype, name)  # type: ignore[no-any-return]


@_export
def eye(size: int, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable that is an identity matrix."""
    return variable(np.eye(size), dtype, name)  # type: ignore[no-any-return]


@_export
def update(x: Variable, new_x: Any) -> Variable:
    """Give a variable a new value."""
    return x.assign(new_x)


@_export
def update_add(x: Variable, increment: Any) -> Variable:
    """Add to a variable."""
    return x.assign_add(increment)


@_export
def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract from a variable."""
    return x.assign_sub(decrement)


@_export
def moving_average_update(x: Variable, value: Any, momentum: Any) -> Variable:
    """x = momentum * x + (1 - momentum) * value."""
    rate = convert(1.0, x.dtype) - compose.like(momentum, x)
    return x.assign_sub((x.read_value() - compose.like(value, x)) * rate)


# ---------------------------------------------------------------------------------------------- over rows
@_export
def map_fn(fn: Callable[..., Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """A function's results for each row, stacked."""
    made = stack([fn(row) for row in convert(elems)])
    return made if dtype is None else cast_to(made, dtype)


@_export
def foldl(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """fn(...fn(fn(first, second), third)..., last) over rows."""
    rows = list(convert(elems))
    return _fold(fn, rows, initializer)


@_export
def foldr(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """As foldl, from the last row to the first."""
    rows = list(convert(elems))
    return _fold(fn, rows[::-1], initializer)


def _fold(fn: Callable[..., Any], rows: list[Any], initializer: Any) -> Any:
    found, rest = (rows[0], rows[1:]) if initializer is None else (initializer, rows)
    for row in rest:
        found = fn(found, row)
    return found
