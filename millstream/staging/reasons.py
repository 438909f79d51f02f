"""Why a function could not be traced, in words: the user's line, and what it asked of a tensor without values."""

import contextlib
import linecache
import os
import traceback

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def why(error: BaseException) -> str:
    """One line: file, line, its text, and the error's first line."""
    message = (str(error).strip().splitlines() or [""])[0]
    place = _place(error)
    reason = f"{type(error).__name__}: {message}"
    return f"{place}: {reason}" if place else reason


def _place(error: BaseException) -> str:
    """The innermost line of the traceback that is not ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not os.path.abspath(frame.filename).startswith(_OURS) and frame.filename != contextlib.__file__:
            text = linecache.getline(frame.filename, frame.lineno or 0).strip()
            return f"{frame.filename}:{frame.lineno}" + (f" `{text}`" if text else "")
    return ""
