"""Comparisons, logic and selection. Elementwise with broadcasting: x[...], y[...] -> bool[...]; select: bool, x, y -> x's dtype."""

from typing import Any

import numpy as np

from millstream.core.dispatch import Hooks, wrap
from millstream.core.dtypes import bool_
from millstream.core.op import Op, op
from millstream.core.samples import NUMBERS, Sample, binary, mixed_dtypes, unary
from millstream.core.samples import Array as Sampled
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert, install_operator, reader_of
from millstream.ops.array.shape import unbroadcast
from millstream.ops.rules import Array, Namespace, broadcast_bool, broadcast_shapes, sizes_of
from millstream.util.errors import OpError
from millstream.util.export import export

DIFFERENT = mixed_dtypes(OpError)


def _relation(name: str, sign: str, numpy_name: str, builder_name: str, kinds: str = "iufV") -> Op:
    """One of the six comparisons; a table because they differ in nothing but the sign."""

    def meaning(xp: Namespace, x: Array, y: Array) -> Array:
        return getattr(xp, numpy_name)(x, y)

    meaning.__name__ = name
    meaning.__doc__ = (
        f"Whether x {sign} y, elementwise with broadcasting; bool.\n\n    >>> bool(tf.{name}(1, 2))\n    {sign in ('<', '<=', '!=')}\n    "
    )
    made = op(f"tf.math.{name}", f"tf.{name}", samples=binary(-2, 2, dtypes=NUMBERS, gradient=False), errors=DIFFERENT, kinds=kinds)(
        meaning
    )
    made.infer(broadcast_bool)
    made.no_gradient()
    made.scalar(lambda b, x, y: getattr(b, builder_name)(x, y))
    return made


equal = _relation("equal", "==", "equal", "eq", "")
not_equal = _relation("not_equal", "!=", "not_equal", "ne", "")
less = _relation("less", "<", "less", "lt")
less_equal = _relation("less_equal", "<=", "less_equal", "le")
greater = _relation("greater", ">", "greater", "gt")
greater_equal = _relation("greater_equal", ">=", "greater_equal", "ge")


@op(name="select", mixed=True, samples=lambda: [
    Sample("matrix", (Sampled((3, 5), "bool"), Sampled((3, 5)), Sampled((3, 5)))),
    Sample("broadcast", (Sampled((3, 1), "bool"), Sampled((5,)), Sampled())),
])  # fmt: skip
def select(xp: Namespace, condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, else y; all three broadcast. x and y have one dtype."""
    return xp.where(condition, x, y)


select.infer(lambda c, x, y: ArraySpec(broadcast_shapes(c.shape, x.shape, y.shape), x.dtype))
select.vjp(
    None,
    lambda g, out, c, x, y: unbroadcast(where_else_zero(c, g), x),
    lambda g, out, c, x, y: unbroadcast(select(c, Hooks.zeros_like(g), g), y),
)
select.scalar(lambda b, c, x, y: b.select(c, x, y))


def where_else_zero(condition: Tensor, x: Tensor) -> Any:
    """x where the condition holds, else 0."""
    return select(condition, x, convert(False, bool_) if x.dtype is bool_ else Hooks.zeros(ArraySpec((), x.dtype)))


def _logical(name: str, sign: str, numpy_name: str, builder_name: str) -> Op:
    def meaning(xp: Namespace, x: Array, y: Array) -> Array:
        return getattr(xp, numpy_name)(x, y)

    meaning.__name__ = name
    meaning.__doc__ = f"Logical {sign} of booleans, elementwise with broadcasting."
    made = op(
        f"tf.math.{name}",
        *([] if name == "logical_xor" else [f"tf.{name}"]),
        samples=binary(0, 1, dtypes=("bool",), gradient=False),
        kinds="b",
    )(meaning)
    made.infer(broadcast_bool)
    made.no_gradient()
    made.scalar(lambda b, x, y: getattr(b, builder_name)(x, y))
    return made


logical_and = _logical("logical_and", "and", "logical_and", "logical_and")
logical_or = _logical("logical_or", "or", "logical_or", "logical_or")
logical_xor = _logical("logical_xor", "exclusive or", "logical_xor", "logical_xor")


@op("tf.math.logical_not", "tf.logical_not", samples=unary(0, 1, ("bool",), False), kinds="b")
def logical_not(xp: Namespace, x: Array) -> Array:
    """Logical not of booleans.

    >>> tf.logical_not([True, False]).numpy().tolist()
    [False, True]
    """
    return xp.logical_not(x)


logical_not.infer(lambda x: x)
logical_not.no_gradient()
logical_not.scalar(lambda b, x: b.logical_not(x))


def _tensor_equals(self: Any, other: Any) -> Any:
    """`==` of tensors: elementwise; False for None, and a tensor that is False for shapes that do not broadcast."""
    if other is None:
        return False
    try:
        return _equal(self, other)
    except OpError:
        return _unless_broadcast(self, other, np.False_)


def _tensor_differs(self: Any, other: Any) -> Any:
    if other is None:
        return True
    try:
        return _not_equal(self, other)
    except OpError:
        return _unless_broadcast(self, other, np.True_)


def _unless_broadcast(x: Any, y: Any, otherwise: Any) -> Any:
    """In the place of a failed comparison: its outcome for shapes that do not fit. Raises the error again when they do."""
    try:
        broadcast_shapes(sizes_of(x), sizes_of(convert(y, hint=x.dtype)))
    except OpError:
        return wrap(otherwise)
    raise  # noqa: PLE0704  (the error that the caller is handling)


_equal, _not_equal = equal.fast, not_equal.fast
install_operator("__eq__", _tensor_equals)
install_operator("__ne__", _tensor_differs)
for _name, _made in (("lt", less), ("le", less_equal), ("gt", greater), ("ge", greater_equal)):
    install_operator(f"__{_name}__", _made.fast)


def is_tensor_like(x: Any) -> bool:
    """Whether x is a tensor, a variable, or has a reader."""
    return isinstance(x, Tensor) or reader_of(x) is not None


@export("tf.is_tensor")
def is_tensor(x: Any) -> bool:
    """Whether x is a tensor, a variable or the like."""
    return is_tensor_like(x)
