"""TFRecord files as data sets, and their writer."""

from collections.abc import Iterator
from typing import IO, Any, Self

from millstream.core.tensor import Tensor, convert
from millstream.data.dataset import Dataset
from millstream.data.files import OfFiles, open_file
from millstream.formats import tfrecord
from millstream.util.errors import invalid
from millstream.util.export import export


@export("tf.data.TFRecordDataset")
class TFRecordDataset(Dataset):
    """The records of TFRecord files: string scalars. compression_type: "", "GZIP" or "ZLIB".

    Raises: NotFoundError or DataLossError, when it is read.
    """

    def __init__(self, filenames: Any, compression_type: Any = None, buffer_size: Any = None, num_parallel_reads: Any = None) -> None:
        def records(name: str) -> Iterator[bytes]:
            with open_file(name, compression_type) as file:
                yield from tfrecord.read(file, name)

        super().__init__(OfFiles(filenames, records, "TFRecordDatasetV2", num_parallel_reads))


@export("tf.io.TFRecordOptions")
class TFRecordOptions:
    """How a TFRecord file is written: compression_type "", "GZIP" or "ZLIB", and zlib's compression_level."""

    compression_type_map = {0: "", 1: "ZLIB", 2: "GZIP"}  # noqa: RUF012  (TensorFlow's name; read only)

    def __init__(
        self, compression_type: Any = None, flush_mode: Any = None, input_buffer_size: Any = None, output_buffer_size: Any = None, window_bits: Any = None,
        compression_level: int | None = None, compression_method: Any = None, mem_level: Any = None, compression_strategy: Any = None,
    ) -> None:  # fmt: skip
        self.compression_type = self.get_compression_type_string(compression_type)
        self.compression_level = compression_level

    @classmethod
    def get_compression_type_string(cls, options: Any) -> str:
        """The name of a compression. Raises: ValueError for an unknown one."""
        if isinstance(options, TFRecordOptions):
            return options.compression_type
        kind = cls.compression_type_map.get(options, options) or ""
        if kind not in cls.compression_type_map.values():
            raise ValueError(f"Not a valid compression_type: {options!r}; it is '', 'GZIP' or 'ZLIB'.")
        return str(kind)


@export("tf.io.TFRecordWriter")
class TFRecordWriter:
    """Writes byte strings into a TFRecord file; a context manager.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/two.tfrecord"
    >>> with tf.io.TFRecordWriter(path) as writer:
    ...     writer.write(b"one")
    ...     writer.write(b"two")
    >>> [x.numpy() for x in tf.data.TFRecordDataset(path)]
    [b'one', b'two']
    """

    def __init__(self, path: Any, options: Any = None) -> None:
        self._kind = TFRecordOptions.get_compression_type_string(options)
        self._level = getattr(options, "compression_level", None)
        self._packer: Any = None
        self._file: IO[bytes] | None = self._open(str(path))

    def _open(self, path: str) -> IO[bytes]:
        if self._kind == "GZIP":
            import gzip

            return gzip.open(path, "wb", 9 if self._level is None else self._level)  # type: ignore[return-value]  # a GzipFile
        if self._kind == "ZLIB":
            import zlib

            self._packer = zlib.compressobj(-1 if self._level is None else self._level)
        return open(path, "wb")

    def write(self, record: Any) -> None:
        """Append one record: bytes or text. Raises: FailedPrecondition-like InvalidArgumentError after `close`."""
        if self._file is None:
            raise invalid("The writer is closed: open another one to write on.")
        data = tfrecord.framed(record.encode() if isinstance(record, str) else bytes(_bytes(record)))
        self._file.write(data if self._packer is None else self._packer.compress(data))

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Write what is left, and close the file."""
        if self._file is None:
            return
        if self._packer is not None:
            self._file.write(self._packer.flush())
        self._file.close()
        self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _bytes(record: Any) -> Any:
    return convert(record)._array[()] if isinstance(record, Tensor) else record


@export("tf.data.experimental.TFRecordWriter")
class DatasetWriter:
    """Writes a data set of string scalars into a TFRecord file."""

    def __init__(self, filename: Any, compression_type: Any = None) -> None:
        self._filename, self._compression = filename, compression_type

    def write(self, dataset: Dataset) -> None:
        """Write all elements. Raises: TypeError for elements that are no string scalars."""
        with TFRecordWriter(self._filename, self._compression) as writer:
            for element in dataset:
                if not isinstance(element, Tensor) or element.dtype.name != "string":
                    raise TypeError(f"`dataset` must produce scalar `DT_STRING` tensors; got {element}. Serialize the elements first.")
                writer.write(element)
