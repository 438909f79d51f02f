"""tf.IndexedSlices: a tensor that is zero but for some rows.   values [K, ...], indices int[K] -> dense [N, ...]."""

from typing import Any

from millstream.core.dtypes import DType
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert, register_reader
from millstream.ops.array.gather import gather_grad
from millstream.ops.array.shape import static_shape
from millstream.ops.math.arithmetic import negative
from millstream.util.export import export


@export("tf.IndexedSlices")
class IndexedSlices:
    """Rows `values` that stand at `indices` of a tensor of shape `dense_shape`; rows named twice are added up.

    >>> rows = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([0, 2]), tf.constant([3, 1]))
    >>> tf.convert_to_tensor(rows).numpy().tolist()
    [[1.0], [0.0], [2.0]]
    """

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values, self.indices, self.dense_shape = values, indices, dense_shape

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self.values.dtype  # type: ignore[no-any-return]

    @property
    def shape(self) -> TensorShape:
        """The dense shape, unknown where none was given."""
        return TensorShape(None if self.dense_shape is None else static_shape(self.dense_shape))

    def __neg__(self) -> "IndexedSlices":
        return IndexedSlices(negative(self.values), self.indices, self.dense_shape)

    def __repr__(self) -> str:
        shape = "" if self.dense_shape is None else f", dense_shape={self.dense_shape!s}"
        return f"IndexedSlices(indices={self.indices!s}, values={self.values!s}{shape})"


def _dense(slices: IndexedSlices) -> Tensor:
    """The whole tensor. Raises: ValueError when its shape is not known."""
    if slices.dense_shape is None:
        raise ValueError(f"IndexedSlices without dense_shape cannot become a tensor: {slices}. Give the shape of the whole tensor.")
    made: Tensor = gather_grad(
        convert(slices.values), convert(slices.indices), shape=static_shape(slices.dense_shape), axis=0, batch_dims=0
    )
    return made


register_reader(IndexedSlices, _dense)
