"""Matrix products. a[..., M, K], b[..., K, N] -> [..., M, N]; the leading dimensions broadcast."""

from typing import Any

import numpy as np

from millstream.core.deferred import Deferred, Terms
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import ErrorCase, Sample, mixed_dtypes
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert, install_operator
from millstream.ops.array.creation import stack
from millstream.ops.array.join import concat
from millstream.ops.array.shape import _reshape, unbroadcast
from millstream.ops.math.arithmetic import conjugate
from millstream.ops.rules import Array, Namespace, broadcast_shapes, quiet
from millstream.util.errors import IncompatibleShapesError, OpError, invalid
from millstream.util.export import export

_WRONG = ErrorCase((np.ones((2, 3), "float32"), np.ones((4, 2), "float32")), OpError, "Matrix size-incompatible: In.0.: .2,3., In.1.: .4,2.", {"transpose_a": False, "transpose_b": False})  # fmt: skip


def _samples() -> list[Sample]:
    cases = (((3, 4), (4, 5), False, False), ((4, 3), (4, 5), True, False), ((3, 4), (5, 4), False, True), ((4, 3), (5, 4), True, True), ((2, 3, 4), (4, 5), False, False),
             ((2, 3, 4), (2, 4, 5), False, False), ((1, 70), (70, 33), False, False), ((32, 784), (784, 17), False, False), ((0, 4), (4, 5), False, False), ((3, 0), (0, 5), False, False))  # fmt: skip
    return [
        Sample(f"{d}{list(a)}{list(b)}{int(ta)}{int(tb)}", (Sampled(a, d), Sampled(b, d)), {"transpose_a": ta, "transpose_b": tb})
        for d in ("float32", "float64")
        for a, b, ta, tb in cases
    ]


@op(name="matmul", samples=_samples, errors=(_WRONG, *mixed_dtypes(OpError)))
@quiet
def _matmul(xp: Namespace, a: Array, b: Array, *, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    """Matrix product over the last two dimensions, either factor transposed first if asked."""
    if a.ndim < 2 or b.ndim < 2 or a.shape[-2 if transpose_a else -1] != b.shape[-1 if transpose_b else -2]:
        _refuse(a.shape, b.shape)
    return xp.matmul(xp.swapaxes(a, -1, -2) if transpose_a else a, xp.swapaxes(b, -1, -2) if transpose_b else b)


def _refuse(a: Any, b: Any) -> None:
    if len(a) < 2 or len(b) < 2:
        raise invalid(
            f"In[0] and In[1] must be matrices (rank 2 or more); got shapes {list(a)} and {list(b)}. Add a dimension with tf.expand_dims."
        )
    first, second = (f"[{','.join(map(str, s))}]" for s in (a, b))
    raise IncompatibleShapesError(None, None, f"Matrix size-incompatible: In[0]: {first}, In[1]: {second}")


@_matmul.infer
def _(a: ArraySpec, b: ArraySpec, *, transpose_a: bool = False, transpose_b: bool = False) -> ArraySpec:
    if len(a.shape) < 2 or len(b.shape) < 2:
        _refuse(a.shape, b.shape)
    rows, inner = a.shape[-2:][:: -1 if transpose_a else 1]
    inner_b, columns = b.shape[-2:][:: -1 if transpose_b else 1]
    if inner != inner_b:
        _refuse(a.shape, b.shape)
    return ArraySpec((*broadcast_shapes(a.shape[:-2], b.shape[:-2]), rows, columns), a.dtype)


@_matmul.contraction
def _(a: ArraySpec, b: ArraySpec, *, transpose_a: bool = False, transpose_b: bool = False) -> str:
    letters = "abcdefgh"[: max(len(a.shape), len(b.shape)) - 2]
    left, right = letters[len(letters) - len(a.shape) + 2 :], letters[len(letters) - len(b.shape) + 2 :]
    return f"{left}{'km' if transpose_a else 'mk'},{right}{'nk' if transpose_b else 'kn'}->{letters}mn"


def _left_gradient(g: Any, out: Any, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """d a = g b^T, with the transpositions of the call undone."""
    if transpose_a:
        return unbroadcast(matmul(conjugate(b), g, transpose_a=transpose_b, transpose_b=True), a)
    return unbroadcast(matmul(g, conjugate(b), transpose_b=not transpose_b), a)


def _right_gradient(g: Any, out: Any, a: Any, b: Any, *, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """d b = a^T g, with the transpositions of the call undone."""
    if transpose_b:
        return unbroadcast(matmul(g, conjugate(a), transpose_a=True, transpose_b=transpose_a), b)
    if type(g) is not Tensor and not transpose_a and a.ndim == b.ndim == 2 and b.dtype.is_floating:
        return Deferred(_sum_of_products, a, g)
    return unbroadcast(matmul(conjugate(a), g, transpose_a=not transpose_a), b)


def _sum_of_products(terms: Terms) -> Any:
    """The sum of a^T g over the uses of a factor: one product of all rows."""
    if len(terms) == 1:
        return matmul(terms[0][0], terms[0][1], transpose_a=True)
    left, right = (_rows([t[k] for t in terms]) for k in range(2))
    return matmul(left, right, transpose_a=True)


def _rows(parts: list[Any]) -> Any:
    """Matrices below each other."""
    if any(tuple(x.shape) != tuple(parts[0].shape) for x in parts):
        return concat(parts, 0)
    return _reshape(stack(parts), shape=(len(parts) * int(parts[0].shape[0]), int(parts[0].shape[1])))


_matmul.vjp(_left_gradient, _right_gradient)


@export("tf.linalg.matmul", "tf.matmul")
def matmul(
    a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, adjoint_a: bool = False, adjoint_b: bool = False,
    a_is_sparse: bool = False, b_is_sparse: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """Matrix product over the last two dimensions.

    Raises: InvalidArgumentError when the inner sizes differ.
    >>> tf.matmul([[1, 2]], [[3], [4]]).numpy().tolist()
    [[11]]
    """
    if adjoint_a or adjoint_b:
        a, b = (conjugate(convert(v)) if adjoint else v for v, adjoint in ((a, adjoint_a), (b, adjoint_b)))
    return _matmul.fast(a, b, transpose_a=transpose_a or adjoint_a, transpose_b=transpose_b or adjoint_b)


install_operator("__matmul__", matmul)
install_operator("__rmatmul__", lambda self, other: matmul(other, self))
