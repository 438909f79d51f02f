"""tf.train.Example: named lists of numbers or bytes as protobuf messages, and reading them into tensors."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, float32, int64, string
from millstream.core.tensor import Tensor, convert
from millstream.formats.messages import example_messages, parsed
from millstream.util.errors import UnimplementedError, invalid
from millstream.util.export import Later, export, publish

_LISTS = {"bytes_list": string, "float_list": float32, "int64_list": int64}
_NAMES = ("BytesList", "FloatList", "Int64List", "Feature", "Features", "Example", "FeatureList", "FeatureLists", "SequenceExample")


def _publish(name: str) -> None:
    publish(Later(lambda: example_messages()[name]), f"tf.train.{name}")  # protobuf loads when one is first used


for _name in _NAMES:
    _publish(_name)


@export("tf.io.FixedLenFeature")
class FixedLenFeature(NamedTuple):
    """A feature with a fixed number of values. Args: shape; dtype, int64, float32 or string; default_value, where it is missing."""

    shape: Any
    dtype: Any
    default_value: Any = None


@export("tf.io.FixedLenSequenceFeature")
class FixedLenSequenceFeature(NamedTuple):
    """A feature with any number of rows of a fixed shape. Args: shape, of a row; dtype; allow_missing, which must be True; default_value."""

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


@export("tf.io.VarLenFeature")
class VarLenFeature(NamedTuple):
    """A feature with any number of values. Args: dtype."""

    dtype: Any


@export("tf.io.parse_single_example")
def parse_single_example(
    serialized: Any, features: Mapping[str, Any], example_names: Any = None, name: str | None = None
) -> dict[str, Tensor]:
    """The tensors of one serialized Example, by name.

    Args: features, what to read: a FixedLenFeature or FixedLenSequenceFeature by name.
    Raises: InvalidArgumentError for what is no Example, and where a feature is missing or of another type or size;
    UnimplementedError for a VarLenFeature (there are no sparse tensors yet).
    >>> feature = tf.train.Feature(int64_list=tf.train.Int64List(value=[3, 4]))
    >>> data = tf.train.Example(features=tf.train.Features(feature={"x": feature})).SerializeToString()
    >>> tf.io.parse_single_example(data, {"x": tf.io.FixedLenFeature([2], tf.int64)})["x"].numpy().tolist()
    [3, 4]
    """
    found = _features_of(_texts(serialized, 0)[()])
    return {key: _tensor(_values(found, key, features[key])) for key in sorted(features)}


@export("tf.io.parse_example")
def parse_example(serialized: Any, features: Mapping[str, Any], example_names: Any = None, name: str | None = None) -> dict[str, Tensor]:
    """The tensors of N serialized Examples, by name: [N, ...]. Arguments and errors as parse_single_example's."""
    found = [_features_of(s) for s in _texts(serialized, 1)]
    made = {}
    for key in sorted(features):
        rows = [_values(each, key, features[key]) for each in found]
        if isinstance(features[key], FixedLenSequenceFeature):
            rows = _padded(rows, features[key])
        made[key] = _tensor(np.stack(rows) if rows else np.zeros((0, *features[key].shape), as_dtype(features[key].dtype).numpy))
    return made


def _texts(serialized: Any, rank: int) -> Any:
    value = convert(serialized)
    if value.dtype is not string or value.ndim != rank:
        wanted = "a scalar string" if rank == 0 else "a vector of strings"
        raise invalid(f"Expected serialized to be {wanted}; got {value.dtype.name} of shape {value.shape}.")
    return np.asarray(value._array, object)


def _features_of(data: Any) -> Any:
    try:
        return parsed(example_messages()["Example"], data).features.feature
    except ValueError as error:
        raise invalid(f"Could not parse example input: {error}. The value has {len(data)} bytes and is no tf.train.Example.") from error


def _tensor(array: Any) -> Tensor:
    return wrap(array if array.dtype == object or array.ndim else array[()])


def _values(found: Any, key: str, feature: Any) -> Any:
    """The array of one feature."""
    if isinstance(feature, VarLenFeature):
        raise UnimplementedError(
            None,
            None,
            f"Feature {key}: VarLenFeature gives sparse tensors, which are not there yet; use FixedLenSequenceFeature(allow_missing=True).",
        )
    dtype, rows = as_dtype(feature.dtype), isinstance(feature, FixedLenSequenceFeature)
    shape = tuple(int(n) for n in np.atleast_1d(np.asarray(list(feature.shape), int)))
    kind = found[key].WhichOneof("kind") if key in found else None
    if kind is None:
        return _missing(key, feature, dtype, shape, rows)
    if _LISTS[kind] is not dtype:
        raise invalid(f"Key: {key}.  Data types don't match. Data type: {_LISTS[kind].name} but expected type: {dtype.name}")
    values = list(getattr(found[key], kind).value)
    size = int(np.prod(shape, dtype=int))
    if len(values) % max(size, 1) if rows else len(values) != size:
        raise invalid(
            f"Key: {key}.  Number of {dtype.name} values != expected.  values size: {len(values)} but output shape: {list(shape)}"
        )
    made = np.empty(len(values), dtype.numpy)
    made[:] = values
    return made.reshape((-1, *shape) if rows else shape)


def _missing(key: str, feature: Any, dtype: DType, shape: tuple[int, ...], rows: bool) -> Any:
    if rows:
        return np.empty((0, *shape), dtype.numpy)
    if feature.default_value is None:
        raise invalid(f"Feature: {key} (data type: {dtype.name}) is required but could not be found.")
    return np.broadcast_to(np.asarray(convert(feature.default_value, dtype)._array), shape)


def _padded(rows: list[Any], feature: FixedLenSequenceFeature) -> list[Any]:
    """Rows of unequal numbers filled up with the default value, or zeros."""
    longest = max((len(r) for r in rows), default=0)
    dtype = as_dtype(feature.dtype)
    fill = feature.default_value if feature.default_value is not None else b"" if dtype is string else 0
    return [np.concatenate([r, np.full((longest - len(r), *r.shape[1:]), fill, dtype.numpy)]) for r in rows]
