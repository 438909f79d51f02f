"""Saving what lies below a root, and restoring it."""

from __future__ import annotations

import os
from typing import Any

from millstream.checkpoints.graph import GRAPH_KEY, View, values
from millstream.checkpoints.restore import Restoration, restore_by_name
from millstream.checkpoints.status import CheckpointLoadStatus, InitializationOnlyStatus, NameBasedSaverStatus
from millstream.core.variable import Variable
from millstream.formats import tf_checkpoint
from millstream.formats.checkpoint_state import CheckpointState, write_state
from millstream.util.errors import NotFoundError


def save(root: Any, prefix: str) -> str:
    """Write every variable below a root to a checkpoint of this prefix; gives the prefix."""
    tf_checkpoint.write_checkpoint(prefix, values(root))
    return prefix


def remember(prefix: str, state_name: str | None = None) -> None:
    """Name this checkpoint, alone, in the file `checkpoint` beside it."""
    write_state(os.path.dirname(prefix), CheckpointState(prefix, [prefix]), state_name)


def reader_of(prefix: str) -> tf_checkpoint.CheckpointReader:
    """A reader. Raises: NotFoundError when there is no checkpoint of this prefix."""
    try:
        return tf_checkpoint.CheckpointReader(prefix)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            None,
            None,
            f"Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {prefix} (there is no {prefix}.index).",
        ) from None


def restore(root: Any, prefix: str | None) -> CheckpointLoadStatus:
    """Values of a checkpoint into the variables below a root; those that do not exist yet get theirs when they are made."""
    if prefix is None:
        return InitializationOnlyStatus()
    reader = reader_of(prefix)
    if reader.has_tensor(GRAPH_KEY):
        return CheckpointLoadStatus(Restoration(reader, root), root)
    found = restore_by_name(reader, root)
    names = {v._shared_name for v in found.values()}
    existing = [v._shared_name for v in View(root).objects if isinstance(v, Variable)]
    unused = [n for n in reader.names() if n not in names]
    return NameBasedSaverStatus(root, unused, [n for n in existing if n not in names], len(found))
