"""tf.train.Checkpoint and what belongs to it: the manager that keeps the newest, and reading without objects."""

from __future__ import annotations

import glob
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from millstream.checkpoints import graph, saver
from millstream.checkpoints.status import CheckpointLoadStatus
from millstream.core.dtypes import int64
from millstream.core.variable import Variable
from millstream.formats import tf_checkpoint
from millstream.formats.checkpoint_state import CheckpointState, read_state, write_state
from millstream.util.export import export

_log = logging.getLogger("tensorflow")


@export("tf.train.Checkpoint")
class Checkpoint:
    """Objects to save together. Args: root, an object whose own names are used; further objects by keyword.

    Raises: ValueError for what holds no variables.
    >>> import tempfile
    >>> v = tf.Variable(1.0)
    >>> path = tf.train.Checkpoint(v=v).save(tempfile.mkdtemp() + "/ckpt")
    >>> _ = v.assign(5.0)
    >>> _ = tf.train.Checkpoint(v=v).restore(path).assert_consumed()
    >>> float(v)
    1.0
    """

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        for key, value in sorted(kwargs.items()):
            if not graph.is_trackable(value) and not isinstance(value, (list, dict)):
                raise ValueError(
                    f"`Checkpoint` was expecting a trackable object (a variable, layer, model, optimizer, module, or a list or dictionary of them), "
                    f"got {value!r} for {key}."
                )
            setattr(self, key, value)
        self._save_counter: Variable | None = None
        self._root = root

    def _checkpoint_children(self) -> graph.Children:
        found = [] if self._root is None else graph.children(self._root)
        own = [(k, v) for k, v in vars(self).items() if not k.startswith("_") and graph.is_trackable(v)]
        counter = [] if self._save_counter is None else [("save_counter", self._save_counter)]
        return found + own + counter

    @property
    def save_counter(self) -> Variable:
        """How many times `save` was called: an int64 variable, which is saved too."""
        if self._save_counter is None:
            self._save_counter = Variable(np.int64(0), trainable=False, name="save_counter", dtype=int64)
            from millstream.checkpoints.restore import resume

            resume()
        return self._save_counter

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Save to exactly this prefix; nothing is counted or noted in a folder's `checkpoint` file."""
        return saver.save(self, os.fspath(file_prefix))

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Save to `file_prefix-N`, N counted up, and name it the newest of its folder. Gives that prefix."""
        number = int(self.save_counter.assign_add(1))
        path = saver.save(self, f"{os.fspath(file_prefix)}-{number}")
        saver.remember(path)
        return path

    def read(self, save_path: Any, options: Any = None) -> CheckpointLoadStatus:
        """Restore what `write` saved. Raises: NotFoundError."""
        return saver.restore(self, None if save_path is None else os.fspath(save_path))

    def restore(self, save_path: Any, options: Any = None) -> CheckpointLoadStatus:
        """Restore what `save` saved; None restores nothing. Raises: NotFoundError, DamagedFileError, ValueError for other shapes."""
        status = self.read(save_path)
        _ = self.save_counter
        return status


@export("tf.train.CheckpointManager")
class CheckpointManager:
    """Saves a Checkpoint time and again and keeps the newest few.

    Args: checkpoint; directory; max_to_keep, None for all; keep_checkpoint_every_n_hours; checkpoint_name; step_counter and
    checkpoint_interval, save only every so many steps; init_fn, called by restore_or_initialize without a checkpoint.
    Raises: ValueError for a max_to_keep below 1, or an interval without a counter.
    """

    def __init__(
        self, checkpoint: Checkpoint, directory: Any, max_to_keep: int | None, keep_checkpoint_every_n_hours: float | None = None,
        checkpoint_name: str = "ckpt", step_counter: Any = None, checkpoint_interval: int | None = None, init_fn: Any = None,
    ) -> None:  # fmt: skip
        if max_to_keep is not None and max_to_keep <= 0:
            raise ValueError(f"Expected a positive integer or `None` for `max_to_keep`, got {max_to_keep}.")
        if checkpoint_interval is not None and step_counter is None:
            raise ValueError("`step_counter` should be passed if `checkpoint_interval` is not None.")
        self.checkpoint, self._directory, self._keep, self._hours = (
            checkpoint,
            os.fspath(directory),
            max_to_keep,
            keep_checkpoint_every_n_hours,
        )
        self._prefix = os.path.join(self._directory, checkpoint_name)
        self._counter, self._interval, self._init_fn = step_counter, checkpoint_interval, init_fn
        self._last_step: int | None = None
        self._kept: dict[str, float] = {}
        self._latest: str | None = None
        self._preserved = time.time()
        self._take_over()

    def _take_over(self) -> None:
        """Go on with the checkpoints that a folder has."""
        state = read_state(self._directory)
        if state is None:
            return
        times = state.all_model_checkpoint_timestamps
        self._latest = state.model_checkpoint_path
        self._kept = dict(zip(state.all_model_checkpoint_paths, times or [0.0] * len(state.all_model_checkpoint_paths), strict=False))
        now = time.time()
        self._preserved = state.last_preserved_timestamp if state.last_preserved_timestamp and state.last_preserved_timestamp < now else now

    @property
    def directory(self) -> str:
        """The folder."""
        return str(self._directory)

    @property
    def checkpoint_interval(self) -> int | None:
        """Save only every so many steps."""
        return self._interval

    @property
    def latest_checkpoint(self) -> str | None:
        """The prefix of the newest one, or None."""
        return self._latest

    @property
    def checkpoints(self) -> list[str]:
        """The prefixes of those that are kept, oldest first."""
        return list(self._kept)

    def save(self, checkpoint_number: Any = None, check_interval: bool = True, options: Any = None) -> str | None:
        """Save and delete what is too old. Gives the prefix, None when the interval is not over."""
        if self._interval is not None and check_interval and not self._due():
            return None
        counter = self.checkpoint.save_counter
        if checkpoint_number is None:
            checkpoint_number = int(counter.assign_add(1))
        path = self.checkpoint.write(f"{self._prefix}-{int(checkpoint_number)}")
        self._latest = path
        self._kept.pop(path, None)
        self._kept[path] = time.time()
        surplus = self._surplus()
        write_state(self._directory, CheckpointState(path, list(self._kept), list(self._kept.values()), self._preserved))
        for old in surplus:  # only now, when nothing names them any more
            _delete(old)
        return path

    def _due(self) -> bool:
        step = int(self._counter)
        if self._last_step is not None and step - self._last_step < (self._interval or 0):
            return False
        self._last_step = step
        return True

    def _surplus(self) -> list[str]:
        found: list[str] = []
        while self._keep is not None and len(self._kept) > self._keep:
            path, when = next(iter(self._kept.items()))
            del self._kept[path]
            if self._hours and when - self._hours * 3600 >= self._preserved:
                self._preserved = when
            else:
                found.append(path)
        return found

    def restore_or_initialize(self) -> str | None:
        """Restore the newest checkpoint; without one, call init_fn. Gives the prefix or None."""
        if self._latest is not None:
            self.checkpoint.restore(self._latest)
            if self._counter is not None:
                self._last_step = int(self._counter)
            return self._latest
        if self._init_fn is not None:
            self._init_fn()
        return None


def _delete(prefix: str) -> None:
    for path in (prefix + ".index", *glob.glob(glob.escape(prefix) + ".data-?????-of-?????")):
        try:
            os.unlink(path)
        except OSError as error:
            _log.warning("The old checkpoint file %s could not be deleted (%s).", path, error)


# ---------------------------------------------------------------------------------------------- without objects
@export("tf.train.get_checkpoint_state")
def get_checkpoint_state(checkpoint_dir: Any, latest_filename: str | None = None) -> CheckpointState | None:
    """What a folder's `checkpoint` file says, or None."""
    return read_state(os.fspath(checkpoint_dir), latest_filename)


@export("tf.train.latest_checkpoint")
def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The prefix of the newest checkpoint of a folder, or None."""
    state = read_state(os.fspath(checkpoint_dir), latest_filename)
    if state is None or not state.model_checkpoint_path:
        return None
    if tf_checkpoint.exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    _log.error("Couldn't match files for checkpoint %s", state.model_checkpoint_path)
    return None


@export("tf.train.load_checkpoint")
def load_checkpoint(ckpt_dir_or_file: Any) -> tf_checkpoint.CheckpointReader:
    """A reader of a checkpoint, or of a folder's newest. Raises: ValueError when a folder has none."""
    given = os.fspath(ckpt_dir_or_file)
    path = latest_checkpoint(given) if os.path.isdir(given) else given
    if path is None:
        raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {given}")
    return saver.reader_of(path)


@export("tf.train.list_variables")
def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """(name, shape) of all that a checkpoint holds, sorted."""
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


@export("tf.train.load_variable")
def load_variable(ckpt_dir_or_file: Any, name: str) -> Any:
    """One array of a checkpoint. Raises: KeyError for a name that is not there."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


@export("tf.train.checkpoints_iterator")
def checkpoints_iterator(
    checkpoint_dir: Any, min_interval_secs: float = 0, timeout: float | None = None, timeout_fn: Any = None
) -> Iterator[str]:
    """Prefixes of a folder's newest checkpoint, a new one each time; ends after `timeout` seconds without (if timeout_fn agrees)."""
    last: str | None = None
    while True:
        began = time.time()
        while (found := latest_checkpoint(checkpoint_dir)) is None or found == last:
            if timeout is not None and time.time() - began > timeout:
                if timeout_fn is None or timeout_fn():
                    return
                began = time.time()
            time.sleep(min(1.0, timeout or 1.0))
        last = found
        yield found
        time.sleep(max(0.0, began + min_interval_secs - time.time()))
