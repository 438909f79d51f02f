"""Sums of products: tensordot, einsum, matrix times vector; and norms. Everything comes down to matrix products."""

from typing import Any

import numpy as np

from millstream.core.tensor import Tensor, convert
from millstream.ops.array.shape import _reshape, expand_dims, squeeze, transpose
from millstream.ops.math.arithmetic import conjugate, multiply, pow_, sqrt, truediv
from millstream.ops.math.complex_ import absolute_of, real
from millstream.ops.math.reduce import reduce_max, reduce_sum, reduce_sum_
from millstream.ops.nn.matmul import matmul
from millstream.ops.rules import normalize_axis
from millstream.util.errors import invalid
from millstream.util.export import export


def _size(sizes: Any) -> int:
    count = 1
    for n in sizes:
        count *= int(n)
    return count


# ---------------------------------------------------------------------------------------------- tensordot
def _contracted(axes: Any, a: Tensor, b: Tensor) -> tuple[list[int], list[int]]:
    """The axes of a and of b that are summed over."""
    given = axes.numpy() if isinstance(axes, Tensor) else axes
    if isinstance(given, (int, np.integer)) or np.ndim(given) == 0:
        n = int(given)
        if not 0 <= n <= min(a.ndim, b.ndim):
            raise ValueError(
                f"`axes` must not be larger than the number of dimensions of either tensor; got {n} for shapes {a.shape} and {b.shape}."
            )
        return list(range(a.ndim - n, a.ndim)), list(range(n))
    if len(given) != 2:
        raise ValueError(f"'axes' must be an integer or have length 2; got {given!r}.")
    pair = [[int(v)] if np.ndim(v) == 0 else [int(i) for i in v] for v in given]
    if len(pair[0]) != len(pair[1]):
        raise ValueError(f"Different number of contraction axes 'a' and 'b', {len(pair[0])} != {len(pair[1])}.")
    return [normalize_axis(i, a.ndim) for i in pair[0]], [normalize_axis(i, b.ndim) for i in pair[1]]


@export("tf.tensordot", "tf.linalg.tensordot")
def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Any:
    """The sum of products over pairs of axes: a number n (the last n of a, the first n of b) or two lists.

    Raises: ValueError for axes that do not fit; InvalidArgumentError when sizes differ.
    >>> tf.tensordot([[1, 2], [3, 4]], [1, 10], 1).numpy().tolist()
    [21, 43]
    """
    x = convert(a)
    y = convert(b, hint=x.dtype)
    first, second = _contracted(axes, x, y)
    left, right = [i for i in range(x.ndim) if i not in first], [i for i in range(y.ndim) if i not in second]
    rows, columns = [int(x.shape[i]) for i in left], [int(y.shape[i]) for i in right]
    x = _matrix(x, [*left, *first], (_size(rows), _size(int(x.shape[i]) for i in first)))
    y = _matrix(y, [*second, *right], (_size(int(y.shape[i]) for i in second), _size(columns)))
    return _shaped(matmul(x, y), (*rows, *columns))


def _matrix(x: Any, order: list[int], shape: tuple[int, int]) -> Any:
    turned = x if order == list(range(x.ndim)) else transpose(x, order)
    return _shaped(turned, shape)


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if tuple(x.shape) == shape else _reshape(x, shape=shape)


# ---------------------------------------------------------------------------------------------- einsum
@export("tf.einsum", "tf.linalg.einsum")
def einsum(equation: str, *inputs: Any, **kwargs: Any) -> Any:
    """Products summed as an equation says: a letter for each dimension, those that the result lacks are summed over.

    Raises: ValueError for an equation that does not fit the inputs.
    >>> tf.einsum("ij,jk->ik", [[1, 2]], [[3], [4]]).numpy().tolist()
    [[11]]
    """
    unknown = set(kwargs) - {"name", "optimize"}
    if unknown:
        raise TypeError(f"Invalid keyword arguments for einsum: {', '.join(sorted(unknown))}")
    first = convert(inputs[0])
    tensors = [first, *(convert(x, hint=first.dtype) for x in inputs[1:])]
    terms, result = _parse(equation, [x.ndim for x in tensors])
    tensors = [_without_repeats(x, t) for x, t in zip(tensors, terms, strict=True)]
    terms = ["".join(dict.fromkeys(t)) for t in terms]
    x, letters = tensors[0], terms[0]
    for i in range(1, len(tensors)):
        needed = set(result).union(*terms[i + 1 :])
        x, letters = _contract(x, letters, tensors[i], terms[i], needed)
    x, letters = _sum_out(x, letters, set(result))
    order = [letters.index(c) for c in result]
    return x if order == list(range(len(order))) else transpose(x, order)


_SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _parse(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The letters of each input and of the result, `...` replaced by letters that the equation does not use."""
    text = equation.replace(" ", "")
    left, arrow, result = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"Equation {equation!r} has {len(terms)} inputs; got {len(ranks)}.")
    spare = [c for c in _SPARE if c not in text]
    dots = [max(n - len(t.replace("...", "")), 0) if "..." in t else 0 for t, n in zip(terms, ranks, strict=True)]
    shared = "".join(spare[: max(dots, default=0)])
    terms = [t.replace("...", shared[len(shared) - n :]) for t, n in zip(terms, dots, strict=True)]
    for t, n in zip(terms, ranks, strict=True):
        if len(t) != n or (not t.isalpha() and t):
            raise ValueError(f"Equation {equation!r} names {len(t)} dimensions ({t!r}) of an input that has {n}.")
    if not arrow:
        every = "".join(terms)
        return terms, shared + "".join(sorted(c for c in set(every) if every.count(c) == 1 and c not in shared))
    result = result.replace("...", shared)
    if any(c not in left and c not in shared for c in result) or len(set(result)) != len(result):
        raise ValueError(f"Equation {equation!r}: each letter of the result stands once, and in an input.")
    return terms, result


def _without_repeats(x: Any, term: str) -> Any:
    """The diagonal over dimensions that have one letter."""
    from millstream.ops.linalg.diagonal import diagonal_of

    letters = list(term)
    while len(set(letters)) < len(letters):
        i = next(i for i, c in enumerate(letters) if c in letters[i + 1 :])
        j = letters.index(letters[i], i + 1)
        rest = [k for k in range(len(letters)) if k not in (i, j)]
        x = diagonal_of(transpose(x, [*rest, i, j]))
        kept = [letters[k] for k in rest] + [letters[i]]
        wanted = list(dict.fromkeys(letters)) if len(set(kept)) == len(kept) else kept
        x = transpose(x, [kept.index(c) for c in wanted]) if wanted != kept else x
        letters = wanted
    return x


def _sum_out(x: Any, letters: str, needed: set[str]) -> tuple[Any, str]:
    """Sum over the dimensions that nothing else needs."""
    axes = tuple(i for i, c in enumerate(letters) if c not in needed)
    return (reduce_sum_(x, axis=axes, keepdims=False), "".join(c for c in letters if c in needed)) if axes else (x, letters)


def _contract(x: Any, a: str, y: Any, b: str, needed: set[str]) -> tuple[Any, str]:
    """Two tensors with letters a and b multiplied, and summed over the letters not needed, by one batched matrix product."""
    x, a = _sum_out(x, a, needed | set(b))
    y, b = _sum_out(y, b, needed | set(a))
    batch = [c for c in a if c in b and c in needed]
    inner = [c for c in a if c in b and c not in needed]
    left, right = [c for c in a if c not in b], [c for c in b if c not in a]
    sizes = {**dict(zip(b, map(int, y.shape), strict=True)), **dict(zip(a, map(int, x.shape), strict=True))}
    for c in (*batch, *inner):
        n, m = int(x.shape[a.index(c)]), int(y.shape[b.index(c)])
        if n != m and 1 not in (n, m):
            raise invalid(f"Expected dimension {n} at axis {b.index(c)} of the input shaped {list(y.shape)} but got dimension {m}")
        sizes[c] = max(n, m)
    if any(int(x.shape[a.index(c)]) != int(y.shape[b.index(c)]) for c in (*batch, *inner)):
        x, y = _stretched(x, a, sizes), _stretched(y, b, sizes)
    shape = tuple(sizes[c] for c in batch)
    rows, depth, columns = (_size(sizes[c] for c in part) for part in (left, inner, right))
    x = _shaped(_ordered(x, a, [*batch, *left, *inner]), (*shape, rows, depth))
    y = _shaped(_ordered(y, b, [*batch, *inner, *right]), (*shape, depth, columns))
    letters = [*batch, *left, *right]
    return _shaped(matmul(x, y), tuple(sizes[c] for c in letters)), "".join(letters)


def _stretched(x: Any, letters: str, sizes: dict[str, int]) -> Any:
    from millstream.ops.array.shape import broadcast_to

    return broadcast_to(x, [sizes[c] for c in letters])


def _ordered(x: Any, letters: str, wanted: list[str]) -> Any:
    order = [letters.index(c) for c in wanted]
    return x if order == list(range(len(order))) else transpose(x, order)


@export("tf.linalg.matvec")
def matvec(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    adjoint_a: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Any:
    """Matrix times vector: a[..., M, K], b[..., K] -> [..., M].

    >>> tf.linalg.matvec([[1, 2], [3, 4]], [1, 10]).numpy().tolist()
    [21, 43]
    """
    x = convert(a)
    product = matmul(x, expand_dims(convert(b, hint=x.dtype), -1), transpose_a=transpose_a, adjoint_a=adjoint_a)
    return squeeze(product, [-1])


# ---------------------------------------------------------------------------------------------- norms
@export("tf.norm", "tf.linalg.norm")
def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None, name: str | None = None) -> Any:
    """The norm of vectors along an axis (of all elements by default), or of matrices when axis is a pair.

    ord: "euclidean", 1, 2, any positive number, inf; of matrices "euclidean" or "fro", 1, 2, inf.
    Raises: ValueError for other orders and axes.
    >>> float(tf.norm([3.0, 4.0]))
    5.0
    """
    x = convert(tensor)
    pair = isinstance(axis, (list, tuple))
    if pair and len(axis) not in (1, 2):
        raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers; got {axis}.")
    if pair and len(axis) == 2:
        return _matrix_norm(x, ord, (int(axis[0]), int(axis[1])), bool(keepdims))
    if not (ord in ("euclidean", "fro") or (not isinstance(ord, str) and ord > 0)):
        raise ValueError(f"'ord' must be a supported vector norm: 'euclidean', 1, 2, inf or a positive number; got {ord}.")
    return _vector_norm(x, ord, axis, bool(keepdims))


def _vector_norm(x: Any, order: Any, axis: Any, keepdims: bool) -> Any:
    if order in ("euclidean", "fro", 2):
        return sqrt(reduce_sum(real(multiply(x, conjugate(x))), axis, keepdims))
    size = absolute_of(x)
    if order == 1:
        return reduce_sum(size, axis, keepdims)
    if order == np.inf:
        return reduce_max(size, axis, keepdims)
    power = convert(order, size.dtype)
    return pow_(reduce_sum(pow_(size, power), axis, keepdims), truediv(convert(1, size.dtype), power))


def _matrix_norm(x: Any, order: Any, axis: tuple[int, int], keepdims: bool) -> Any:
    rows, columns = (normalize_axis(a, x.ndim) for a in axis)
    if order in ("euclidean", "fro"):
        return _vector_norm(x, "euclidean", [rows, columns], keepdims)
    if order in (1, np.inf):
        summed, rest = (rows, columns) if order == 1 else (columns, rows)
        found = reduce_max(reduce_sum(absolute_of(x), summed, True), rest, True)
    elif order == 2:
        from millstream.ops.linalg.decompose import svd

        others = [i for i in range(x.ndim) if i not in (rows, columns)]
        largest = reduce_max(svd(transpose(x, [*others, rows, columns]), compute_uv=False), -1)
        found = _reshape(largest, shape=tuple(1 if i in (rows, columns) else int(n) for i, n in enumerate(x.shape)))
    else:
        raise ValueError(f"'ord' must be a supported matrix norm in ['euclidean', 'fro', 1, 2, inf], got {order}")
    return found if keepdims else squeeze(found, [rows, columns])


@export("tf.linalg.normalize")
def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None) -> tuple[Any, Any]:
    """The tensor divided by its norm, and the norm.

    >>> tf.linalg.normalize([3.0, 4.0])[0].numpy().round(2).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    x = convert(tensor)
    length = norm(x, ord, axis, True)
    return truediv(x, length), length
