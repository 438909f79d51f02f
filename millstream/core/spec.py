"""Shapes and specs: what is known of a tensor before its values are. None stands for an unknown size."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self, SupportsIndex

from millstream.core.dtypes import DType, as_dtype, float32
from millstream.util.export import export

Shape = tuple[int, ...]


class ArraySpec(NamedTuple):
    """A fully known shape and a dtype: what the tracer and the compiler work with."""

    shape: Shape
    dtype: DType

    def __str__(self) -> str:
        return f"{self.dtype.name}[{', '.join(map(str, self.shape))}]"

    @property
    def size(self) -> int:
        """How many elements."""
        count = 1
        for n in self.shape:
            count *= n
        return count


@export("tf.compat.v1.Dimension", "tf.compat.v1.dimension_value")
def dimension_value(dimension: Any) -> int | None:
    """The size of one dimension as a Python int, or None when it is unknown."""
    return None if dimension is None else int(dimension)


@export("tf.TensorShape")
class TensorShape(tuple[int | None, ...]):  # noqa: SLOT001  (an unknown rank is kept beside the sizes)
    """The shape of a tensor: a tuple of sizes, None for those that are unknown; `TensorShape(None)` has unknown rank.

    >>> tf.TensorShape([2, None]).as_list()
    [2, None]
    """

    _unknown: bool = False

    def __new__(cls, dims: Any = None) -> Self:
        """Raises: ValueError for negative sizes, TypeError for what is no size."""
        made = super().__new__(cls, () if dims is None else _sizes(dims))
        if dims is None or (isinstance(dims, TensorShape) and dims._unknown):
            made._unknown = True
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (None if self._unknown else tuple(self),)

    @property
    def rank(self) -> int | None:
        """The number of dimensions, or None."""
        return None if self._unknown else len(self)

    ndims = rank

    @property
    def dims(self) -> list[int | None] | None:
        """The sizes as a list, or None for unknown rank."""
        return None if self._unknown else list(self)

    def as_list(self) -> list[int | None]:
        """The sizes. Raises: ValueError for unknown rank."""
        if self._unknown:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self)

    def __len__(self) -> int:
        if self._unknown:
            raise ValueError("Cannot take the length of a shape of unknown rank.")
        return super().__len__()

    def __bool__(self) -> bool:
        return not self._unknown

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return TensorShape(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> "TensorShape":
        return self.concatenate(other)

    def __radd__(self, other: Any) -> "TensorShape":
        return TensorShape(other).concatenate(self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TensorShape):
            return tuple.__eq__(self, other) and self._unknown == other._unknown
        try:
            return tuple.__eq__(self, _sizes(other)) and not self._unknown
        except (TypeError, ValueError):
            return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((tuple.__hash__(self), self._unknown))

    def __repr__(self) -> str:
        return f"TensorShape({None if self._unknown else list(self)})"

    def __str__(self) -> str:
        if self._unknown:
            return "<unknown>"
        return f"({', '.join(map(str, self))}{',' if len(self) == 1 else ''})"

    def num_elements(self) -> int | None:
        """The product of the sizes, or None when one is unknown."""
        if not self.is_fully_defined():
            return None
        count = 1
        for n in self:
            count *= n or 0
        return count

    def is_fully_defined(self) -> bool:
        """Whether rank and all sizes are known."""
        return not self._unknown and None not in tuple(self)

    def assert_is_fully_defined(self) -> None:
        """Raises: ValueError when a size is unknown."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined.")

    def with_rank(self, rank: int) -> "TensorShape":
        """This shape if it has that rank, or can have it. Raises: ValueError."""
        if self._unknown:
            return TensorShape([None] * rank)
        if len(self) != rank:
            raise ValueError(f"Shape {self} must have rank {rank}.")
        return self

    assert_has_rank = with_rank

    def with_rank_at_least(self, rank: int) -> "TensorShape":
        """This shape, checked to have at least that rank. Raises: ValueError."""
        if not self._unknown and len(self) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}.")
        return self

    def with_rank_at_most(self, rank: int) -> "TensorShape":
        """This shape, checked to have at most that rank. Raises: ValueError."""
        if not self._unknown and len(self) > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}.")
        return self

    def concatenate(self, other: Any) -> "TensorShape":
        """This shape followed by another."""
        other = TensorShape(other)
        return TensorShape(None) if self._unknown or other._unknown else TensorShape(tuple(self) + tuple(other))

    def is_compatible_with(self, other: Any) -> bool:
        """Whether one tensor could have both shapes."""
        other = TensorShape(other)
        if self._unknown or other._unknown:
            return True
        return len(self) == len(other) and all(None in (a, b) or a == b for a, b in zip(self, other, strict=True))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises: ValueError when no tensor could have both shapes."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {TensorShape(other)} are incompatible")

    assert_same_rank = assert_is_compatible_with

    def merge_with(self, other: Any) -> "TensorShape":
        """What both shapes know together. Raises: ValueError when they contradict."""
        other = TensorShape(other)
        self.assert_is_compatible_with(other)
        if self._unknown or other._unknown:
            return other if self._unknown else self
        return TensorShape([b if a is None else a for a, b in zip(self, other, strict=True)])

    def most_specific_compatible_shape(self, other: Any) -> "TensorShape":
        """The most specific shape that covers both."""
        other = TensorShape(other)
        if self._unknown or other._unknown or len(self) != len(other):
            return TensorShape(None)
        return TensorShape([a if a == b else None for a, b in zip(self, other, strict=True)])


def _sizes(dims: Any) -> tuple[int | None, ...]:
    if isinstance(dims, (int, str)) or not isinstance(dims, Iterable):
        dims = (dims,)
    return tuple(_size(d) for d in dims)


def _size(d: Any) -> int | None:
    if d is None:
        return None
    if isinstance(d, (str, bytes)):
        raise TypeError(f"A dimension is a whole number or None; got {d!r}.")
    size = int(d.__index__()) if hasattr(d, "__index__") else int(d)
    if size < 0:
        raise ValueError(f"Dimension {size} must be >= 0; an unknown one is None.")
    return size


def known_shape(sizes: Shape) -> TensorShape:
    """The TensorShape of an array's sizes, unchecked: tensors are asked for it all the time."""
    return tuple.__new__(TensorShape, sizes)


@export("tf.TypeSpec")
class TypeSpec:
    """What is known of a value before it exists; the base of TensorSpec and its like."""


@export("tf.TensorSpec")
class TensorSpec(TypeSpec):
    """Shape, dtype and name of a tensor that does not exist yet.

    >>> tf.TensorSpec([None, 3], tf.float32)
    TensorSpec(shape=(None, 3), dtype=tf.float32, name=None)
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: Any, dtype: Any = float32, name: str | None = None) -> None:
        self.shape, self.dtype, self.name = TensorShape(shape), as_dtype(dtype), name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> "TensorSpec":
        """The spec of an existing tensor."""
        return cls(tensor.shape, tensor.dtype, name)

    @classmethod
    def from_spec(cls, spec: Any, name: str | None = None) -> "TensorSpec":
        """The same spec under a name."""
        return cls(spec.shape, spec.dtype, name or spec.name)

    def is_compatible_with(self, spec_or_value: Any) -> bool:
        """Whether a tensor (or spec) fits."""
        return self.dtype == spec_or_value.dtype and self.shape.is_compatible_with(spec_or_value.shape)

    def most_specific_compatible_type(self, other: "TensorSpec") -> "TensorSpec":
        """The most specific spec that covers both."""
        return TensorSpec(self.shape.most_specific_compatible_shape(other.shape), self.dtype, self.name)

    @property
    def value_type(self) -> Any:
        """The class of values that the spec describes."""
        from millstream.core.tensor import Tensor

        return Tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype, self.name) == (other.shape, other.dtype, other.name)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"
