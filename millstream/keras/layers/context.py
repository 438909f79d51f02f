"""What layers at work know of their surroundings: whether it is training, and who was called first."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Call(threading.local):
    """The calls under way in this thread."""

    training: Any = None
    root: Any = None
    """The outermost layer being called; None outside of any call."""
    lossy: list[Any] | None = None
    """The layers that added losses during the outermost call."""
    batch_is_unknown: bool = False
    """Whether the batch at work stands for batches of several sizes (as fit's do when the last one is short)."""


CALL = _Call()


class _Structure:
    """Counts every change of any layer that compiled code depends on: new weights, new sublayers, trainable flags."""

    version = 0


STRUCTURE = _Structure()


@contextmanager
def unknown_batch(unknown: bool) -> Iterator[None]:
    """Say whether the batches of this run differ in size."""
    before, CALL.batch_is_unknown = CALL.batch_is_unknown, unknown
    try:
        yield
    finally:
        CALL.batch_is_unknown = before


@contextmanager
def fresh_call(training: Any = None) -> Iterator[list[Any]]:
    """Begin a call of its own, as if no layer were at work; gives the list of layers that added losses."""
    before = CALL.training, CALL.root, CALL.lossy
    lossy: list[Any] = []
    CALL.training, CALL.root, CALL.lossy = training, None, lossy
    try:
        yield lossy
    finally:
        CALL.training, CALL.root, CALL.lossy = before
