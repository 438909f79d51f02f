"""Callbacks that watch the results: early stopping, checkpoints, learning rates, logs to a file."""

import csv
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from millstream.core.tensor import Tensor
from millstream.keras.backend.session import get_value, set_value
from millstream.keras.engine.callbacks import Callback, Logs
from millstream.util.export import export

_log = logging.getLogger("tensorflow")


def _say(line: str) -> None:
    print(line)  # noqa: T201  (Keras prints these lines)


def _comparison(mode: str, monitor: str, callback: str) -> Callable[[Any, Any], Any]:
    """np.less or np.greater: which way `monitor` improves."""
    if mode not in {"auto", "min", "max"}:
        _log.warning("%s mode %s is unknown, fallback to auto mode.", callback, mode)
        mode = "auto"
    if mode == "auto":
        mode = "max" if "acc" in monitor or monitor.startswith("fmeasure") or "auc" in monitor.lower() else "min"
    return np.greater if mode == "max" else np.less


@export("tf.keras.callbacks.EarlyStopping")
class EarlyStopping(Callback):
    """Stops training when a result no longer improves.

    Args: monitor; min_delta, what counts as better; patience, epochs without; verbose; mode, "min", "max" or "auto"; baseline;
    restore_best_weights.
    """

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
        baseline: float | None = None, restore_best_weights: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.monitor, self.patience, self.verbose, self.baseline, self.restore_best_weights = (
            monitor,
            patience,
            verbose,
            baseline,
            restore_best_weights,
        )
        if mode == "auto" and "acc" not in monitor:
            mode = "min"
        self.monitor_op = _comparison(mode, monitor, "EarlyStopping")
        self.min_delta = abs(min_delta) * (1 if self.monitor_op is np.greater else -1)
        self.wait, self.stopped_epoch = 0, 0
        self.best: Any = None
        self.best_weights: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Nothing seen yet."""
        self.wait, self.stopped_epoch, self.best_weights = 0, 0, None
        self.best = self.baseline if self.baseline is not None else np.inf if self.monitor_op is np.less else -np.inf

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Better, or one epoch more without."""
        current = self.get_monitor_value(logs)
        if current is None:
            return
        if self.monitor_op(current - self.min_delta, self.best):
            self.best, self.wait = current, 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.restore_best_weights and self.best_weights is not None:
                if self.verbose > 0:
                    _say("Restoring model weights from the end of the best epoch.")
                self.model.set_weights(self.best_weights)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Say when it stopped."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            _say(f"Epoch {self.stopped_epoch + 1:05d}: early stopping")

    def get_monitor_value(self, logs: Logs | None) -> Any:
        """The watched result, or None with a warning."""
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            _log.warning(
                "Early stopping conditioned on metric `%s` which is not available. Available metrics are: %s", self.monitor, ",".join(logs)
            )
        return value


@export("tf.keras.callbacks.ModelCheckpoint")
class ModelCheckpoint(Callback):
    """Saves the model, or its weights, while it trains.

    Args: filepath, which may hold {epoch:02d} and {val_loss:.2f}; monitor; verbose; save_best_only; save_weights_only; mode;
    save_freq, "epoch" or a number of batches. Raises: ValueError for another save_freq.
    """

    def __init__(
        self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
        mode: str = "auto", save_freq: Any = "epoch", options: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.filepath, self.monitor, self.verbose, self.options = os.fspath(filepath), monitor, verbose, options
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        self.load_weights_on_restart, self.period = kwargs.pop("load_weights_on_restart", False), kwargs.pop("period", 1)
        if kwargs:
            raise TypeError(f"ModelCheckpoint got unknown arguments: {', '.join(kwargs)}.")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"Unrecognized save_freq: {save_freq}; expected 'epoch' or a number of batches.")
        self.monitor_op = _comparison(mode, monitor, "ModelCheckpoint")
        self.best: Any = np.inf if self.monitor_op is np.less else -np.inf
        self.epochs_since_last_save, self._batches, self._epoch, self._last_batch = 0, 0, 0, 0

    def _wants_batches(self, kind: str) -> bool:
        return kind == "train" and (self.save_freq != "epoch" or (super()._wants_batches(kind) and type(self) is not ModelCheckpoint))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Go on from the file, if asked to."""
        if self.load_weights_on_restart and os.path.exists(self.filepath + ".index"):
            self.model.load_weights(self.filepath)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save after every save_freq batches."""
        if self.save_freq == "epoch":
            return
        self._batches += batch + 1 if batch <= self._last_batch else batch - self._last_batch
        self._last_batch = batch
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, logs)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Which epoch it is."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after every epoch (every `period`-th)."""
        self.epochs_since_last_save += 1
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, epoch: int, logs: Logs | None) -> None:
        if not isinstance(self.save_freq, int) and self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        logs = logs or {}
        path = self._path(epoch, logs)
        if not self.save_best_only:
            self._report(f"\nEpoch {epoch + 1:05d}: saving model to {path}")
            self._write(path)
            return
        current = logs.get(self.monitor)
        if current is None:
            _log.warning("Can save best model only with %s available, skipping.", self.monitor)
        elif self.monitor_op(current, self.best):
            self._report(
                f"\nEpoch {epoch + 1:05d}: {self.monitor} improved from {self.best:0.5f} to {current:0.5f}, saving model to {path}"
            )
            self.best = current
            self._write(path)
        else:
            self._report(f"\nEpoch {epoch + 1:05d}: {self.monitor} did not improve from {self.best:0.5f}")

    def _report(self, line: str) -> None:
        if self.verbose > 0:
            _say(line)

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return str(self.filepath.format(epoch=epoch + 1, **logs))
        except KeyError as missing:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {missing}. Known are: epoch, {", ".join(logs)}.'
            ) from None

    def _write(self, path: str) -> None:
        (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)


@export("tf.keras.callbacks.LearningRateScheduler")
class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch. Args: schedule(epoch, lr) or schedule(epoch) -> a float; verbose.

    Raises: ValueError when the schedule gives something else.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """The new rate."""
        if not hasattr(self.model.optimizer, "lr"):
            raise ValueError('Optimizer must have a "lr" attribute.')
        try:
            rate = self.schedule(epoch, float(get_value(self.model.optimizer.lr)))
        except TypeError:  # a schedule of the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (Tensor, float, np.float32, np.float64)):
            raise ValueError(f'The output of the "schedule" function should be float; got {rate!r} of type {type(rate).__name__}.')
        set_value(self.model.optimizer.lr, get_value(rate))
        if self.verbose > 0:
            _say(f"\nEpoch {epoch + 1:05d}: LearningRateScheduler reducing learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Report the rate."""
        if logs is not None:
            logs["lr"] = get_value(self.model.optimizer.lr)


@export("tf.keras.callbacks.ReduceLROnPlateau")
class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by `factor` when a result no longer improves.

    Args: monitor; factor, below 1; patience; verbose; mode; min_delta; cooldown, epochs to wait afterwards; min_lr.
    Raises: ValueError for a factor of 1 or more.
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
        min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if factor >= 1.0:
            raise ValueError("ReduceLROnPlateau does not support a factor >= 1.0.")
        self.monitor, self.factor, self.patience, self.verbose, self.mode = monitor, factor, patience, verbose, mode
        self.min_delta, self.cooldown, self.min_lr = kwargs.get("epsilon", min_delta), cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        upwards = self.mode == "max" or (self.mode == "auto" and "acc" in self.monitor)
        self.monitor_op: Callable[[Any, Any], Any] = (
            (lambda a, b: a > b + self.min_delta) if upwards else (lambda a, b: a < b - self.min_delta)
        )
        self.best: Any = -np.inf if upwards else np.inf
        self.cooldown_counter, self.wait = 0, 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Nothing seen yet."""
        self._reset()

    def in_cooldown(self) -> bool:
        """Whether it waits after a reduction."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Better, or one epoch more without."""
        logs = logs if logs is not None else {}
        logs["lr"] = get_value(self.model.optimizer.lr)
        current = logs.get(self.monitor)
        if current is None:
            _log.warning(
                "Learning rate reduction is conditioned on metric `%s` which is not available. Available metrics are: %s",
                self.monitor,
                ",".join(logs),
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.monitor_op(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        old = get_value(self.model.optimizer.lr)
        if old <= np.float32(self.min_lr):
            return
        new = max(float(old) * self.factor, self.min_lr)
        set_value(self.model.optimizer.lr, new)
        if self.verbose > 0:
            _say(f"\nEpoch {epoch + 1:05d}: ReduceLROnPlateau reducing learning rate to {new}.")
        self.cooldown_counter, self.wait = self.cooldown, 0


@export("tf.keras.callbacks.TerminateOnNaN")
class TerminateOnNaN(Callback):
    """Stops training when the loss is no number."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            _say(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


@export("tf.keras.callbacks.LambdaCallback")
class LambdaCallback(Callback):
    """A callback of functions: on_epoch_begin(epoch, logs), on_epoch_end, on_batch_begin(batch, logs), on_batch_end, on_train_begin(logs), on_train_end."""

    def __init__(
        self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_batch_begin: Any = None, on_batch_end: Any = None,
        on_train_begin: Any = None, on_train_end: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_batch_begin": on_batch_begin, "on_batch_end": on_batch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end, **kwargs,
        }  # fmt: skip
        vars(self).update({name: function for name, function in given.items() if function is not None})


@export("tf.keras.callbacks.CSVLogger")
class CSVLogger(Callback):
    """Writes a line for each epoch to a file. Args: filename; separator; append, to a file that is there."""

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self.writer: Any = None
        self.csv_file: Any = None
        self.append_header = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        if self.append and os.path.exists(self.filename):
            with open(self.filename, encoding="utf-8") as f:
                self.append_header = not f.readline()
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115  (open until training ends)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """One line."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
        if self.model.stop_training:  # validation may be missing in the last epoch
            logs = {k: logs.get(k, "NA") for k in self.keys}
        if self.writer is None:
            self.writer = csv.DictWriter(self.csv_file, ["epoch", *self.keys], delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        row: dict[str, Any] = {"epoch": epoch}
        row.update((k, _cell(logs[k]) if k in logs else "NA") for k in self.keys)
        self.writer.writerow(row)
        self.csv_file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self.csv_file.close()
        self.writer = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"' if isinstance(value, Iterable) else value
