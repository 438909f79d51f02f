"""tf.debugging: checks of values, shapes and dtypes. Shapes are checked at once, values when the function runs."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import DType, as_dtype, bool_
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import ErrorCase, Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.gather import same_dtype
from millstream.ops.math.arithmetic import abs_
from millstream.ops.printing import array_text
from millstream.ops.rules import Array, Namespace, sizes_of
from millstream.util.errors import OpError, invalid
from millstream.util.export import export

_FALSE = ErrorCase((np.array(False),), OpError, "no good", {"message": "no good", "summarize": 3})


@op(
    name="assert_that",
    mixed=True,
    stateful=True,
    errors=(_FALSE,),
    samples=lambda: [Sample("true", (Sampled((3,), "bool", values=[True] * 3), Sampled((2,))), {"message": "no", "summarize": 3}, False)],
)
def assert_that(xp: Namespace, condition: Array, *data: Array, message: str, summarize: int) -> Array:
    """Fail with a message and the data unless the condition holds everywhere. Raises: InvalidArgumentError."""
    if not np.all(condition):
        raise invalid("\n".join([message, *(array_text(d, summarize) for d in data)]))
    return np.bool_(True)


assert_that.infer(lambda condition, *data, **attrs: ArraySpec((), bool_))
assert_that.no_gradient()


@op(name="check_numerics", kinds="fVc", stateful=True, samples=lambda: [Sample("finite", (Sampled((3,)),), {"message": "bad"})],
    errors=(ErrorCase((np.array([np.nan], "float32"),), OpError, "bad : Tensor had NaN values", {"message": "bad"}),))  # fmt: skip
def _check_numerics(xp: Namespace, tensor: Array, *, message: str) -> Array:
    """The tensor itself, checked to hold neither NaN nor infinities. Raises: InvalidArgumentError."""
    nan, inf = bool(np.isnan(tensor).any()), bool(np.isinf(tensor).any())
    if nan or inf:
        raise invalid(f"{message} : Tensor had {'Inf and NaN' if nan and inf else 'NaN' if nan else 'Inf'} values")
    return tensor


_check_numerics.infer(lambda x, *, message: x)
_check_numerics.vjp(lambda g, out, x, *, message: g)


@export("tf.debugging.check_numerics")
def check_numerics(tensor: Any, message: str, name: str | None = None) -> Any:
    """The tensor itself, checked to hold neither NaN nor infinities. Raises: InvalidArgumentError.

    >>> float(tf.debugging.check_numerics(1.0, "x"))
    1.0
    """
    return execute(_check_numerics, (convert(tensor),), {"message": message})


@export("tf.debugging.assert_all_finite")
def assert_all_finite(x: Any, message: str, name: str | None = None) -> Any:
    """The tensor itself, checked to hold neither NaN nor infinities. Raises: InvalidArgumentError."""
    return check_numerics(x, message)


@export("tf.debugging.Assert", "tf.Assert")
def assert_(condition: Any, data: Any, summarize: Any = None, name: str | None = None) -> None:
    """Raises: InvalidArgumentError with the data unless the condition holds everywhere."""
    values = tuple(convert(d) for d in data)
    execute(
        assert_that,
        (convert(condition, bool_), *values),
        {"message": "Expected 'condition' to be true. Summarized data:", "summarize": int(summarize or 3)},
    )


# ---------------------------------------------------------------------------------------------- values
def _compare(x: Any, y: Any, message: str | None, summarize: Any, sign: str, relation: Callable[[Any, Any], Any]) -> None:
    first, second = same_dtype(x, y)
    says = f"{message or ''}\nCondition x {sign} y did not hold. Here x and then y:".lstrip("\n")
    execute(assert_that, (relation(first, second), first, second), {"message": says, "summarize": int(summarize or 3)})


def _comparison(name: str, sign: str, relation: Callable[[Any, Any], Any]) -> Callable[..., None]:
    def check(x: Any, y: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
        _compare(x, y, message, summarize, sign, relation)

    check.__name__ = f"assert_{name}"
    check.__doc__ = f"Raises: InvalidArgumentError unless x {sign} y everywhere.\n\n    >>> tf.debugging.assert_{name}({1 if sign in ('==', '<=', '<', '!=') else 3}, {1 if sign == '==' else 2})\n    "
    public = [f"tf.debugging.assert_{name}"] + ([f"tf.assert_{name}"] if name in ("equal", "greater", "less") else [])
    return export(*public)(check)


def _equal(a: Any, b: Any) -> Any:
    from millstream.ops.math.comparison import equal

    return equal(a, b)


def _different(a: Any, b: Any) -> Any:
    from millstream.ops.math.comparison import not_equal

    return not_equal(a, b)


assert_equal = _comparison("equal", "==", _equal)
assert_none_equal = _comparison("none_equal", "!=", _different)
assert_less = _comparison("less", "<", lambda a, b: a < b)
assert_less_equal = _comparison("less_equal", "<=", lambda a, b: a <= b)
assert_greater = _comparison("greater", ">", lambda a, b: a > b)
assert_greater_equal = _comparison("greater_equal", ">=", lambda a, b: a >= b)


def _sign(name: str, sign: str, relation: Callable[[Any, Any], Any]) -> Callable[..., None]:
    def check(x: Any, message: str | None = None, summarize: Any = None, name: str | None = None) -> None:
        tensor = convert(x)
        says = f"{message or ''}\nCondition x {sign} 0 did not hold element-wise:".lstrip("\n")
        execute(assert_that, (relation(tensor, convert(0, tensor.dtype)), tensor), {"message": says, "summarize": int(summarize or 3)})

    check.__name__, check.__doc__ = f"assert_{name}", f"Raises: InvalidArgumentError unless x {sign} 0 everywhere."
    return export(f"tf.debugging.assert_{name}")(check)


assert_positive = _sign("positive", ">", lambda a, b: a > b)
assert_non_negative = _sign("non_negative", ">=", lambda a, b: a >= b)
assert_negative = _sign("negative", "<", lambda a, b: a < b)
assert_non_positive = _sign("non_positive", "<=", lambda a, b: a <= b)


@export("tf.debugging.assert_near")
def assert_near(
    x: Any, y: Any, rtol: Any = None, atol: Any = None, message: str | None = None, summarize: Any = None, name: str | None = None
) -> None:
    """Raises: InvalidArgumentError unless |x - y| <= atol + rtol |y| everywhere; by default both are ten times the dtype's precision.

    >>> tf.debugging.assert_near(1.0, 1.0000001)
    """
    first, second = same_dtype(x, y)
    small = 10 * float(np.finfo(first.dtype.numpy).eps)
    relative = convert(small if rtol is None else rtol, first.dtype)
    absolute = convert(small if atol is None else atol, first.dtype)
    near = abs_(first - second) < absolute + relative * abs_(second)
    says = f"{message or ''}\nx and y not equal to tolerance. Here x and then y:".lstrip("\n")
    execute(assert_that, (near, first, second), {"message": says, "summarize": int(summarize or 3)})


# ---------------------------------------------------------------------------------------------- ranks, shapes, dtypes
def _check_rank(x: Any, good: Callable[[int], bool], wanted: str, message: str | None) -> None:
    tensor = convert(x)
    if not good(tensor.ndim):
        raise ValueError(f"{message or ''}.  Tensor must have rank {wanted}.  Received rank {tensor.ndim}, shape {tensor.shape}")


def _is(wanted: int) -> Callable[[int], bool]:
    return lambda n: n == wanted


@export("tf.debugging.assert_rank", "tf.assert_rank")
def assert_rank(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises: ValueError unless x has that rank.

    >>> tf.debugging.assert_rank([1], 1)
    """
    _check_rank(x, lambda n: n == int(rank), str(int(rank)), message)


@export("tf.debugging.assert_rank_at_least")
def assert_rank_at_least(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises: ValueError unless x has at least that rank."""
    _check_rank(x, lambda n: n >= int(rank), f"at least {int(rank)}", message)


@export("tf.debugging.assert_rank_in")
def assert_rank_in(x: Any, ranks: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises: ValueError unless x has one of the ranks."""
    wanted = tuple(int(r) for r in ranks)
    _check_rank(x, lambda n: n in wanted, f"in {wanted}", message)


@export("tf.debugging.assert_scalar")
def assert_scalar(tensor: Any, message: str | None = None, name: str | None = None) -> Any:
    """The tensor itself. Raises: ValueError unless it has no dimensions."""
    x = convert(tensor)
    if x.ndim:
        raise ValueError(f"{message or ''}Expected scalar shape, saw shape: {x.shape}.")
    return x


@export("tf.debugging.assert_shapes")
def assert_shapes(shapes: Any, data: Any = None, summarize: Any = None, message: str | None = None, name: str | None = None) -> None:
    """Check pairs of a tensor and its shape, of which each size is a number, None, or a letter that means one size wherever it stands.

    Raises: ValueError.
    >>> tf.debugging.assert_shapes([(tf.ones([2, 3]), ("N", 3)), (tf.ones([2]), ("N",))])
    """
    known: dict[Any, int] = {}
    for x, sizes in shapes.items() if isinstance(shapes, dict) else shapes:
        tensor = convert(x)
        wanted = (sizes,) if isinstance(sizes, (str, int)) else tuple(sizes)
        if wanted and wanted[0] is Ellipsis:
            wanted = (None,) * max(tensor.ndim - len(wanted) + 1, 0) + wanted[1:]
        _check_rank(tensor, _is(len(wanted)), str(len(wanted)), message)
        for i, (size, n) in enumerate(zip(wanted, sizes_of(tensor), strict=True)):
            expected = known.setdefault(size, n) if isinstance(size, str) and not size.isdigit() else n if size is None else int(size)
            if expected != n:
                raise ValueError(
                    f"{message or ''}.  Tensor dimension {i} must have size {expected}.  Received size {n}, shape {tensor.shape}"
                )


@export("tf.debugging.assert_type")
def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises: TypeError unless the tensor has that dtype."""
    x, wanted = convert(tensor), as_dtype(tf_type)
    if x.dtype is not wanted:
        raise TypeError(f"{message or ''} tensor must be of type {wanted!r}; got {x.dtype!r}")


@export("tf.debugging.assert_integer")
def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises: TypeError unless x holds whole numbers."""
    tensor = convert(x)
    if not tensor.dtype.is_integer:
        raise TypeError(f'{message or ""}  Expected "x" to be integer type.  Found: tensor of dtype {tensor.dtype!r}')


@export("tf.debugging.assert_proper_iterable")
def assert_proper_iterable(values: Any) -> None:
    """Raises: TypeError unless values is a list, tuple or the like (a tensor, array or string is not)."""
    if isinstance(values, (Tensor, np.ndarray, str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f'Expected argument "values" to be iterable, and neither tensor, array nor string.  Found: {type(values)}')


@export("tf.debugging.assert_same_float_dtype")
def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> DType:
    """The floating dtype that the tensors share, float32 without any. Raises: ValueError."""
    found = None if dtype is None else as_dtype(dtype)
    for x in tensors or ():
        if found is not None and x.dtype is not found:
            raise ValueError(f"Expected {found!r}, got {x.dtype!r} for a tensor of shape {x.shape}.")
        found = x.dtype
    found = found or as_dtype("float32")
    if not found.is_floating:
        raise ValueError(f"Expected floating point type, got {found!r}.")
    return found


@export("tf.debugging.is_numeric_tensor")
def is_numeric_tensor(tensor: Any) -> bool:
    """Whether this is a tensor of numbers."""
    return isinstance(tensor, Tensor) and (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_complex)


def _remember(name: str) -> None:
    """Switches that change nothing here: everything runs on one device."""

    def switch(enabled: bool = True, **options: Any) -> None:
        return None

    switch.__name__, switch.__doc__ = (
        name,
        "Accepted for TensorFlow's sake; there is one device, and MILLSTREAM_DEBUG=nan finds the first NaN.",
    )
    export(f"tf.debugging.{name}")(switch)


_remember("set_log_device_placement")
_remember("enable_check_numerics")
_remember("disable_check_numerics")
