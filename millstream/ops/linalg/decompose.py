"""Factorizations: Cholesky, QR, eigenvalues, singular values; functions of matrices made of them. LAPACK does the work."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import complex64, complex128, float32, int32
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import ErrorCase, Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast
from millstream.ops.array.sequence import eye
from millstream.ops.array.shape import expand_dims
from millstream.ops.linalg.diagonal import _diag, adjoint, band_part, diag_part, set_diag
from millstream.ops.linalg.solve import square_matrix, triangular_solve
from millstream.ops.math.arithmetic import add, multiply, subtract, truediv
from millstream.ops.math.comparison import select
from millstream.ops.math.reduce import reduce_max
from millstream.ops.math.safe import divide_no_nan
from millstream.ops.nn.matmul import matmul
from millstream.ops.rules import Array, Namespace
from millstream.util.errors import OpError, invalid
from millstream.util.export import export

_POSITIVE = np.array([[3.0, 1.0, 0.5], [1.0, 4.0, -1.0], [0.5, -1.0, 2.0]])
_TALL = np.array([[3.0, 1.0, 0.5], [1.0, 4.0, -1.0], [0.2, -0.7, 2.0], [1.0, 0.0, -1.5]])
_NOT_POSITIVE = ErrorCase((-np.eye(2, dtype="float32"),), OpError, "Cholesky decomposition was not successful")


def _diagonal(x: Any) -> Any:
    n = int(x.shape[-1])
    return execute(_diag, (x,), {"k": 0, "rows": n, "columns": n})


# ---------------------------------------------------------------------------------------------- Cholesky
@op(
    name="cholesky",
    samples=lambda: [Sample(d, (Sampled((3, 3), d, values=_POSITIVE),), {}, False) for d in ("float32", "float64")],
    errors=(_NOT_POSITIVE,),
    kinds="fc",
)
def _cholesky(xp: Namespace, input: Array) -> Array:
    """The lower triangle L of A = L adjoint(L)."""
    try:
        return xp.linalg.cholesky(input)
    except np.linalg.LinAlgError:
        raise invalid("Cholesky decomposition was not successful. The input might not be valid: it must be positive definite.") from None


_cholesky.infer(lambda x: x)


@_cholesky.vjp
def _(g: Any, out: Any, x: Any) -> Any:
    middle = matmul(out, g, adjoint_a=True)
    middle = set_diag(middle, multiply(convert(0.5, g.dtype), diag_part(middle)))
    middle = band_part(middle, -1, 0)
    left = triangular_solve(out, middle, adjoint=True)
    whole = adjoint(triangular_solve(out, adjoint(left), adjoint=True))
    return multiply(convert(0.5, g.dtype), add(whole, adjoint(whole)))


@export("tf.linalg.cholesky")
def cholesky(input: Any, name: str | None = None) -> Any:
    """The lower triangle L of A = L adjoint(L). Raises: InvalidArgumentError unless A is positive definite.

    >>> tf.linalg.cholesky([[4.0]]).numpy().tolist()
    [[2.0]]
    """
    return execute(_cholesky, (square_matrix(input),), {})


# ---------------------------------------------------------------------------------------------- QR
@op(
    name="qr",
    kinds="fc",
    samples=lambda: [
        Sample("tall", (Sampled((4, 3), "float64", values=_TALL),), {"full": False}),
        Sample("square", (Sampled((3, 3), "float64", values=_POSITIVE),), {"full": False}),
    ],
)
def _qr(xp: Namespace, input: Array, *, full: bool) -> tuple[Array, Array]:
    """Q with orthonormal columns and the upper triangle R of A = Q R."""
    q, r = xp.linalg.qr(input, "complete" if full else "reduced")
    return q, r


@_qr.infer
def _(x: ArraySpec, *, full: bool) -> tuple[ArraySpec, ArraySpec]:
    *batch, m, n = x.shape
    k = m if full else min(m, n)
    return ArraySpec((*batch, m, k), x.dtype), ArraySpec((*batch, k, n), x.dtype)


@_qr.vjp
def _(g: Any, out: Any, x: Any, *, full: bool) -> Any:
    (dq, dr), (q, r) = g, out
    if r.shape[-1] != r.shape[-2]:
        raise LookupError("The gradient of qr is there for matrices with at least as many rows as columns, and full_matrices=False.")
    inner = subtract(matmul(r, dr, adjoint_b=True), matmul(dq, q, adjoint_a=True))
    lower = band_part(inner, -1, 0)
    symmetric = subtract(add(lower, adjoint(lower)), _diagonal(diag_part(inner)))
    whole = add(dq, matmul(q, symmetric))
    return adjoint(triangular_solve(r, adjoint(whole), lower=False))


@export("tf.linalg.qr")
def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Any:
    """Q with orthonormal columns and the upper triangle R of A = Q R.

    >>> [abs(v).numpy().tolist() for v in tf.linalg.qr([[2.0]])]
    [[[1.0]], [[2.0]]]
    """
    return execute(_qr, (_matrix(input),), {"full": bool(full_matrices)})


def _matrix(x: Any) -> Tensor:
    a = convert(x)
    if a.ndim < 2:
        raise invalid(f"Input must have rank >= 2, got {a.ndim}")
    return a


# ---------------------------------------------------------------------------------------------- eigenvalues
@op(
    name="self_adjoint_eig",
    kinds="fc",
    samples=lambda: [Sample(d, (Sampled((3, 3), d, values=_POSITIVE),), {}, False) for d in ("float32", "float64")],
)
def _eigh(xp: Namespace, tensor: Array) -> tuple[Array, Array]:
    """Eigenvalues, from the smallest, and eigenvectors (columns) of self-adjoint matrices; the lower triangle is read."""
    e, v = xp.linalg.eigh(tensor)
    return e, v


_eigh.infer(lambda x: (ArraySpec(x.shape[:-1], x.dtype.real_dtype), x))


@_eigh.vjp
def _(g: Any, out: Any, x: Any) -> Any:
    (de, dv), (e, v) = g, out
    gaps = subtract(expand_dims(e, -2), expand_dims(e, -1))
    inner = multiply(cast(divide_no_nan(convert(np.ones((), gaps.dtype.numpy)), gaps), v.dtype), matmul(v, dv, adjoint_a=True))
    whole = matmul(v, matmul(add(_diagonal(cast(de, v.dtype)), inner), v, adjoint_b=True))
    both = band_part(add(whole, adjoint(whole)), -1, 0)
    return set_diag(both, multiply(convert(0.5, both.dtype), diag_part(both)))


@export("tf.linalg.eigh")
def eigh(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues, from the smallest, and eigenvectors (columns) of self-adjoint matrices.

    >>> tf.linalg.eigh([[2.0, 0.0], [0.0, 1.0]])[0].numpy().tolist()
    [1.0, 2.0]
    """
    return execute(_eigh, (square_matrix(tensor),), {})


@export("tf.linalg.eigvalsh")
def eigvalsh(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues of self-adjoint matrices, from the smallest."""
    return eigh(tensor)[0]


@op(name="eig", kinds="fc", samples=lambda: [Sample(d, (Sampled((3, 3), d, values=_POSITIVE),), {}, False) for d in ("float32", "float64")])
def _eig(xp: Namespace, input: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors (columns) of any square matrices: complex numbers."""
    kind = np.complex64 if input.dtype in (np.float32, np.complex64) else np.complex128
    e, v = xp.linalg.eig(input)
    return e.astype(kind), v.astype(kind)


def _complex(x: ArraySpec) -> Any:
    return complex64 if x.dtype in (float32, complex64) else complex128


_eig.infer(lambda x: (ArraySpec(x.shape[:-1], _complex(x)), ArraySpec(x.shape, _complex(x))))
_eig.no_gradient()


@export("tf.linalg.eig", "tf.eig")
def eig(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues and eigenvectors (columns) of square matrices: complex numbers."""
    return execute(_eig, (square_matrix(tensor),), {})


@export("tf.linalg.eigvals", "tf.eigvals")
def eigvals(tensor: Any, name: str | None = None) -> Any:
    """Eigenvalues of square matrices: complex numbers."""
    return eig(tensor)[0]


# ---------------------------------------------------------------------------------------------- singular values
@op(
    name="svd",
    kinds="fc",
    samples=lambda: [Sample(d, (Sampled((4, 3), d, values=_TALL),), {"full": False}) for d in ("float32", "float64")],
)
def _svd(xp: Namespace, tensor: Array, *, full: bool) -> tuple[Array, Array, Array]:
    """Singular values, from the largest, and U, V of A = U diag(s) adjoint(V)."""
    u, s, vh = xp.linalg.svd(tensor, full_matrices=full)
    return s, u, xp.conj(xp.swapaxes(vh, -1, -2))


@_svd.infer
def _(x: ArraySpec, *, full: bool) -> tuple[ArraySpec, ArraySpec, ArraySpec]:
    *batch, m, n = x.shape
    k = min(m, n)
    return (
        ArraySpec((*batch, k), x.dtype.real_dtype),
        ArraySpec((*batch, m, m if full else k), x.dtype),
        ArraySpec((*batch, n, n if full else k), x.dtype),
    )


@_svd.vjp
def _svd_gradient(g: Any, out: Any, x: Any, *, full: bool) -> Any:
    """With F[i, j] = 1 / (s[j]**2 - s[i]**2) off the diagonal; what leads out of the spaces of U and V is added."""
    (ds, du, dv), (s, u, v) = g, out
    if full and x.shape[-1] != x.shape[-2]:
        raise LookupError("The gradient of svd is there for full_matrices=False.")
    squares = multiply(s, s)
    one = convert(np.ones((), s.dtype.numpy))
    factor = divide_no_nan(one, subtract(expand_dims(squares, -2), expand_dims(squares, -1)))
    left, right = (multiply(factor, matmul(a, b, transpose_a=True)) for a, b in ((u, du), (v, dv)))
    core = multiply(add(left, adjoint(left)), expand_dims(s, -2))
    core = add(core, multiply(expand_dims(s, -1), add(right, adjoint(right))))
    whole = matmul(matmul(u, add(core, _diagonal(ds))), v, transpose_b=True)
    inverse = divide_no_nan(one, s)
    beyond_u = multiply(subtract(du, matmul(u, matmul(u, du, transpose_a=True))), expand_dims(inverse, -2))
    beyond_v = multiply(subtract(dv, matmul(v, matmul(v, dv, transpose_a=True))), expand_dims(inverse, -2))
    return add(whole, add(matmul(beyond_u, v, transpose_b=True), matmul(u, beyond_v, transpose_b=True)))


@export("tf.linalg.svd")
def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """Singular values s, from the largest, and U, V of A = U diag(s) adjoint(V); compute_uv=False gives s alone.

    >>> tf.linalg.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).numpy().tolist()
    [4.0, 3.0]
    """
    s, u, v = execute(_svd, (_matrix(tensor),), {"full": bool(full_matrices) and compute_uv})
    return (s, u, v) if compute_uv else s


@export("tf.linalg.matrix_rank")
def matrix_rank(a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None) -> Any:
    """How many singular values are larger than tol (by default: the largest times the size times the precision).

    >>> int(tf.linalg.matrix_rank([[1.0, 1.0], [1.0, 1.0]]))
    1
    """
    from millstream.ops.math.reduce import reduce_sum

    x = _matrix(a)
    s = svd(x, compute_uv=False)
    if tol is None:
        small = float(np.finfo(x.dtype.numpy).eps) * max(int(x.shape[-2]), int(x.shape[-1]))
        tol = multiply(convert(small, s.dtype), reduce_max(s, -1, True))
    return reduce_sum(cast(s > convert(tol, s.dtype), int32), -1)


@export("tf.linalg.pinv")
def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Any:
    """The pseudo-inverse; singular values below rcond times the largest count as 0.

    >>> tf.linalg.pinv([[2.0, 0.0], [0.0, 4.0]]).numpy().round(4).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    x = _matrix(a)
    if rcond is None:
        rcond = 10 * max(int(x.shape[-2]), int(x.shape[-1])) * float(np.finfo(x.dtype.numpy).eps)
    s, u, v = svd(x)
    kept = s > multiply(convert(rcond, s.dtype), reduce_max(s, -1, True))
    inverse = truediv(convert(1, s.dtype), select(kept, s, convert(float("inf"), s.dtype)))
    return matmul(multiply(v, expand_dims(inverse, -2)), u, adjoint_b=True)


@export("tf.linalg.expm")
def expm(input: Any, name: str | None = None) -> Any:
    """The exponential of square matrices: Taylor's series of order 18 after halving until the norm is below 1/2, then squaring.

    >>> tf.linalg.expm([[0.0]]).numpy().tolist()
    [[1.0]]
    """
    from millstream.ops.math.complex_ import absolute_of
    from millstream.ops.math.reduce import reduce_sum

    a = square_matrix(input)
    size = reduce_max(reduce_sum(absolute_of(a), -1))
    halvings = max(0, int(np.ceil(np.log2(max(float(size), 1e-300)))) + 1) if type(size) is Tensor else 8
    x = multiply(a, convert(0.5**halvings, a.dtype))
    total = term = eye(int(a.shape[-1]), batch_shape=list(a.shape)[:-2], dtype=a.dtype)
    for k in range(1, 19):
        term = multiply(matmul(term, x), convert(1 / k, a.dtype))
        total = add(total, term)
    for _ in range(halvings):
        total = matmul(total, total)
    return total


@op(
    name="matrix_square_root",
    kinds="fc",
    samples=lambda: [Sample(d, (Sampled((3, 3), d, values=_POSITIVE),), {}, False) for d in ("float32", "float64")],
)
def _sqrtm(xp: Namespace, input: Array) -> Array:
    """The principal square root of square matrices with distinct eigenvectors."""
    e, v = np.linalg.eig(input)
    root = v * np.sqrt(e.astype(complex))[..., None, :] @ np.linalg.inv(v)
    return (root if input.dtype.kind == "c" else root.real).astype(input.dtype)


_sqrtm.infer(lambda x: x)


@export("tf.linalg.sqrtm", "tf.matrix_square_root")
def sqrtm(input: Any, name: str | None = None) -> Any:
    """The principal square root of square matrices that can be diagonalized.

    >>> tf.linalg.sqrtm([[4.0, 0.0], [0.0, 9.0]]).numpy().tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    return execute(_sqrtm, (square_matrix(input),), {})
