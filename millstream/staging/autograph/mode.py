"""Whether functions are converted that are called from what is being traced: layers ask, before they call the user's `call`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from millstream.graph.branches import StoppedError


class _Mode(threading.local):
    """Of this thread."""

    active = False


MODE = _Mode()


@contextmanager
def converting(active: bool = True) -> Iterator[None]:
    """Convert what is called inside; or do not."""
    before, MODE.active = MODE.active, active
    try:
        yield
    except StoppedError as stopped:
        raise stopped.whole() from None
    finally:
        MODE.active = before


def method(bound: Any) -> Any:
    """A bound method of the user's as it is to be called now."""
    if not MODE.active:
        return bound
    from millstream.staging.autograph.runtime import prepared

    return prepared(bound)
