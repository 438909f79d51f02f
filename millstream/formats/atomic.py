"""Files that are there whole or not at all: written beside their place, flushed to the disk, then moved there in one step."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import time
from collections.abc import Iterator
from typing import IO, Any


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file to write, which takes the place of `path` when the block ends well; after an error the old file is as it was.

    Raises: OSError when the disk refuses; nothing is left beside `path` then.
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "note")
    >>> with replacing(path) as file:
    ...     _ = file.write(b"whole")
    >>> os.listdir(os.path.dirname(path))
    ['note']
    """
    with moving(path) as beside, open(beside, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def moving(path: str | os.PathLike[str]) -> Iterator[str]:
    """The name of a file to make beside `path`, in a folder that exists; it is moved to `path` when the block ends well, else removed."""
    target = os.path.realpath(os.fspath(path))  # a link stays a link
    os.makedirs(os.path.dirname(target), exist_ok=True)
    _clear_away(target)
    beside = f"{target}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        yield beside
        _keep_mode(target, beside)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    sync_folder(os.path.dirname(target))


def _clear_away(target: str) -> None:
    """Remove what processes that were killed have left beside a file: theirs by number, and untouched for a minute (another machine may share the disk)."""
    for path in glob.glob(glob.escape(target) + ".*-????????.tmp"):
        number = path[len(target) + 1 :].partition("-")[0]
        with contextlib.suppress(OSError):
            if number.isdigit() and not _is_running(int(number)) and time.time() - os.path.getmtime(path) > _UNTOUCHED:
                os.unlink(path)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


_UNTOUCHED = 60  # seconds


def _keep_mode(old: str, new: str) -> None:
    """Permissions somebody gave the old file hold for the new one."""
    with contextlib.suppress(OSError):
        os.chmod(new, os.stat(old).st_mode & 0o777)


def sync_folder(folder: str) -> None:
    """Make names in a folder last, where the system can do that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_whole(path: str | os.PathLike[str], *parts: Any) -> None:
    """Write bytes (anything with a buffer), one part after the other, and put the file in its place."""
    with replacing(path) as file:
        for part in parts:
            file.write(part)
