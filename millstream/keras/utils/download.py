"""A file from the network to the disk: whole and in place, or not there at all. With Keras's progress bar."""

from __future__ import annotations

import contextlib
import http.client
import math
import os
import sys
import time
from typing import IO

_BLOCK = 1 << 16  # bytes read at once
_TIMEOUT = 30.0  # seconds without a byte until the network counts as absent
_REDRAW = 0.05  # seconds between two drawings of the bar, as Keras


class DownloadError(OSError):
    """A file that could not be fetched; the message says where to put it by hand."""


class DownloadBar:
    """Keras's progress bar over bytes: `8192/11490434 [====>.....] - ETA: 3s`. `total` is None when the server does not say."""

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._start = time.monotonic()
        self._drawn = -math.inf
        self._width = 0

    def update(self, done: int, last: bool = False) -> None:
        """Redraw for `done` bytes, at most twenty times a second; `last` ends the line."""
        now = time.monotonic()
        if last or now - self._drawn >= _REDRAW:
            self._drawn = now
            self._draw(f"{self._bar(done)} - {self._time(done, now - self._start, last)}", last)

    def _bar(self, done: int) -> str:
        if self.total is None:
            return f"{done:7d}/Unknown"
        filled = int(30 * done / max(self.total, 1))
        arrow = "=" * (filled - 1) + (">" if done < self.total else "=") if filled else ""
        return f"{done:{len(str(self.total))}d}/{self.total} [{arrow:.<30}]"

    def _time(self, done: int, seconds: float, last: bool) -> str:
        each = seconds / max(done, 1)
        if last or self.total is None:
            return f"{seconds:.0f}s {each * 1e6:.0f}us/step"
        return f"ETA: {_clock(each * (self.total - done))}"

    def _draw(self, text: str, last: bool) -> None:
        sys.stdout.write("\b" * self._width + "\r" + text.ljust(self._width) + ("\n" if last else ""))
        sys.stdout.flush()
        self._width = len(text)


def _clock(seconds: float) -> str:
    """Remaining time as Keras writes it.

    >>> _clock(5), _clock(75), _clock(3725)
    ('5s', '1:15', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}s"


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
    bar, done = DownloadBar(total), 0
    while block := answer.read(_BLOCK):
        file.write(block)
        done += len(block)
        bar.update(done)
    bar.update(done, last=True)
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
