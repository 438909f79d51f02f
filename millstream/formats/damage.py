"""The error that every reader of a file raises when the file is not whole."""

from __future__ import annotations

import os


class DamagedFileError(ValueError):
    """A file that cannot be read as what it should be.

    `path` is the file, `reason` says what is wrong with it, without its name and without a full stop.
    """

    def __init__(self, path: str | os.PathLike[str], reason: str, advice: str = "") -> None:
        self.path, self.reason = os.fspath(path), reason
        super().__init__(f"{self.path} is damaged: {reason}.{' ' + advice if advice else ''}")


def looks_like(head: bytes) -> str:
    """What a file with these first bytes seems to be, for an error message.

    >>> looks_like(b"<!DOCTYPE html>")
    'it holds a web page (an error page that was saved as if it were the file?)'
    """
    if not head:
        return "it is empty"
    if head.lstrip()[:1] == b"<":
        return "it holds a web page (an error page that was saved as if it were the file?)"
    if head.startswith(b"version https://git-lfs"):
        return "it holds a Git LFS pointer, not the data (`git lfs pull` fetches them)"
    return f"it starts with {head[:8]!r}"
