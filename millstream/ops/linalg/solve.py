"""Inverses, determinants, linear systems. Matrices [..., N, N], right-hand sides [..., N, K]; LAPACK does the work."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import ErrorCase, Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import expand_dims
from millstream.ops.linalg.diagonal import adjoint, band_part, diag_part
from millstream.ops.math.arithmetic import multiply, negative
from millstream.ops.math.exponential import log
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.nn.matmul import matmul
from millstream.ops.rules import Array, Namespace
from millstream.util.errors import OpError, invalid
from millstream.util.export import export

_MATRIX = np.array([[3.0, 1.0, 0.5], [1.0, 4.0, -1.0], [0.2, -0.7, 2.0]])
_SINGULAR = np.ones((2, 2), "float32")


def _samples(**attrs: Any) -> Any:
    return lambda: [Sample(d, (Sampled((3, 3), d, values=_MATRIX),), attrs) for d in ("float32", "float64")]


def square_matrix(x: Any, what: str = "Input") -> Tensor:
    """A tensor of square matrices of a floating dtype. Raises: InvalidArgumentError."""
    a = convert(x)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise invalid(f"{what} matrix must be square, got shape {list(a.shape)}")
    if not (a.dtype.is_floating or a.dtype.is_complex):
        raise invalid(f"{what} matrix must be floating point or complex, got {a.dtype.name}; use tf.cast.")
    return a


def _solved(compute: Any, *args: Any) -> Any:
    try:
        return compute(*args)
    except np.linalg.LinAlgError as error:
        raise invalid(f"Input is not invertible ({error}).") from None


@op(name="matrix_inverse", samples=_samples(), errors=(ErrorCase((_SINGULAR,), OpError, "Input is not invertible"),), kinds="fc")
def _inv(xp: Namespace, input: Array) -> Array:
    """The inverse of square matrices."""
    return _solved(xp.linalg.inv, input)


_inv.infer(lambda x: x)
_inv.vjp(lambda g, out, x: negative(matmul(out, matmul(g, out, adjoint_b=True), adjoint_a=True)))


@export("tf.linalg.inv")
def inv(input: Any, adjoint: bool = False, name: str | None = None) -> Any:
    """The inverse of square matrices, of their adjoints if asked. Raises: InvalidArgumentError for a singular one.

    >>> tf.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).numpy().tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    found = execute(_inv, (square_matrix(input),), {})
    return _adjoint(found) if adjoint else found


def _adjoint(x: Any) -> Any:
    return adjoint(x)


@op(name="matrix_determinant", samples=_samples(), kinds="fc")
def _det(xp: Namespace, input: Array) -> Array:
    """The determinant of square matrices: [..., N, N] -> [...]."""
    return xp.linalg.det(input)


def _wide(g: Any) -> Any:
    return expand_dims(expand_dims(g, -1), -1)


_det.infer(lambda x: ArraySpec(x.shape[:-2], x.dtype))
_det.vjp(lambda g, out, x: multiply(_wide(multiply(g, out)), adjoint(_inv(x))))


@export("tf.linalg.det")
def det(input: Any, name: str | None = None) -> Any:
    """The determinant of square matrices.

    >>> float(tf.linalg.det([[2.0, 0.0], [0.0, 4.0]]))
    8.0
    """
    return execute(_det, (square_matrix(input),), {})


@op(name="log_matrix_determinant", samples=_samples(), kinds="fc")
def _slogdet(xp: Namespace, input: Array) -> tuple[Array, Array]:
    """Sign and logarithm of the absolute value of the determinant."""
    found = xp.linalg.slogdet(input)
    return found[0], found[1]


_slogdet.infer(lambda x: (ArraySpec(x.shape[:-2], x.dtype), ArraySpec(x.shape[:-2], x.dtype.real_dtype)))
_slogdet.vjp(lambda g, out, x: multiply(_wide(g[1]), adjoint(_inv(x))))


@export("tf.linalg.slogdet")
def slogdet(input: Any, name: str | None = None) -> Any:
    """Sign and logarithm of the absolute value of the determinant."""
    return execute(_slogdet, (square_matrix(input),), {})


@export("tf.linalg.logdet")
def logdet(matrix: Any, name: str | None = None) -> Any:
    """The logarithm of the determinant of positive definite matrices.

    >>> float(tf.linalg.logdet([[1.0, 0.0], [0.0, 1.0]]))
    0.0
    """
    from millstream.ops.linalg.decompose import cholesky

    return multiply(convert(2.0, convert(matrix).dtype), reduce_sum(log(diag_part(cholesky(matrix))), -1))


# ---------------------------------------------------------------------------------------------- linear systems
@op(
    name="matrix_solve",
    kinds="fc",
    samples=lambda: [
        Sample(f"{d}{a}", (Sampled((3, 3), d, values=_MATRIX), Sampled((3, 2), d)), {"adjoint": a})
        for d in ("float32", "float64")
        for a in (False, True)
    ],
)
def _solve(xp: Namespace, matrix: Array, rhs: Array, *, adjoint: bool) -> Array:
    """X of A X = B, or of adjoint(A) X = B."""
    return _solved(xp.linalg.solve, xp.conj(xp.swapaxes(matrix, -1, -2)) if adjoint else matrix, rhs)


_solve.infer(lambda a, b, *, adjoint: b)


@_solve.vjp_all
def _(g: Any, out: Any, a: Any, b: Any, *, adjoint: bool) -> list[Any]:
    db = _solve(a, g, adjoint=not adjoint)
    da = matmul(out, db, adjoint_b=True) if adjoint else matmul(db, out, adjoint_b=True)
    return [negative(da), db]


def _system(matrix: Any, rhs: Any) -> tuple[Tensor, Tensor]:
    a = square_matrix(matrix)
    b = convert(rhs, hint=a.dtype)
    if b.ndim != a.ndim or b.shape[-2] != a.shape[-1] or tuple(b.shape)[:-2] != tuple(a.shape)[:-2]:
        raise invalid(
            f"Input matrix and rhs are incompatible: shapes {list(a.shape)} and {list(b.shape)}; expected [..., N, N] and [..., N, K]."
        )
    return a, b


@export("tf.linalg.solve")
def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Any:
    """X of matrix X = rhs. Raises: InvalidArgumentError for a singular matrix.

    >>> tf.linalg.solve([[2.0]], [[4.0]]).numpy().tolist()
    [[2.0]]
    """
    return execute(_solve, _system(matrix, rhs), {"adjoint": bool(adjoint)})


@op(name="matrix_triangular_solve", kinds="fc", samples=lambda: [
    Sample(f"{low}{a}", (Sampled((3, 3), values=_MATRIX), Sampled((3, 2))), {"lower": low, "adjoint": a}) for low in (False, True) for a in (False, True)
])  # fmt: skip
def _triangular(xp: Namespace, matrix: Array, rhs: Array, *, lower: bool, adjoint: bool) -> Array:
    """X of T X = B where T is one triangle of the matrix."""
    half = xp.tril(matrix) if lower else xp.triu(matrix)
    return _solved(xp.linalg.solve, xp.conj(xp.swapaxes(half, -1, -2)) if adjoint else half, rhs)


_triangular.infer(lambda a, b, *, lower, adjoint: b)


@_triangular.vjp_all
def _(g: Any, out: Any, a: Any, b: Any, *, lower: bool, adjoint: bool) -> list[Any]:
    db = _triangular(a, g, lower=lower, adjoint=not adjoint)
    da = matmul(out, db, adjoint_b=True) if adjoint else matmul(db, out, adjoint_b=True)
    return [negative(band_part(da, -1, 0) if lower else band_part(da, 0, -1)), db]


@export("tf.linalg.triangular_solve")
def triangular_solve(matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None) -> Any:
    """X of T X = rhs where T is the lower (or upper) triangle of the matrix.

    >>> tf.linalg.triangular_solve([[2.0, 9.0], [0.0, 1.0]], [[4.0], [1.0]]).numpy().tolist()
    [[2.0], [1.0]]
    """
    return execute(_triangular, _system(matrix, rhs), {"lower": bool(lower), "adjoint": bool(adjoint)})


@export("tf.linalg.cholesky_solve")
def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Any:
    """X of L adjoint(L) X = rhs."""
    return triangular_solve(chol, triangular_solve(chol, rhs), adjoint=True)


@export("tf.linalg.lstsq")
def lstsq(matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True, name: str | None = None) -> Any:
    """X that makes |matrix X - rhs| smallest (of least norm for wide matrices), by the normal equations.

    >>> tf.linalg.lstsq([[1.0], [1.0]], [[1.0], [3.0]]).numpy().round(4).tolist()
    [[2.0]]
    """
    from millstream.ops.array.sequence import eye

    a = convert(matrix)
    b = convert(rhs, hint=a.dtype)
    rows, columns = int(a.shape[-2]), int(a.shape[-1])
    ridge = multiply(convert(l2_regularizer, a.dtype), eye(min(rows, columns), dtype=a.dtype))
    if rows >= columns:
        return solve(matmul(a, a, adjoint_a=True) + ridge, matmul(a, b, adjoint_a=True))
    return matmul(a, solve(matmul(a, a, adjoint_b=True) + ridge, b), adjoint_a=True)
