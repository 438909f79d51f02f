"""Event files, which TensorBoard reads: records (framed as in TFRecord files) of Event messages.

Only what Millstream writes is declared; other fields are kept as they are when a file is read.
"""

import functools
import itertools
import os
import socket
import time
from typing import Any

import numpy as np

from millstream.formats import tfrecord
from millstream.formats.messages import Table, classes

_TYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10, "object": 7}  # TensorFlow's DataType
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # what a plug-in makes of a value
_COUNTER = itertools.count(1)
_TABLE: Table = {
    "Dim": {"size": (1, "int64")},
    "Shape": {"dim": (2, "*Dim")},
    "Tensor": {"dtype": (1, "int32"), "tensor_shape": (2, "Shape"), "tensor_content": (4, "bytes"), "string_val": (8, "*bytes")},
    "Plugin": {"plugin_name": (1, "string"), "content": (2, "bytes")},
    "Metadata": {
        "plugin_data": (1, "Plugin"), "display_name": (2, "string"), "summary_description": (3, "string"), "data_class": (4, "int32"),
    },
    "Value": {"tag": (1, "string"), "simple_value": (2, "float"), "tensor": (8, "Tensor"), "metadata": (9, "Metadata")},
    "Summary": {"value": (1, "*Value")},
    "Event": {
        "wall_time": (1, "double"), "step": (2, "int64"), "file_version": (3, "string"), "graph_def": (4, "bytes"), "summary": (5, "Summary"),
    },
}  # fmt: skip
DATA_CLASSES = {"scalars": _SCALAR, "histograms": _TENSOR, "text": _TENSOR, "images": _BLOBS}


@functools.cache
def messages() -> Any:
    """The message classes, as attributes."""
    from types import SimpleNamespace

    return SimpleNamespace(**classes("millstream.events", _TABLE))


def tensor_message(array: Any) -> Any:
    """An array of numbers or bytes as a message."""
    values = np.asarray(array)
    made = messages().Tensor(dtype=_TYPES[values.dtype.name])
    for n in values.shape:
        made.tensor_shape.dim.add(size=n)
    if not values.ndim:
        made.tensor_shape.SetInParent()
    if values.dtype == object:
        made.string_val.extend(bytes(v) for v in values.reshape(-1))
    else:
        made.tensor_content = values.tobytes()
    return made


def event(tag: str, array: Any, step: int, plugin: str, content: bytes = b"", description: str = "") -> Any:
    """One value at a step, for a plug-in of TensorBoard ("scalars", "images", ...)."""
    kinds = messages()
    metadata = kinds.Metadata(plugin_data=kinds.Plugin(plugin_name=plugin, content=content), data_class=DATA_CLASSES.get(plugin, 0))
    metadata.summary_description = description
    value = kinds.Value(tag=tag, tensor=tensor_message(array), metadata=metadata)
    return kinds.Event(wall_time=time.time(), step=step, summary=kinds.Summary(value=[value]))


class EventFile:
    """An event file of its own in a folder, open for appending."""

    def __init__(self, folder: str, suffix: str = ".v2") -> None:
        os.makedirs(folder, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_COUNTER)}{suffix}"
        self.path = os.path.join(folder, name)
        self._file = open(self.path, "ab")  # noqa: SIM115  (closed by close)
        self.write(messages().Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, message: Any) -> None:
        """Append an event."""
        self._file.write(tfrecord.framed(message.SerializeToString()))

    def flush(self) -> None:
        """Hand what was written to the system."""
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Write what is left, and close."""
        self._file.close()

    def __del__(self) -> None:
        if "_file" in vars(self):
            self._file.close()
