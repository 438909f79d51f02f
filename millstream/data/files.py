"""Data sets of files: lines of text, records of a fixed length."""

import io
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import string
from millstream.core.spec import TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.data import mapping, specs
from millstream.data.dataset import Dataset, stand_in
from millstream.data.source import Run, Source
from millstream.util.errors import NotFoundError, invalid
from millstream.util.export import export, publish

Reader = Callable[[str], Iterator[bytes]]


def text(value: bytes) -> Tensor:
    """A string scalar."""
    made = np.empty((), object)
    made[()] = value
    return wrap(made)


def open_file(name: str, compression: Any) -> IO[bytes]:
    """A file for reading, decompressed: "", "GZIP" or "ZLIB". Raises: NotFoundError; InvalidArgumentError for another compression."""
    kind = "" if compression is None else convert(compression)._array[()].decode() if isinstance(compression, Tensor) else str(compression)
    try:
        if kind == "GZIP":
            import gzip

            return gzip.open(name, "rb")  # type: ignore[return-value]  # a GzipFile
        if kind == "ZLIB":
            import zlib

            with open(name, "rb") as file:
                return io.BytesIO(zlib.decompress(file.read()))
        if kind:
            raise invalid(f"Unsupported compression_type: {kind}; it is '', 'GZIP' or 'ZLIB'.")
        return open(name, "rb")
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{name}; No such file or directory") from None


class Records(Source):
    """What a reader makes of one file: string scalars."""

    def __init__(self, filename: str, reader: Reader, name: str) -> None:
        self.filename, self.reader, self.name = filename, reader, name

    @property
    def spec(self) -> Any:
        """A string."""
        return TensorSpec([], string)

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return map(text, self.reader(self.filename))


class OfFiles(Source):
    """The records of several files, one after the other, or of some in turn."""

    def __init__(self, filenames: Any, reader: Reader, name: str, parallel: Any) -> None:
        self.name = name
        names = filenames_of(filenames)

        def open_one(filename: Any) -> Dataset:
            return Dataset(Records(filename.numpy().decode(), reader, name))

        several = parallel is not None and int(parallel) != 1
        self._files = (
            mapping.Interleave(names._source, open_one, stand_in, int(parallel), 1, True)
            if several
            else mapping.FlatMap(names._source, open_one, stand_in)
        )

    @property
    def spec(self) -> Any:
        """A string."""
        return TensorSpec([], string)

    def size(self) -> int:
        """Unknown."""
        return specs.UNKNOWN

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass."""
        return self._files.begin(run)


def filenames_of(filenames: Any) -> Dataset:
    """Names of files, given as a data set, a tensor, texts or paths, as a data set. Raises: TypeError for what are no texts."""
    return filenames if isinstance(filenames, Dataset) else Dataset.from_tensor_slices(_listed(filenames))


def _listed(filenames: Any) -> Any:
    names = convert(
        [str(f) if hasattr(f, "__fspath__") else f for f in filenames]
        if isinstance(filenames, (list, tuple))
        else str(filenames)
        if hasattr(filenames, "__fspath__")
        else filenames
    )
    if names.dtype is not string:
        raise TypeError(f"`filenames` must be a `tf.data.Dataset` of `tf.string` elements, or strings; got {names.dtype!r}.")
    return [names._array[()]] if not names.ndim else names


@export("tf.data.TextLineDataset")
class TextLineDataset(Dataset):
    """The lines of text files, without their ends. compression_type: "", "GZIP" or "ZLIB". Raises: NotFoundError when it is read."""

    def __init__(self, filenames: Any, compression_type: Any = None, buffer_size: Any = None, num_parallel_reads: Any = None) -> None:
        def lines(name: str) -> Iterator[bytes]:
            with open_file(name, compression_type) as file:
                for line in file:
                    yield line.removesuffix(b"\n").replace(b"\r", b"")

        super().__init__(OfFiles(filenames, lines, "TextLineDatasetV2", num_parallel_reads))


@export("tf.data.FixedLengthRecordDataset")
class FixedLengthRecordDataset(Dataset):
    """Records of a fixed number of bytes, between a header and a footer. Raises: InvalidArgumentError for a file that is no multiple."""

    def __init__(
        self,
        filenames: Any,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        buffer_size: Any = None,
        compression_type: Any = None,
        num_parallel_reads: Any = None,
    ) -> None:
        head, foot, size = int(header_bytes or 0), int(footer_bytes or 0), int(record_bytes)

        def records(name: str) -> Iterator[bytes]:
            with open_file(name, compression_type) as file:
                data = file.read()
            body = data[head : len(data) - foot]
            if len(body) % size:
                raise invalid(f"Excess bytes: {name} has {len(body)} bytes between header and footer, which is no multiple of {size}.")
            return (body[i : i + size] for i in range(0, len(body), size))

        super().__init__(OfFiles(filenames, records, "FixedLengthRecordDatasetV2", num_parallel_reads))


publish(TextLineDataset, "tf.compat.v1.data.TextLineDataset")
