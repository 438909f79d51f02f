"""Protobuf messages declared in Python: a table of fields per message becomes classes when they are first used.

Generated code is bound to one major release of protobuf; descriptors built at run time are not.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

# field name -> (number, type): a scalar type of protobuf, or the name of a message of the same table. In front of it,
# "*": repeated; "@": a map from strings; "|": one of the alternatives called `kind`.
Fields = Mapping[str, tuple[int, str]]
Table = Mapping[str, Fields]

_SCALARS = {
    "double": 1, "float": 2, "int64": 3, "uint64": 4, "int32": 5, "fixed64": 6, "fixed32": 7, "bool": 8, "string": 9, "bytes": 12, "uint32": 13,
}  # fmt: skip
_MESSAGE, _OPTIONAL, _REPEATED = 11, 1, 3


def classes(package: str, table: Table) -> dict[str, Any]:
    """The message classes of a table, in a descriptor pool of their own (real TensorFlow may be loaded in the same process)."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _declare(message, package, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in table}


def _declare(message: Any, package: str, name: str, number: int, kind: str) -> None:
    mark = kind[0] if kind[0] in "*@|" else ""
    field = message.field.add(name=name, number=number, label=_REPEATED if mark in {"*", "@"} and mark else _OPTIONAL)
    kind = kind.lstrip("*@|")
    if mark == "@":
        entry = f"{name.capitalize()}Entry"
        _declare_entry(message.nested_type.add(name=entry), package, kind)
        kind = f"{message.name}.{entry}"
    elif mark == "|":
        if not message.oneof_decl:
            message.oneof_decl.add(name="kind")
        field.oneof_index = 0
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _MESSAGE, f".{package}.{kind}"


def _declare_entry(entry: Any, package: str, kind: str) -> None:
    """What a map is made of."""
    entry.options.map_entry = True
    _declare(entry, package, "key", 1, "string")
    _declare(entry, package, "value", 2, kind)


_CHECKPOINT: Table = {
    "Dim": {"size": (1, "int64"), "name": (2, "string")},
    "Shape": {"dim": (2, "*Dim"), "unknown_rank": (3, "bool")},
    "Version": {"producer": (1, "int32"), "min_consumer": (2, "int32"), "bad_consumers": (3, "*int32")},
    "Header": {"num_shards": (1, "int32"), "endianness": (2, "int32"), "version": (3, "Version")},
    "Extent": {"start": (1, "int64"), "length": (2, "int64")},
    "Slice": {"extent": (1, "*Extent")},
    "Entry": {
        "dtype": (1, "int32"), "shape": (2, "Shape"), "shard_id": (3, "int32"), "offset": (4, "int64"), "size": (5, "int64"),
        "crc32c": (6, "fixed32"), "slices": (7, "*Slice"),
    },
    "Child": {"node_id": (1, "int32"), "local_name": (2, "string")},
    "Attribute": {"name": (1, "string"), "full_name": (2, "string"), "checkpoint_key": (3, "string"), "optional_restore": (4, "bool")},
    "Slot": {"original_variable_node_id": (1, "int32"), "slot_name": (2, "string"), "slot_variable_node_id": (3, "int32")},
    "Node": {"children": (1, "*Child"), "attributes": (2, "*Attribute"), "slot_variables": (3, "*Slot")},
    "ObjectGraph": {"nodes": (1, "*Node")},
    "State": {
        "model_checkpoint_path": (1, "string"), "all_model_checkpoint_paths": (2, "*string"),
        "all_model_checkpoint_timestamps": (3, "*double"), "last_preserved_timestamp": (4, "double"),
    },
}  # fmt: skip


@functools.cache
def checkpoint_messages() -> Any:
    """The messages of TensorFlow's checkpoints, as attributes: Header, Entry, ObjectGraph, State, ..."""
    from types import SimpleNamespace

    return SimpleNamespace(**classes("millstream.checkpoint", _CHECKPOINT))


_EXAMPLE: Table = {
    "BytesList": {"value": (1, "*bytes")},
    "FloatList": {"value": (1, "*float")},
    "Int64List": {"value": (1, "*int64")},
    "Feature": {"bytes_list": (1, "|BytesList"), "float_list": (2, "|FloatList"), "int64_list": (3, "|Int64List")},
    "Features": {"feature": (1, "@Feature")},
    "Example": {"features": (1, "Features")},
    "FeatureList": {"feature": (1, "*Feature")},
    "FeatureLists": {"feature_list": (1, "@FeatureList")},
    "SequenceExample": {"context": (1, "Features"), "feature_lists": (2, "FeatureLists")},
}


@functools.cache
def example_messages() -> dict[str, Any]:
    """tf.train.Example and what it is made of, by name. They print as TensorFlow's do."""
    return classes("tensorflow", _EXAMPLE)


def parsed(message: Any, data: bytes) -> Any:
    """A message of its bytes. Raises: ValueError when they are none."""
    from google.protobuf.message import DecodeError

    try:
        return message.FromString(data)
    except DecodeError as error:
        raise ValueError(f"not a message of the expected kind ({error})") from error
