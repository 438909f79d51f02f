"""Complex numbers: built from and taken apart into real ones. Elementwise."""

from typing import Any

import numpy as np

from millstream.core.dispatch import Hooks, execute
from millstream.core.dtypes import DType, complex64, complex128, float32
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample, unary
from millstream.core.spec import ArraySpec
from millstream.core.tensor import convert
from millstream.ops.array.shape import unbroadcast
from millstream.ops.math.arithmetic import _conj, absolute, divide_or_zero, multiply
from millstream.ops.rules import Array, Namespace, broadcast_shapes
from millstream.util.export import export

COMPLEX = ("complex64", "complex128")


def _of(dtype: DType) -> DType:
    return complex64 if dtype is float32 else complex128


@op(
    "tf.complex",
    "tf.dtypes.complex",
    samples=lambda: [Sample("pair", (Sampled((3,), "float64"), Sampled((2, 3), "float64")), {}, False)],
    kinds="f",
)
def complex_(xp: Namespace, real: Array, imag: Array) -> Array:
    """real + imag i: float32 gives complex64, float64 complex128.

    >>> complex(tf.complex(1.0, 2.0))
    (1+2j)
    """
    return (real + 1j * imag).astype(np.complex64 if real.dtype == np.float32 else np.complex128)


complex_.infer(lambda x, y: ArraySpec(broadcast_shapes(x.shape, y.shape), _of(x.dtype)))


def _part(x: ArraySpec) -> ArraySpec:
    return ArraySpec(x.shape, x.dtype.real_dtype)


@op(name="real_part", samples=unary(-2, 2, COMPLEX, False))
def _real(xp: Namespace, x: Array) -> Array:
    """The real part."""
    return xp.real(x)


@op(name="imag_part", samples=unary(-2, 2, COMPLEX, False))
def _imag(xp: Namespace, x: Array) -> Array:
    """The imaginary part."""
    return xp.imag(x)


def _zeros(g: Any) -> Any:
    return multiply(g, convert(0, g.dtype))


complex_.vjp(lambda g, out, x, y: unbroadcast(_real(g), x), lambda g, out, x, y: unbroadcast(_imag(g), y))
_real.infer(_part)
_real.vjp(lambda g, out, x: complex_(g, _zeros(g)))
_imag.infer(_part)
_imag.vjp(lambda g, out, x: complex_(_zeros(g), g))


@op(name="complex_abs", samples=unary(-2, 2, COMPLEX, False))
def _complex_abs(xp: Namespace, x: Array) -> Array:
    """The absolute value of complex numbers: a real number."""
    return xp.abs(x)


_complex_abs.infer(_part)
_complex_abs.vjp(lambda g, out, x: multiply(complex_(g, _zeros(g)), divide_or_zero(x, complex_(out, _zeros(out)))))


@export("tf.math.real")
def real(input: Any, name: str | None = None) -> Any:
    """The real part; real numbers stay as they are.

    >>> float(tf.math.real(1 + 2j))
    1.0
    """
    x = convert(input)
    return execute(_real, (x,), {}) if x.dtype.is_complex else x


@export("tf.math.imag")
def imag(input: Any, name: str | None = None) -> Any:
    """The imaginary part; 0 for real numbers.

    >>> float(tf.math.imag(1 + 2j))
    2.0
    """
    x = convert(input)
    return execute(_imag, (x,), {}) if x.dtype.is_complex else Hooks.zeros_like(x)


@export("tf.math.angle")
def angle(input: Any, name: str | None = None) -> Any:
    """The angle of a complex number, in radians.

    >>> float(tf.math.angle(1 + 0j))
    0.0
    """
    from millstream.ops.math.trigonometric import atan2

    x = convert(input)
    return execute(atan2, (imag(x), real(x)), {})


@export("tf.math.conj")
def conj(x: Any, name: str | None = None) -> Any:
    """The complex conjugate; real numbers stay as they are.

    >>> complex(tf.math.conj(1 + 2j))
    (1-2j)
    """
    tensor = convert(x)
    return execute(_conj, (tensor,), {}) if tensor.dtype.is_complex else tensor


def absolute_of(x: Any) -> Any:
    """The absolute value of real or complex numbers."""
    tensor = convert(x)
    return execute(_complex_abs, (tensor,), {}) if tensor.dtype.is_complex else execute(absolute, (tensor,), {})
