"""A file from the network to the disk: whole and in place, or not there at all. With Keras's progress bar."""

from __future__ import annotations

import contextlib
import http.client
import os
from typing import IO

from millstream.keras.utils.progbar import Progbar

_BLOCK = 1 << 16  # bytes read at once
_TIMEOUT = 30.0  # seconds without a byte until the network counts as absent


class DownloadError(OSError):
    """A file that could not be fetched; the message says where to put it by hand."""


def download(origin: str, target: str, checksum: tuple[str, str] | None = None) -> None:
    """Fetch the URL `origin` to the file `target`, which appears whole or not at all; what stood there is replaced only then.

    `checksum` is (algorithm, hex digest). Raises: DownloadError when the network, the server, the disk or the checksum says no.
    """
    part = f"{target}.{os.getpid()}.part"
    try:
        _fetch(origin, part)
        if checksum is not None and not matches(part, *checksum):
            raise DownloadError(f"what {origin} sent does not have the {checksum[0]} checksum {checksum[1]}: it was damaged or changed")
        os.replace(part, target)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DownloadError(_explain(origin, target, error)) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)


def _fetch(origin: str, part: str) -> None:
    # Imported here: urllib.request costs 20 ms, and a cached file needs none of it.
    import urllib.request

    with urllib.request.urlopen(origin, timeout=_TIMEOUT) as answer, open(part, "wb") as file:  # noqa: S310 - file: URLs are as good
        length = answer.headers.get("Content-Length")
        _copy(answer, file, int(length) if length else None)


def _copy(answer: IO[bytes], file: IO[bytes], total: int | None) -> None:
    bar, done = Progbar(total or None), 0
    while block := answer.read(_BLOCK):
        file.write(block)
        done += len(block)
        bar.update(done, finalize=False)
    bar.update(done, finalize=True)
    if total is not None and done != total:
        raise ConnectionError(f"the connection broke after {done} of {total} bytes")


def _explain(origin: str, target: str, error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return (
        f"{os.path.basename(target)} is not on this machine and could not be fetched: {reason}.\n"
        f"  from: {origin}\n"
        f"  to:   {target}\n"
        f"Without a network, get the file on another machine, put it there under that name, and run this again."
    )


def matches(path: str, algorithm: str, digest: str) -> bool:
    """Whether the file has this checksum; `algorithm` is a name that hashlib knows."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest.lower()
