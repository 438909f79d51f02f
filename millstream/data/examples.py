"""tf.train.Example and the parsing of its serialized form: strings [...] -> a dict of tensors."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, float32, int64, string
from millstream.core.op import op
from millstream.core.spec import ArraySpec, TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.formats import example
from millstream.ops.sparse import SparseTensor
from millstream.util.errors import invalid
from millstream.util.export import Later, export, publish

_MESSAGES = ("BytesList", "Example", "Feature", "FeatureList", "FeatureLists", "Features", "FloatList", "Int64List", "SequenceExample")
_FIELDS = {"float32": "float_list", "int64": "int64_list", "string": "bytes_list"}


def _later(name: str) -> Callable[[], Any]:
    return lambda: getattr(example.messages(), name)


for _name in _MESSAGES:
    publish(Later(_later(_name)), f"tf.train.{_name}")


@export("tf.io.FixedLenFeature")
class FixedLenFeature(NamedTuple):
    """A feature of a known shape. default_value: used where it is missing; without one it must be there."""

    shape: Any
    dtype: Any
    default_value: Any = None


@export("tf.io.VarLenFeature")
class VarLenFeature(NamedTuple):
    """A feature of any length: becomes a SparseTensor."""

    dtype: Any


@export("tf.io.FixedLenSequenceFeature")
class FixedLenSequenceFeature(NamedTuple):
    """A feature of any number of parts of one shape; in a batch shorter ones are filled up with default_value."""

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


class _Dense(NamedTuple):
    """A FixedLenFeature made hashable: an op's attribute."""

    key: str
    shape: tuple[int, ...]
    dtype: DType
    default: tuple[Any, ...] | None


def _as_dense(key: str, feature: FixedLenFeature) -> _Dense:
    shape, dtype = TensorShape(feature.shape), _listed_dtype(key, feature.dtype)
    if not shape.is_fully_defined():
        raise ValueError(f"The shape of feature {key!r} must be known; got {feature.shape}. Use VarLenFeature for features of any length.")
    sizes = tuple(int(n or 0) for n in shape)
    if feature.default_value is None:
        return _Dense(key, sizes, dtype, None)
    given = convert(feature.default_value, hint=dtype)._array
    values = np.broadcast_to(np.asarray(given, dtype.numpy), sizes).reshape(-1)
    return _Dense(key, sizes, dtype, tuple(values.tolist()))


def _listed_dtype(key: str, dtype: Any) -> DType:
    found = as_dtype(dtype)
    if found not in (float32, int64, string):
        raise TypeError(f"Feature {key!r}: an Example holds float32, int64 or string; got {found.name}. Parse one of these, then tf.cast.")
    return found


def _parsed(text: bytes, number: int) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return example.messages().Example.FromString(text)
    except DecodeError:
        raise invalid(f"Could not parse example input, value: '{text[:32]!r}' (example {number})") from None


def _values(parsed: Any, key: str, dtype: DType) -> list[Any] | None:
    """The values of a feature, or None when it is missing. Raises: InvalidArgumentError when it is of another type."""
    feature = parsed.features.feature.get(key)
    kind = None if feature is None else feature.WhichOneof("kind")
    if kind is None:
        return None
    if kind != _FIELDS[dtype.name]:
        raise invalid(f"Key: {key}.  Data types don't match. Expected type: {dtype.name}; the example has {kind}.")
    return list(getattr(feature, kind).value)


def _row(parsed: Any, f: _Dense) -> list[Any]:
    found = _values(parsed, f.key, f.dtype)
    if found is None:
        if f.default is None:
            raise invalid(f"Feature: {f.key} (data type: {f.dtype.name}) is required but could not be found.")
        return list(f.default)
    if len(found) != int(np.prod(f.shape)):
        raise invalid(
            f"Key: {f.key}.  Number of {f.dtype.name} values != expected.  Values size: {len(found)} but output shape: {list(f.shape)}"
        )
    return found


@op(mixed=True, samples=None)
def parse_dense(xp: Any, serialized: Any, *, features: tuple[_Dense, ...]) -> Any:
    """The features of known shape of serialized Examples: one array [..., *shape] for each."""
    texts = np.asarray(serialized, object)
    examples = [_parsed(bytes(t), i) for i, t in enumerate(texts.reshape(-1))]
    made = []
    for f in features:
        array = np.empty((len(examples), int(np.prod(f.shape))), f.dtype.numpy)
        for i, parsed in enumerate(examples):
            array[i] = _row(parsed, f)
        shaped = array.reshape(texts.shape + f.shape)
        made.append(shaped if shaped.ndim or shaped.dtype == object else shaped[()])
    return tuple(made)


@parse_dense.infer
def _(serialized: ArraySpec, *, features: tuple[_Dense, ...]) -> Any:
    return tuple([ArraySpec(serialized.shape + f.shape, f.dtype) for f in features])


parse_dense.no_gradient()


@export("tf.io.parse_example")
def parse_example(serialized: Any, features: Any, example_names: Any = None, name: str | None = None) -> dict[str, Any]:
    """Many serialized Examples [N] as a dict: tensors [N, *shape] of FixedLenFeatures, SparseTensors of VarLenFeatures.

    Raises: ValueError without features; InvalidArgumentError for bytes that are no Example, missing features and wrong lengths.
    >>> value = tf.train.Int64List(value=[1, 2])
    >>> row = tf.train.Example(features=tf.train.Features(feature={"a": tf.train.Feature(int64_list=value)}))
    >>> parsed = tf.io.parse_example([row.SerializeToString()], {"a": tf.io.FixedLenFeature([2], tf.int64)})
    >>> parsed["a"].numpy().tolist()
    [[1, 2]]
    """
    return _parse(convert(serialized), features, 1)


@export("tf.io.parse_single_example")
def parse_single_example(serialized: Any, features: Any, example_names: Any = None, name: str | None = None) -> dict[str, Any]:
    """One serialized Example (a string scalar) as a dict of tensors; see parse_example.

    >>> row = tf.train.Example(features=tf.train.Features(feature={}))
    >>> tf.io.parse_single_example(row.SerializeToString(), {"a": tf.io.FixedLenFeature([], tf.int64, 7)})["a"].numpy().item()
    7
    """
    return _parse(convert(serialized), features, 0)


def _parse(serialized: Tensor, features: Any, rank: int) -> dict[str, Any]:
    if not features:
        raise ValueError("Missing: features was {}: pass a dict of FixedLenFeature, VarLenFeature or FixedLenSequenceFeature.")
    if serialized.ndim != rank or serialized.dtype is not string:
        wanted = "a vector of strings [N]; use parse_single_example for one" if rank else "a string scalar; use parse_example for several"
        raise ValueError(f"serialized must be {wanted}; got {serialized.dtype.name} of shape {tuple(serialized.shape)}.")
    dense = tuple([_as_dense(k, f) for k, f in sorted(features.items()) if isinstance(f, FixedLenFeature)])
    found = dict(zip([f.key for f in dense], parse_dense(serialized, features=dense), strict=True)) if dense else {}
    for key in sorted(set(features) - set(found)):
        found[key] = _of_any_length(serialized, key, features[key])
    return found


def _of_any_length(serialized: Tensor, key: str, feature: Any) -> Any:
    if not isinstance(feature, (VarLenFeature, FixedLenSequenceFeature)):
        raise ValueError(f"Invalid feature {key}:{feature}: pass FixedLenFeature, VarLenFeature or FixedLenSequenceFeature.")
    dtype = _listed_dtype(key, feature.dtype)
    texts = np.asarray(serialized._array, object)
    rows = [_values(_parsed(bytes(t), i), key, dtype) for i, t in enumerate(texts.reshape(-1))]
    if isinstance(feature, FixedLenSequenceFeature):
        return _padded(rows, key, feature, dtype, texts.ndim)
    places = [(i, j) for i, row in enumerate(rows) for j in range(len(row or ()))]
    values = np.array([v for row in rows for v in row or ()], dtype.numpy)
    longest = max([len(row or ()) for row in rows], default=0)
    if not texts.ndim:
        return SparseTensor(np.array([[j] for _, j in places], np.int64).reshape(-1, 1), wrap(values), np.array([longest], np.int64))
    return SparseTensor(np.array(places, np.int64).reshape(-1, 2), wrap(values), np.array([len(rows), longest], np.int64))


def _padded(rows: list[list[Any] | None], key: str, feature: FixedLenSequenceFeature, dtype: DType, rank: int) -> Tensor:
    if not feature.allow_missing:
        raise ValueError(f"Unsupported: FixedLenSequenceFeature {key!r} requires allow_missing to be True.")
    sizes = tuple(int(n or 0) for n in TensorShape(feature.shape))
    each, longest = int(np.prod(sizes)), max([len(row or ()) for row in rows], default=0)
    empty = (b"" if dtype is string else 0) if feature.default_value is None else feature.default_value
    out = np.full((len(rows), longest), empty, dtype.numpy)
    for i, row in enumerate(rows):
        out[i, : len(row or ())] = row or []
    shaped = out.reshape(len(rows), longest // max(each, 1), *sizes)
    return wrap(shaped if rank else shaped[0])
