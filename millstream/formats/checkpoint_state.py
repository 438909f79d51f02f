"""The file `checkpoint` of a folder, protobuf text that names the newest checkpoint and those that are kept."""

from __future__ import annotations

import os
from collections.abc import Sequence

from millstream.formats.atomic import write_whole
from millstream.formats.damage import DamagedFileError
from millstream.formats.messages import checkpoint_messages


class CheckpointState:
    """What the file says. `newest` and `kept` (oldest first) are prefixes, `times` when each kept one was written (seconds since 1970)."""

    def __init__(self, newest: str, kept: Sequence[str] = (), times: Sequence[float] = (), preserved: float | None = None) -> None:
        self.model_checkpoint_path, self.last_preserved_timestamp = newest, preserved
        self.all_model_checkpoint_paths, self.all_model_checkpoint_timestamps = list(kept), list(times)


def state_path(folder: str, name: str | None = None) -> str:
    """Where the file is."""
    return os.path.join(folder, name or "checkpoint")


def write_state(folder: str, state: CheckpointState, name: str | None = None) -> None:
    """Write the file; prefixes within the folder are written relative to it."""
    lines = [f'model_checkpoint_path: "{_escaped(_relative(state.model_checkpoint_path, folder))}"']
    lines += [f'all_model_checkpoint_paths: "{_escaped(_relative(p, folder))}"' for p in state.all_model_checkpoint_paths]
    lines += [f"all_model_checkpoint_timestamps: {t!r}" for t in state.all_model_checkpoint_timestamps]
    if state.last_preserved_timestamp is not None:
        lines.append(f"last_preserved_timestamp: {state.last_preserved_timestamp!r}")
    write_whole(state_path(folder, name), "".join(line + "\n" for line in lines).encode())


def read_state(folder: str, name: str | None = None) -> CheckpointState | None:
    """What the folder's file says, prefixes made absolute or relative as the folder is; None without a file.

    Raises: DamagedFileError for a file that is not protobuf text.
    """
    from google.protobuf import text_format

    path = state_path(folder, name)
    try:
        with open(path, "rb") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = text_format.Parse(text.decode(), checkpoint_messages().State())
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFileError(path, f"it is not the text that names checkpoints ({error})") from error
    newest = found.model_checkpoint_path
    kept = list(found.all_model_checkpoint_paths)
    if newest and newest not in kept:
        kept.append(newest)
    return CheckpointState(
        _joined(folder, newest),
        [_joined(folder, p) for p in kept],
        found.all_model_checkpoint_timestamps,
        found.last_preserved_timestamp or None,
    )


def _joined(folder: str, path: str) -> str:
    return path if not path or os.path.isabs(path) else os.path.join(folder, path)


def _relative(path: str, folder: str) -> str:
    """As TensorFlow writes it: relative to the folder where it lies within it."""
    found = os.path.relpath(os.path.abspath(path), os.path.abspath(folder or "."))
    return path if found.startswith("..") else found


def _escaped(path: str) -> str:
    """As text format has it: bytes beyond ASCII in octal."""
    special = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x27: "\\'"}
    return "".join(special.get(b, chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in path.encode())
