"""tf.train.Example and its parts: records of named lists of bytes, floats or whole numbers, as protobuf messages.

Generated code is bound to one major release of protobuf; descriptors built at run time are not.
"""

import functools
from types import SimpleNamespace
from typing import Any

_PACKAGE = "tensorflow"
_LISTS = {"BytesList": 12, "FloatList": 2, "Int64List": 3}  # protobuf's numbers of bytes, float, int64
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3


@functools.cache
def messages() -> Any:
    """The message classes as attributes: Example, Features, Feature, BytesList, FloatList, Int64List, SequenceExample, ..."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="millstream/example.proto", package=_PACKAGE, syntax="proto3")
    for name, kind in _LISTS.items():
        file.message_type.add(name=name).field.add(name="value", number=1, label=_REPEATED, type=kind)
    _declare_feature(file)
    _declare_map(file, "Features", "feature", "Feature")
    file.message_type.add(name="FeatureList").field.add(
        name="feature", number=1, label=_REPEATED, type=_MESSAGE, type_name=f".{_PACKAGE}.Feature"
    )
    _declare_map(file, "FeatureLists", "feature_list", "FeatureList")
    _declare_message(file, "Example", features="Features")
    _declare_message(file, "SequenceExample", context="Features", feature_lists="FeatureLists")
    pool = descriptor_pool.DescriptorPool()  # one of our own: real TensorFlow may be loaded in the same process
    pool.Add(file)
    names = [m.name for m in file.message_type]
    return SimpleNamespace(**{n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{n}")) for n in names})


def _declare_feature(file: Any) -> None:
    """A feature is one of the three lists."""
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (field, kind) in enumerate({"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}.items(), 1):
        feature.field.add(name=field, number=number, label=_OPTIONAL, type=_MESSAGE, type_name=f".{_PACKAGE}.{kind}", oneof_index=0)


def _declare_map(file: Any, name: str, field: str, value: str) -> None:
    """A message that holds one map from text to messages."""
    message = file.message_type.add(name=name)
    entry = message.nested_type.add(name="".join(w.capitalize() for w in field.split("_")) + "Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_OPTIONAL, type=9)
    entry.field.add(name="value", number=2, label=_OPTIONAL, type=_MESSAGE, type_name=f".{_PACKAGE}.{value}")
    message.field.add(name=field, number=1, label=_REPEATED, type=_MESSAGE, type_name=f".{_PACKAGE}.{name}.{entry.name}")


def _declare_message(file: Any, name: str, **fields: str) -> None:
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), 1):
        message.field.add(name=field, number=number, label=_OPTIONAL, type=_MESSAGE, type_name=f".{_PACKAGE}.{kind}")
