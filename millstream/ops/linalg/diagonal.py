"""Diagonals, bands, traces of matrices [..., M, N]."""

from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.join import roll
from millstream.ops.array.shape import _reshape, transpose
from millstream.ops.math.arithmetic import conjugate, multiply, subtract
from millstream.ops.math.comparison import select, where_else_zero
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.rules import Array, Namespace, sizes_of
from millstream.util.errors import invalid
from millstream.util.export import export


def _length(rows: int, columns: int, k: int) -> int:
    """How many elements diagonal k has."""
    return max(0, min(rows + min(k, 0), columns - max(k, 0)))


def _places(length: int, k: int) -> tuple[Array, Array]:
    steps = np.arange(length)
    return steps + max(-k, 0), steps + max(k, 0)


@op(name="diag_part", samples=lambda: [Sample(f"{s}{k}", (Sampled(s),), {"k": k}) for s, k in (((3, 3), 0), ((2, 3, 4), 1), ((4, 3), -2))])
def _diag_part(xp: Namespace, input: Array, *, k: int) -> Array:
    """Diagonal k of matrices: [..., M, N] -> [..., its length]."""
    return xp.array(xp.diagonal(input, k, -2, -1))


_diag_part.infer(lambda x, *, k: ArraySpec((*x.shape[:-2], _length(x.shape[-2], x.shape[-1], k)), x.dtype))


@op(
    name="diag",
    samples=lambda: [
        Sample("plain", (Sampled((3,)),), {"k": 0, "rows": 3, "columns": 3}),
        Sample("above", (Sampled((2, 3)),), {"k": 1, "rows": 3, "columns": 5}),
    ],
)
def _diag(xp: Namespace, diagonal: Array, *, k: int, rows: int, columns: int) -> Array:
    """Zeros with diagonal k filled: [..., length] -> [..., rows, columns]."""
    out = np.zeros((*diagonal.shape[:-1], rows, columns), diagonal.dtype)
    i, j = _places(diagonal.shape[-1], k)
    out[..., i, j] = diagonal
    return out


_diag_part.vjp(lambda g, out, x, *, k: _diag(g, k=k, rows=int(x.shape[-2]), columns=int(x.shape[-1])))
_diag.infer(lambda x, *, k, rows, columns: ArraySpec((*x.shape[:-1], rows, columns), x.dtype))
_diag.vjp(lambda g, out, x, *, k, rows, columns: _diag_part(g, k=k))


def diagonal_of(x: Any) -> Any:
    """The main diagonal of [..., N, N]."""
    return _diag_part(x, k=0)


def _one_diagonal(k: Any) -> int:
    given = k.numpy() if isinstance(k, Tensor) else k
    both = [int(v) for v in np.asarray(given).reshape(-1)]
    if len(set(both)) != 1:
        raise NotImplementedError(
            f"Bands of several diagonals (k={given}) are not there; take the diagonals one by one, or use tf.linalg.band_part."
        )
    return both[0]


def _matrix_input(x: Any, what: str) -> Tensor:
    tensor = convert(x)
    if tensor.ndim < 2:
        raise invalid(f"{what} must be at least 2-dim, received shape: {list(tensor.shape)}")
    return tensor


@export("tf.linalg.diag")
def diag(
    diagonal: Any, name: str = "diag", k: Any = 0, num_rows: int = -1, num_cols: int = -1, padding_value: Any = 0, align: str = "RIGHT_LEFT"
) -> Any:
    """Matrices with a diagonal filled: [..., N] -> [..., N + |k|, N + |k|], padding_value elsewhere.

    >>> tf.linalg.diag([1, 2]).numpy().tolist()
    [[1, 0], [0, 2]]
    """
    x, at = convert(diagonal), _one_diagonal(k)
    n = int(x.shape[-1])
    rows = num_rows if num_rows != -1 else n + max(-at, 0) if num_cols != -1 else n + abs(at)
    columns = num_cols if num_cols != -1 else n + max(at, 0) if num_rows != -1 else n + abs(at)
    if _length(rows, columns, at) != n:
        raise invalid(f"A diagonal of {n} elements does not fit diagonal {at} of a matrix of {rows} rows and {columns} columns.")
    made = execute(_diag, (x,), {"k": at, "rows": rows, "columns": columns})
    if isinstance(padding_value, (int, float)) and padding_value == 0:
        return made
    return select(_on_diagonal(rows, columns, at), made, convert(padding_value, x.dtype))


def _on_diagonal(rows: int, columns: int, k: int) -> Tensor:
    return convert(np.eye(rows, columns, k, dtype=bool))


@export("tf.linalg.diag_part")
def diag_part(input: Any, name: str = "diag_part", k: Any = 0, padding_value: Any = 0, align: str = "RIGHT_LEFT") -> Any:
    """A diagonal of matrices: [..., M, N] -> [..., its length].

    Raises: InvalidArgumentError for a vector.
    >>> tf.linalg.diag_part([[1, 2], [3, 4]]).numpy().tolist()
    [1, 4]
    """
    return execute(_diag_part, (_matrix_input(input, "input"),), {"k": _one_diagonal(k)})


@export("tf.linalg.set_diag")
def set_diag(input: Any, diagonal: Any, name: str = "set_diag", k: Any = 0, align: str = "RIGHT_LEFT") -> Any:
    """Matrices with a diagonal replaced.

    >>> tf.linalg.set_diag([[1, 2], [3, 4]], [8, 9]).numpy().tolist()
    [[8, 2], [3, 9]]
    """
    x = _matrix_input(input, "input")
    rows, columns, at = int(x.shape[-2]), int(x.shape[-1]), _one_diagonal(k)
    filled = execute(_diag, (convert(diagonal, hint=x.dtype),), {"k": at, "rows": rows, "columns": columns})
    return select(_on_diagonal(rows, columns, at), filled, x)


@export("tf.linalg.band_part")
def band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Any:
    """Matrices with zeros below the num_lower-th and above the num_upper-th side diagonal; -1 keeps that whole triangle.

    >>> tf.linalg.band_part([[1, 2], [3, 4]], 0, -1).numpy().tolist()
    [[1, 2], [0, 4]]
    """
    x = _matrix_input(input, "input")
    distance = np.arange(int(x.shape[-2]))[:, None] - np.arange(int(x.shape[-1]))[None, :]
    below, above = int(num_lower), int(num_upper)
    kept = ((below < 0) | (distance <= below)) & ((above < 0) | (-distance <= above))
    return where_else_zero(convert(kept), x)


@export("tf.linalg.trace")
def trace(x: Any, name: str | None = None) -> Any:
    """The sum of the main diagonal: [..., M, N] -> [...].

    >>> int(tf.linalg.trace([[1, 2], [3, 4]]))
    5
    """
    return reduce_sum(diag_part(x), -1)


@export("tf.linalg.tensor_diag")
def tensor_diag(diagonal: Any, name: str | None = None) -> Any:
    """A tensor of twice the rank with the given one on its diagonal.

    >>> tf.linalg.tensor_diag([1, 2]).numpy().tolist()
    [[1, 0], [0, 2]]
    """
    x = convert(diagonal)
    shape = sizes_of(x)
    n = int(np.prod(shape))
    return _reshape(execute(_diag, (_reshape(x, shape=(n,)),), {"k": 0, "rows": n, "columns": n}), shape=(*shape, *shape))


@export("tf.linalg.tensor_diag_part")
def tensor_diag_part(input: Any, name: str | None = None) -> Any:
    """The diagonal of a tensor whose shape is one shape twice. Raises: InvalidArgumentError for another."""
    x = convert(input)
    shape = sizes_of(x)
    half = shape[: len(shape) // 2]
    if half * 2 != shape:
        raise invalid(f"The shape {list(shape)} is not one shape twice.")
    n = int(np.prod(half))
    return _reshape(_diag_part(_reshape(x, shape=(n, n)), k=0), shape=half)


@export("tf.linalg.matrix_transpose")
def matrix_transpose(a: Any, name: str = "matrix_transpose", conjugate: bool = False) -> Any:
    """The last two dimensions exchanged. Raises: ValueError for a vector.

    >>> tf.linalg.matrix_transpose([[1, 2], [3, 4]]).numpy().tolist()
    [[1, 3], [2, 4]]
    """
    x = convert(a)
    if x.ndim < 2:
        raise ValueError(f"Argument 'a' should be a (batch) matrix, with rank >= 2.  Found: {x.shape}")
    return transpose(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2], conjugate)


@export("tf.linalg.adjoint")
def adjoint(matrix: Any, name: str | None = None) -> Any:
    """The conjugate transpose of matrices."""
    return conjugate(matrix_transpose(matrix))


@export("tf.linalg.cross")
def cross(a: Any, b: Any, name: str | None = None) -> Any:
    """The cross product of vectors [..., 3].

    >>> tf.linalg.cross([1, 0, 0], [0, 1, 0]).numpy().tolist()
    [0, 0, 1]
    """
    x = convert(a)
    y = convert(b, hint=x.dtype)
    if x.shape != y.shape or not x.ndim or x.shape[-1] != 3:
        raise invalid(f"cross takes two tensors of one shape [..., 3]; got {list(x.shape)} and {list(y.shape)}.")
    last = x.ndim - 1
    first = multiply(roll(x, -1, last), roll(y, -2, last))
    return subtract(first, multiply(roll(x, -2, last), roll(y, -1, last)))
