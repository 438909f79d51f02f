"""tf.io.gfile: files and folders, with TensorFlow's names and errors. Only the local file system."""

import glob as patterns
import os
import shutil
from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple, Self

from millstream.util.errors import _CLASSES, NotFoundError, invalid
from millstream.util.export import export

AlreadyExistsError = _CLASSES["AlreadyExistsError"]
FailedPreconditionError = _CLASSES["FailedPreconditionError"]


def path_of(path: Any) -> str:
    """A path as text: texts, bytes, paths, string scalars."""
    if hasattr(path, "numpy"):
        path = path.numpy()
    return os.fsdecode(path)


def _checked(function: Callable[[], Any], path: Any) -> Any:
    try:
        return function()
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{path_of(path)}; No such file or directory") from None
    except FileExistsError:
        raise AlreadyExistsError(None, None, f"{path_of(path)}; File exists") from None
    except OSError as error:
        raise FailedPreconditionError(None, None, f"{path_of(path)}; {error.strerror}") from None


def _new_name(src: Any, dst: Any, overwrite: bool) -> None:
    if not os.path.exists(path_of(src)):
        raise NotFoundError(None, None, f"{path_of(src)}; No such file or directory")
    if os.path.exists(path_of(dst)) and not overwrite:
        raise AlreadyExistsError(None, None, f"file already exists: {path_of(dst)}; pass overwrite=True to replace it.")


@export("tf.io.gfile.exists")
def exists(path: Any) -> bool:
    """Whether a file or folder is there.

    >>> tf.io.gfile.exists("/nowhere")
    False
    """
    return os.path.exists(path_of(path))


@export("tf.io.gfile.isdir")
def isdir(path: Any) -> bool:
    """Whether this is a folder."""
    return os.path.isdir(path_of(path))


@export("tf.io.gfile.listdir")
def listdir(path: Any) -> list[str]:
    """The names in a folder. Raises: NotFoundError."""
    if not isdir(path):
        raise NotFoundError(None, None, f"Could not find directory {path_of(path)}")
    return os.listdir(path_of(path))


@export("tf.io.gfile.glob")
def glob(pattern: Any) -> list[str]:
    """The paths that fit a pattern, or one of several.

    >>> tf.io.gfile.glob("/nowhere/*.png")
    []
    """
    several = pattern if isinstance(pattern, (list, tuple)) else [pattern]
    return [name for p in several for name in sorted(patterns.glob(path_of(p)))]


@export("tf.io.gfile.makedirs")
def makedirs(path: Any) -> None:
    """Make a folder and those above it; fine when it is there."""
    _checked(lambda: os.makedirs(path_of(path), exist_ok=True), path)


@export("tf.io.gfile.mkdir")
def mkdir(path: Any) -> None:
    """Make a folder. Raises: NotFoundError when the one above it is missing; AlreadyExistsError."""
    _checked(lambda: os.mkdir(path_of(path)), path)


@export("tf.io.gfile.remove")
def remove(path: Any) -> None:
    """Delete a file. Raises: NotFoundError."""
    _checked(lambda: os.remove(path_of(path)), path)


@export("tf.io.gfile.rmtree")
def rmtree(path: Any) -> None:
    """Delete a folder with all that is in it. Raises: NotFoundError."""
    _checked(lambda: shutil.rmtree(path_of(path)), path)


@export("tf.io.gfile.copy")
def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file. Raises: NotFoundError; AlreadyExistsError unless overwrite."""
    _new_name(src, dst, overwrite)
    shutil.copyfile(path_of(src), path_of(dst))


@export("tf.io.gfile.rename")
def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Rename or move a file. Raises: NotFoundError; AlreadyExistsError unless overwrite."""
    _new_name(src, dst, overwrite)
    os.replace(path_of(src), path_of(dst))


class FileStatistics(NamedTuple):
    """Length in bytes, time of the last change in nanoseconds, whether it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


@export("tf.io.gfile.stat")
def stat(path: Any) -> FileStatistics:
    """Length, time and kind of a file. Raises: NotFoundError."""
    found = _checked(lambda: os.stat(path_of(path)), path)
    return FileStatistics(found.st_size, found.st_mtime_ns, isdir(path))


@export("tf.io.gfile.walk")
def walk(top: Any, topdown: bool = True, onerror: Any = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """(folder, its folders, its files) of a folder and all below it."""
    return os.walk(path_of(top), topdown, onerror)


@export("tf.io.gfile.GFile")
class GFile:
    r"""A file: text, or bytes with a mode that ends in "b". A context manager.

    Raises: NotFoundError, when it is read; InvalidArgumentError for another mode.
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/a.txt"
    >>> with tf.io.gfile.GFile(path, "w") as f:
    ...     f.write("one\ntwo\n")
    >>> with tf.io.gfile.GFile(path) as f:
    ...     f.readlines()
    ['one\n', 'two\n']
    """

    def __init__(self, name: Any, mode: str = "r") -> None:
        if mode.replace("b", "") not in ("r", "w", "a", "r+", "w+", "a+"):
            raise invalid(f"mode is not 'r' or 'w' or 'a' (with 'b' for bytes): got {mode!r}.")
        self._name, self._mode = path_of(name), mode
        self._file: IO[Any] | None = None

    @property
    def name(self) -> str:
        """The path."""
        return self._name

    @property
    def mode(self) -> str:
        """How it is opened."""
        return self._mode

    def _open(self) -> IO[Any]:
        if self._file is None:
            text: dict[str, Any] = {} if "b" in self._mode else {"encoding": "utf-8", "newline": ""}
            self._file = _checked(lambda: open(self._name, self._mode, **text), self._name)  # noqa: SIM115  (closed by close)
        assert self._file is not None
        return self._file

    def read(self, n: int = -1) -> Any:
        """The next n characters or bytes, or all that is left."""
        return self._open().read(n)

    def readline(self) -> Any:
        """The next line, with its end; empty at the end of the file."""
        return self._open().readline()

    def readlines(self) -> list[Any]:
        """All lines that are left."""
        return self._open().readlines()

    def write(self, file_content: Any) -> None:
        """Append text or bytes."""
        self._open().write(file_content)

    def seek(self, offset: int | None = None, whence: int = 0, position: int | None = None) -> None:
        """Go to a place. Raises: TypeError without one."""
        place = position if offset is None else offset
        if place is None:
            raise TypeError("seek(): offset argument required")
        self._open().seek(place, whence)

    def tell(self) -> int:
        """The place."""
        return self._open().tell()

    def seekable(self) -> bool:
        """Yes."""
        return True

    def size(self) -> int:
        """The length of the file in bytes. Raises: NotFoundError."""
        return stat(self._name).length

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Write what is left, and close."""
        file, self._file = getattr(self, "_file", None), None
        if file is not None:
            file.close()

    def next(self) -> Any:
        """The next line. Raises: StopIteration at the end."""
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def __next__(self) -> Any:
        return self.next()

    def __del__(self) -> None:
        self.close()

    def __iter__(self) -> "GFile":
        return self

    def __enter__(self) -> Self:
        if "w" in self._mode:
            self._open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
