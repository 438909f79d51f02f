"""tf.io.gfile: files and folders of this machine, with TensorFlow's errors; tf.gfile has the older names."""

import contextlib
import glob as globbing
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self

from millstream.util.errors import _CLASSES as ERRORS
from millstream.util.errors import OpError
from millstream.util.export import export, publish


@contextlib.contextmanager
def explained(path: Any) -> Iterator[None]:
    """The operating system's errors as TensorFlow's."""
    try:
        yield
    except FileNotFoundError as error:
        raise _error("NotFoundError", f"{path}; No such file or directory") from error
    except FileExistsError as error:
        raise _error("AlreadyExistsError", f"{path}; File exists: file already exists") from error
    except PermissionError as error:
        raise _error("PermissionDeniedError", f"{path}; Permission denied") from error
    except (IsADirectoryError, NotADirectoryError, OSError) as error:
        raise _error("FailedPreconditionError", f"{path}; {error.strerror or error}") from error


def _error(name: str, message: str) -> OpError:
    return ERRORS[name](None, None, message)


class GFile:
    """A file. Args: name; mode, "r", "w", "a", with "+" or "b". Opened when it is first used, as TensorFlow does.

    Raises: NotFoundError, PermissionDeniedError and their like when it is.
    """

    def __init__(self, name: Any, mode: str = "r") -> None:
        self._name, self._mode = os.fspath(name), mode
        self._file: Any = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self._name)

    @property
    def mode(self) -> str:
        """How it is opened."""
        return self._mode

    def _open(self) -> Any:
        if self._file is None:
            options: dict[str, Any] = {} if "b" in self._mode else {"encoding": "utf-8", "newline": ""}
            with explained(self._name):
                self._file = open(self._name, self._mode, **options)  # noqa: SIM115  (closed by `close`)
        return self._file

    def read(self, n: int = -1) -> Any:
        """The rest, or n characters (bytes in a binary mode)."""
        return self._open().read(n)

    def readline(self) -> Any:
        """The next line, with its end; empty at the end."""
        return self._open().readline()

    def readlines(self) -> list[Any]:
        """All remaining lines."""
        return list(self._open().readlines())

    def write(self, file_content: Any) -> None:
        """Append text (bytes in a binary mode)."""
        file = self._open()
        file.write(file_content.encode() if "b" in self._mode and isinstance(file_content, str) else file_content)

    def seek(self, offset: int | None = None, whence: int = 0, position: int | None = None) -> None:
        """Go to a place in the file."""
        self._open().seek(position if offset is None else offset, whence)

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place in the file."""
        return int(self._open().tell())

    def size(self) -> int:
        """The file's length in bytes."""
        self.flush()
        with explained(self._name):
            return os.stat(self._name).st_size

    def flush(self) -> None:
        """Hand what was written to the system."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__


publish(GFile, "tf.io.gfile.GFile")
for _name in ("GFile", "Open", "FastGFile"):
    publish(GFile, f"tf.gfile.{_name}", f"tf.compat.v1.gfile.{_name}")


class FileStatistics(NamedTuple):
    """What `stat` gives: length in bytes, time of the last change in nanoseconds, whether it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


def _both(new: str, old: str) -> Callable[[Any], Any]:
    return export(f"tf.io.gfile.{new}", f"tf.gfile.{old}", f"tf.compat.v1.gfile.{old}")


@_both("exists", "Exists")
def exists(path: Any) -> bool:
    """Whether there is a file or folder of this name."""
    return os.path.exists(path)


@_both("isdir", "IsDirectory")
def isdir(path: Any) -> bool:
    """Whether it is a folder."""
    return os.path.isdir(path)


@_both("listdir", "ListDirectory")
def listdir(path: Any) -> list[str]:
    """The names in a folder. Raises: NotFoundError."""
    if not os.path.isdir(path):
        raise _error("NotFoundError", f"Could not find directory {os.fspath(path)}")
    return os.listdir(path)


@_both("glob", "Glob")
def glob(pattern: Any) -> list[str]:
    """The paths that match a pattern, or any of several, sorted."""
    patterns = [pattern] if isinstance(pattern, (str, bytes, os.PathLike)) else pattern
    return sorted(p for each in patterns for p in globbing.glob(os.fsdecode(each)))


@_both("mkdir", "MkDir")
def mkdir(path: Any) -> None:
    """Make a folder; one that is there is left alone. Raises: NotFoundError when its parent is missing."""
    if not os.path.isdir(path):
        with explained(path):
            os.mkdir(path)


@_both("makedirs", "MakeDirs")
def makedirs(path: Any) -> None:
    """Make a folder and its parents; those that are there are left alone."""
    with explained(path):
        os.makedirs(path, exist_ok=True)


@_both("remove", "Remove")
def remove(path: Any) -> None:
    """Delete a file. Raises: NotFoundError."""
    with explained(path):
        os.remove(path)


@_both("rmtree", "DeleteRecursively")
def rmtree(path: Any) -> None:
    """Delete a folder with all in it. Raises: NotFoundError."""
    if not os.path.exists(path):
        raise _error("NotFoundError", f"{os.fspath(path)} not found")
    with explained(path):
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


@_both("rename", "Rename")
def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Rename, or move, a file or folder. Raises: AlreadyExistsError unless overwrite, NotFoundError."""
    _refuse_existing(dst, overwrite)
    with explained(src):
        os.replace(src, dst)


@_both("copy", "Copy")
def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file. Raises: AlreadyExistsError unless overwrite, NotFoundError."""
    _refuse_existing(dst, overwrite)
    with explained(src):
        shutil.copyfile(src, dst)


def _refuse_existing(path: Any, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise _error("AlreadyExistsError", f"{os.fspath(path)}: file already exists. Pass overwrite=True to replace it.")


@_both("stat", "Stat")
def stat(path: Any) -> FileStatistics:
    """Length and time of a file. Raises: NotFoundError."""
    with explained(path):
        found = os.stat(path)
    return FileStatistics(found.st_size, found.st_mtime_ns, os.path.isdir(path))


@_both("walk", "Walk")
def walk(top: Any, topdown: bool = True, onerror: Any = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """(folder, folders in it, files in it) of a folder and all below it."""
    return os.walk(top, topdown=topdown, onerror=onerror)
