"""Operations on the bits of whole numbers, elementwise with broadcasting; bitcast and saturating casts."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import DType, as_dtype, float32, int32
from millstream.core.op import Op, op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample, binary, mixed_dtypes, unary
from millstream.core.spec import ArraySpec
from millstream.core.tensor import convert, install_operator
from millstream.ops.array.creation import cast
from millstream.ops.math.arithmetic import maximum, minimum
from millstream.ops.math.comparison import logical_and, logical_not, logical_or, logical_xor
from millstream.ops.rules import Array, Namespace, broadcast, same_as_input
from millstream.util.errors import OpError, invalid
from millstream.util.export import export

INTS = ("int32", "int64", "uint8")


def _bitwise(name: str, says: str, numpy_name: str, body: Any, high: float = 9) -> Op:
    def meaning(xp: Namespace, x: Array, y: Array) -> Array:
        return getattr(xp, numpy_name)(x, y)

    meaning.__name__, meaning.__doc__ = name, f"{says}, elementwise.\n\n    >>> tf.bitwise.{name}([1], [1]).dtype\n    tf.int32\n    "
    made = op(
        f"tf.bitwise.{name}",
        samples=binary(0, 9, 0, high, dtypes=INTS, gradient=False),
        errors=mixed_dtypes(OpError, "int32", "int64"),
        kinds="iu",
    )(meaning)
    made.infer(broadcast)
    made.no_gradient()
    made.scalar(body)
    return made


bitwise_and = _bitwise("bitwise_and", "The bits set in both", "bitwise_and", lambda b, x, y: b.and_(x, y))
bitwise_or = _bitwise("bitwise_or", "The bits set in either", "bitwise_or", lambda b, x, y: b.or_(x, y))
bitwise_xor = _bitwise("bitwise_xor", "The bits set in one alone", "bitwise_xor", lambda b, x, y: b.xor(x, y))
left_shift = _bitwise("left_shift", "x with its bits moved up by y places", "left_shift", lambda b, x, y: b.shl(x, y), 6)
right_shift = _bitwise(
    "right_shift", "x with its bits moved down by y places, the sign kept", "right_shift", lambda b, x, y: b.ashr(x, y), 6
)


@op("tf.bitwise.invert", samples=unary(0, 9, INTS, False), kinds="iu")
def invert(xp: Namespace, x: Array) -> Array:
    """Every bit turned over.

    >>> tf.bitwise.invert([1]).numpy().tolist()
    [-2]
    """
    return xp.invert(x)


invert.infer(same_as_input)
invert.no_gradient()
invert.scalar(lambda b, x: b.xor(x, b.const(-1, x)))


def _install() -> None:
    """&, |, ^ and ~ work on the bits of whole numbers and on booleans alike."""
    for name, bits, truth in (("and", bitwise_and, logical_and), ("or", bitwise_or, logical_or), ("xor", bitwise_xor, logical_xor)):
        first, second = bits.fast, truth.fast
        install_operator(f"__{name}__", _either(first, second))
        install_operator(f"__r{name}__", _either(first, second))
    whole, boolean = invert.fast, logical_not.fast
    install_operator("__invert__", lambda self: boolean(self) if self.dtype.is_bool else whole(self))


def _either(bits: Any, truth: Any) -> Any:
    return lambda self, other: truth(self, other) if self.dtype.is_bool else bits(self, other)


_install()


@op(
    name="bitcast",
    samples=lambda: [
        Sample("same", (Sampled((3, 2)),), {"type": int32}, False),
        Sample("wider", (Sampled((3, 2), "int16", 0, 9),), {"type": float32}, False),
    ],
)
def _bitcast(xp: Namespace, input: Array, *, type: DType) -> Array:
    """The same bytes read as another type."""
    return (
        np.ascontiguousarray(input)
        .reshape(np.shape(input) or (1,))
        .view(type.numpy)
        .reshape(_cast_shape(np.shape(input), input.dtype.itemsize, type.size))
    )


def _cast_shape(shape: tuple[int, ...], old: int, new: int) -> tuple[int, ...]:
    if old == new:
        return shape
    if old > new:
        return (*shape, old // new)
    if not shape or shape[-1] * old != new:
        raise invalid(f"Cannot bitcast from {old} to {new} bytes an element: the last dimension of {list(shape)} must be {new // old}.")
    return shape[:-1]


_bitcast.infer(lambda x, **attrs: ArraySpec(_cast_shape(x.shape, x.dtype.size, attrs["type"].size), attrs["type"]))
_bitcast.no_gradient()


@export("tf.bitcast")
def bitcast(input: Any, type: Any, name: str | None = None) -> Any:
    """The same bytes read as another type; a change of size adds or takes the last dimension.

    >>> tf.bitcast([1.0], tf.int32).numpy().tolist()
    [1065353216]
    """
    return execute(_bitcast, (convert(input),), {"type": as_dtype(type)})


@export("tf.saturate_cast", "tf.dtypes.saturate_cast")
def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Any:
    """The values in another dtype, those that do not fit moved to its nearest end.

    >>> tf.saturate_cast([300.0, -5.0], tf.uint8).numpy().tolist()
    [255, 0]
    """
    x, target = convert(value), as_dtype(dtype)
    if x.dtype.min < target.min:
        x = maximum(x, convert(target.min, x.dtype))
    if x.dtype.max > target.max:
        x = minimum(x, convert(target.max, x.dtype))
    return cast(x, target)
