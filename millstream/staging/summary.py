"""tf.summary: scalars, histograms, pictures and texts for TensorBoard, written into event files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from millstream.core import scope
from millstream.core.dtypes import float32, float64, uint8
from millstream.core.tensor import convert
from millstream.formats import events
from millstream.ops.array.creation import cast
from millstream.ops.codecs import encode_png
from millstream.ops.image.frames import convert_image_dtype
from millstream.staging.python_ops import py_function
from millstream.util.export import export


class _State:
    """The writer and the step in force, and whether to record."""

    writer: ClassVar[Any] = None
    step: ClassVar[Any] = None
    record: ClassVar[Any] = True


@export("tf.summary.SummaryWriter")
class SummaryWriter:
    """Writes summaries into one event file; made by tf.summary.create_file_writer. Without a folder it writes nothing."""

    def __init__(self, logdir: Any = None, suffix: str = ".v2") -> None:
        self._folder = None if logdir is None else str(logdir)
        self._suffix, self._closed = suffix, False
        self._file = None if self._folder is None else events.EventFile(self._folder, suffix)

    def _write(self, message: Any) -> None:
        """Append an event. Raises: RuntimeError after `close`."""
        if self._closed:
            raise RuntimeError("SummaryWriter is already closed: make another one to write on.")
        if self._file is not None:
            self._file.write(message)

    def as_default(self, step: Any = None) -> Any:
        """Context manager: summaries inside go to this writer."""
        return _as_default(self, step)

    def set_as_default(self, step: Any = None) -> None:
        """Summaries go to this writer from now on."""
        _State.writer = self
        if step is not None:
            _State.step = step

    def init(self) -> None:
        """Nothing: the file is open."""

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Write what is left, and close."""
        if self._file is not None:
            self._file.close()
        self._closed = True


@contextmanager
def _as_default(writer: SummaryWriter, step: Any) -> Iterator[SummaryWriter]:
    before = _State.writer, _State.step
    _State.writer, _State.step = writer, _State.step if step is None else step
    try:
        yield writer
    finally:
        writer.flush()
        _State.writer, _State.step = before[0], before[1] if step is not None else _State.step


@export("tf.summary.create_file_writer")
def create_file_writer(
    logdir: Any, max_queue: Any = None, flush_millis: Any = None, filename_suffix: str | None = None, name: str | None = None
) -> SummaryWriter:
    """A writer into a new event file in a folder, which is made when it is missing.

    >>> import tempfile
    >>> writer = tf.summary.create_file_writer(tempfile.mkdtemp())
    >>> with writer.as_default():
    ...     tf.summary.scalar("loss", 0.5, step=1).numpy().item()
    True
    >>> writer.close()
    """
    return SummaryWriter(logdir, ".v2" if filename_suffix is None else filename_suffix)


@export("tf.summary.create_noop_writer")
def create_noop_writer() -> SummaryWriter:
    """A writer that writes nothing."""
    return SummaryWriter()


@export("tf.summary.flush")
def flush(writer: Any = None, name: str | None = None) -> None:
    """Hand to the system what a writer (the one in force) has written."""
    chosen = _State.writer if writer is None else writer
    if chosen is not None:
        chosen.flush()


@export("tf.summary.experimental.set_step")
def set_step(step: Any) -> None:
    """The step of summaries that are given none.

    >>> tf.summary.experimental.set_step(5)
    >>> tf.summary.experimental.get_step()
    5
    >>> tf.summary.experimental.set_step(None)
    """
    _State.step = step


@export("tf.summary.experimental.get_step")
def get_step() -> Any:
    """The step of summaries that are given none, or None."""
    return _State.step


@export("tf.summary.should_record_summaries")
def should_record_summaries() -> Any:
    """Whether summaries are recorded now: there is a writer, and record_if says so."""
    condition = _State.record() if callable(_State.record) else _State.record
    return _State.writer is not None and condition


@export("tf.summary.record_if")
@contextmanager
def record_if(condition: Any) -> Iterator[None]:
    """Context manager: summaries inside are recorded only if a condition (or a function) is true.

    >>> with tf.summary.record_if(False):
    ...     tf.summary.should_record_summaries()
    False
    """
    before, _State.record = _State.record, condition
    try:
        yield
    finally:
        _State.record = before


def _record(
    name: str, data: Any, step: Any, encode: Callable[[Any], Any], plugin: str, description: str | None, content: bytes = b""
) -> Any:
    """Write one value. In a traced function the writing happens each time that it runs. True when it was written."""
    writer, recorded = _State.writer, should_record_summaries()
    if writer is None or recorded is False:
        return convert(False)
    when = _State.step if step is None else step
    if when is None:
        raise ValueError("No step set. Please specify one either through the `step` argument or through tf.summary.experimental.set_step()")
    tag = scope.scoped(name)

    def write(value: Any, number: Any, wanted: Any) -> None:
        if bool(wanted):
            writer._write(events.event(tag, encode(value), int(number), plugin, content, description or ""))

    py_function(write, [data, convert(when), convert(recorded)], [])
    return convert(recorded)


@export("tf.summary.scalar")
def scalar(name: str, data: Any, step: Any = None, description: str | None = None) -> Any:
    """Write a number. Raises: ValueError without a step, or for data with dimensions.

    >>> bool(tf.summary.scalar("loss", 0.5, step=1))  # there is no writer
    False
    """
    x = cast(data, float32)
    if x.ndim:
        raise ValueError(f"tf.summary.scalar {name!r} takes a number; got shape {tuple(x.shape)}. Use tf.summary.histogram for many.")
    return _record(name, x, step, lambda v: v.numpy(), "scalars", description)


@export("tf.summary.histogram")
def histogram(name: str, data: Any, step: Any = None, buckets: int | None = None, description: str | None = None) -> Any:
    """Write how numbers are distributed over buckets (30 by default).

    >>> bool(tf.summary.histogram("weights", [1.0, 2.0], step=1))  # there is no writer
    False
    """
    count = 30 if buckets is None else int(buckets)
    return _record(name, cast(data, float64), step, lambda v: _buckets(v.numpy().reshape(-1), count), "histograms", description)


def _buckets(x: Any, count: int) -> Any:
    """float64[count, 3]: left edge, right edge, how many."""
    if not count or not x.size:
        return np.zeros((count, 3))
    low, high = x.min(), x.max()
    edges = np.linspace(low, high, count + 1)
    width = (high - low) / count
    places = np.full(x.shape, count - 1) if low == high else np.minimum(((x - low) / width).astype(int), count - 1)
    return np.stack([edges[:-1], edges[1:], np.bincount(places, minlength=count)], 1)


@export("tf.summary.image")
def image(name: str, data: Any, step: Any = None, max_outputs: Any = 3, description: str | None = None) -> Any:
    """Write pictures [B, H, W, C], at most max_outputs of them. Raises: ValueError for another rank.

    >>> bool(tf.summary.image("pictures", tf.zeros((1, 2, 2, 3)), step=1))  # there is no writer
    False
    """
    x = convert(data)
    if x.ndim != 4:
        raise ValueError(f"tf.summary.image takes pictures [batch, height, width, channels]; got shape {tuple(x.shape)}.")

    def encode(value: Any) -> Any:
        pixels = convert_image_dtype(value[: int(max_outputs)], uint8, saturate=True)
        head = [str(pixels.shape[2]).encode(), str(pixels.shape[1]).encode()]
        return np.array([*head, *(encode_png(p).numpy() for p in pixels)], object)

    return _record(name, x, step, encode, "images", description)


@export("tf.summary.text")
def text(name: str, data: Any, step: Any = None, description: str | None = None) -> Any:
    """Write texts, which TensorBoard shows as Markdown.

    >>> bool(tf.summary.text("notes", "fine", step=1))  # there is no writer
    False
    """
    return _record(name, convert(data), step, lambda v: np.asarray(v._array, object), "text", description)


@export("tf.summary.write")
def write(tag: str, tensor: Any, step: Any = None, metadata: Any = None, name: str | None = None) -> Any:
    """Write a tensor for a plug-in. metadata: has plugin_data.plugin_name and .content, or None.

    >>> bool(tf.summary.write("values", [1.0], step=1))  # there is no writer
    False
    """
    data = getattr(metadata, "plugin_data", None)
    content = bytes(getattr(data, "content", b""))
    return _record(tag, convert(tensor), step, lambda v: v._array, getattr(data, "plugin_name", ""), None, content)


# ---------------------------------------------------------------------------------------------- traces
@export("tf.summary.trace_on")
def trace_on(graph: bool = True, profiler: bool = False) -> None:
    """Begin to trace. Graphs and profiles are not kept, so there is nothing to begin."""


@export("tf.summary.trace_off")
def trace_off() -> None:
    """Stop tracing."""


@export("tf.summary.trace_export")
def trace_export(name: str, step: Any = None, profiler_outdir: Any = None) -> None:
    """Write what was traced: nothing. Raises: ValueError without a step."""
    if step is None and _State.step is None:
        raise ValueError("No step set. Please specify one either through the `step` argument or through tf.summary.experimental.set_step()")
