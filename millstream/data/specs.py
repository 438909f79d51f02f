"""What is known of a data set's elements before there are any: specs, their nesting, and how many elements there will be."""

from typing import Any

from millstream.core.spec import TensorShape, TensorSpec, TypeSpec
from millstream.core.tensor import Tensor
from millstream.data import nested
from millstream.util.export import export, publish

INFINITE, UNKNOWN, AUTOTUNE = -1, -2, -1
publish(INFINITE, "tf.data.INFINITE_CARDINALITY", "tf.data.experimental.INFINITE_CARDINALITY")
publish(UNKNOWN, "tf.data.UNKNOWN_CARDINALITY", "tf.data.experimental.UNKNOWN_CARDINALITY")
publish(AUTOTUNE, "tf.data.AUTOTUNE", "tf.data.experimental.AUTOTUNE")


@export("tf.data.DatasetSpec")
class DatasetSpec(TypeSpec):
    """The spec of a data set that is itself an element (of a window, say).

    >>> tf.data.DatasetSpec(tf.TensorSpec([], tf.int64))
    DatasetSpec(TensorSpec(shape=(), dtype=tf.int64, name=None), TensorShape([]))
    """

    def __init__(self, element_spec: Any, dataset_shape: Any = ()) -> None:
        self.element_spec, self.shape = element_spec, TensorShape(dataset_shape)

    @staticmethod
    def from_value(value: Any) -> "DatasetSpec":
        """The spec of a data set."""
        return DatasetSpec(value.element_spec)

    @property
    def value_type(self) -> Any:
        """The class of data sets."""
        from millstream.util.export import exported

        return exported()["data.Dataset"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DatasetSpec) and self.element_spec == other.element_spec

    def __hash__(self) -> int:
        return hash(str(self.element_spec))

    def __repr__(self) -> str:
        return f"DatasetSpec({self.element_spec!r}, {self.shape!r})"


def spec_of(value: Any) -> Any:
    """The spec of one leaf of an element."""
    if value is None:
        return None
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype)
    return DatasetSpec(value.element_spec)


def batched(spec: Any, size: int | None) -> Any:
    """The spec with a batch axis in front."""
    return nested.map_leaves(
        lambda s: s if s is None or isinstance(s, DatasetSpec) else TensorSpec(TensorShape([size]).concatenate(s.shape), s.dtype), spec
    )


def unbatched(spec: Any) -> Any:
    """The spec without its first axis."""
    return nested.map_leaves(lambda s: TensorSpec(None if s.shape.rank is None else s.shape[1:], s.dtype), spec)


def covering(a: Any, b: Any) -> Any:
    """The most specific spec that covers both. Raises: TypeError when structures or dtypes differ."""
    first, second = nested.flatten(a), nested.flatten(b)
    if len(first) != len(second):
        raise TypeError(f"Two datasets to concatenate have different types {types_of(a)} and {types_of(b)}")
    for x, y in zip(first, second, strict=True):
        if type(x) is not type(y) or getattr(x, "dtype", None) != getattr(y, "dtype", None):
            different = str(x.dtype) if not nested.is_nested(a) else types_of(a), str(y.dtype) if not nested.is_nested(b) else types_of(b)
            raise TypeError(f"Two datasets to concatenate have different types {different[0]} and {different[1]}")
    return nested.pack(
        a, [x.most_specific_compatible_type(y) if isinstance(x, TensorSpec) else x for x, y in zip(first, second, strict=True)]
    )


def shapes_of(spec: Any) -> Any:
    """The shapes, nested as the spec."""
    return nested.map_leaves(lambda s: s.shape if isinstance(s, TensorSpec) else s, spec)


def types_of(spec: Any) -> Any:
    """The dtypes, nested as the spec."""
    return nested.map_leaves(lambda s: s.dtype if isinstance(s, TensorSpec) else s, spec)
