"""Callbacks: what is called at the beginnings and ends of training, epochs and batches. Here the base, History and the progress bar."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.keras.utils.progbar import Progbar
from millstream.util import tree
from millstream.util.export import export

Logs = dict[str, Any]
_BATCH_HOOKS = {
    "train": ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


@export("tf.keras.callbacks.Callback")
class Callback:
    """Base class: override the methods you want called. `self.model` and `self.params` are there while training.

    Overriding a batch method has its price: batches are then run one at a time instead of many in one go.
    """

    def __init__(self) -> None:
        self.validation_data: Any = None
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Told before training: verbose, epochs, steps."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Told before training: the model."""
        self.model = model

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The old name of on_train_batch_begin."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The old name of on_train_batch_end."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch, its validation included, has ended; logs holds loss, metrics and val_..."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of fit begins."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of fit has ended; logs holds the running results."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of evaluate (or validation) begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of evaluate (or validation) has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of predict begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of predict has ended."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """fit has ended."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """evaluate (or validation) begins."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """evaluate (or validation) has ended."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """predict begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """predict has ended."""

    def _wants_batches(self, kind: str) -> bool:
        """Whether one of the batch methods of a kind is overridden."""
        return any(overrides(self, name) for name in _BATCH_HOOKS[kind])


def overrides(callback: Callback, name: str) -> bool:
    """Whether a callback has a method of its own instead of the base's."""
    return name in vars(callback) or getattr(type(callback), name, None) is not getattr(Callback, name)


@export("tf.keras.callbacks.CallbackList")
class CallbackList:
    """Several callbacks as one. Args: callbacks; add_history; add_progbar; model; params by keyword."""

    def __init__(
        self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None, **params: Any
    ) -> None:
        self.callbacks: list[Any] = [c for c in tree.flatten(callbacks) if c is not None] if callbacks else []
        for c in self.callbacks:
            if not hasattr(c, "on_epoch_end") or isinstance(c, type):
                raise TypeError(
                    f"callbacks holds {c!r}, which is no callback; pass objects of tf.keras.callbacks (an object, not its class)."
                )
        self.progbar: Any = next((c for c in self.callbacks if isinstance(c, ProgbarLogger)), None)
        self.history: Any = next((c for c in self.callbacks if isinstance(c, History)), None)
        if self.progbar is None and add_progbar:
            self.progbar = ProgbarLogger(count_mode="steps")
            self.callbacks.insert(0, self.progbar)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        self._by_hook: dict[str, list[Callable[..., Any]]] = {}
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def append(self, callback: Any) -> None:
        """One more."""
        self.callbacks.append(callback)
        self._by_hook.clear()

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all."""
        self.params = params
        for c in self.callbacks:
            c.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all."""
        self.model = model
        if self.history is not None:
            model.history = self.history
        for c in self.callbacks:
            c.set_model(model)

    def wants_batches(self, kind: str) -> bool:
        """Whether a callback beside the progress bar wants each batch."""
        return any(not hasattr(c, "_wants_batches") or c._wants_batches(kind) for c in self.callbacks if type(c) is not ProgbarLogger)

    def _call(self, hook: str, *args: Any) -> None:
        found = self._by_hook.get(hook)
        if found is None:
            found = self._by_hook[hook] = [
                getattr(c, hook)
                for c in self.callbacks
                if not isinstance(c, Callback) or overrides(c, hook) or hook.endswith(("batch_begin", "batch_end"))
            ]
        for call in found:
            call(*args)

    def batch_begin(self, kind: str, batch: int) -> None:
        """A batch begins."""
        self._call(f"on_{kind}_batch_begin", batch, {})

    def batch_end(self, kind: str, batch: int, logs: Logs) -> None:
        """A batch has ended."""
        self._call(f"on_{kind}_batch_end", batch, logs)

    def begin(self, kind: str, logs: Logs | None = None) -> None:
        """fit ("train"), evaluate ("test") or predict begins."""
        self._call(f"on_{kind}_begin", logs or {})

    def end(self, kind: str, logs: Logs | None = None) -> None:
        """It has ended."""
        self._call(f"on_{kind}_end", logs or {})

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins."""
        self._call("on_epoch_begin", epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch has ended."""
        self._call("on_epoch_end", epoch, {} if logs is None else logs)


for _kind in ("train", "test", "predict"):
    setattr(CallbackList, f"on_{_kind}_begin", lambda self, logs=None, kind=_kind: self.begin(kind, logs))
    setattr(CallbackList, f"on_{_kind}_end", lambda self, logs=None, kind=_kind: self.end(kind, logs))
    setattr(CallbackList, f"on_{_kind}_batch_begin", lambda self, batch, logs=None, kind=_kind: self.batch_begin(kind, batch))
    setattr(CallbackList, f"on_{_kind}_batch_end", lambda self, batch, logs=None, kind=_kind: self.batch_end(kind, batch, logs or {}))


@export("tf.keras.callbacks.History")
class History(Callback):
    """What fit returns: `epoch`, the numbers of the epochs, and `history`, a list of values for each name."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Epochs are listed anew."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the results."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


@export("tf.keras.callbacks.BaseLogger")
class BaseLogger(Callback):
    """Averages the batches' results over an epoch. Args: stateful_metrics, names taken as they are."""

    def __init__(self, stateful_metrics: Sequence[str] | None = None) -> None:
        super().__init__()
        self.stateful_metrics = set(stateful_metrics or ())
        self.seen, self.totals = 0, dict[str, Any]()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Nothing seen yet."""
        self.seen, self.totals = 0, {}

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Add a batch's results, weighted by its size."""
        logs = logs or {}
        size = logs.get("size", 0)
        self.seen += size
        for name, value in logs.items():
            self.totals[name] = value if name in self.stateful_metrics else self.totals.get(name, 0) + value * size

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the averages into the logs."""
        for name in self.params.get("metrics", ()):
            if logs is not None and name in self.totals:
                logs[name] = self.totals[name] if name in self.stateful_metrics else self.totals[name] / self.seen


@export("tf.keras.callbacks.ProgbarLogger")
class ProgbarLogger(Callback):
    """The progress bar. Args: count_mode, "steps" or "samples"; stateful_metrics, names shown as they are.

    Keras averages the running results of the batches, unless the metrics were there before fit began.
    """

    def __init__(self, count_mode: str = "samples", stateful_metrics: Sequence[str] | None = None) -> None:
        super().__init__()
        if count_mode not in {"samples", "steps"}:
            raise ValueError(f"Unknown `count_mode`: {count_mode}; expected 'samples' or 'steps'.")
        self.use_steps = count_mode == "steps"
        self.stateful_metrics: Any = set(stateful_metrics) if stateful_metrics else None
        self.seen, self.verbose, self.epochs = 0, 1, 1
        self.target: int | None = 0
        self.progbar: Any = None
        self._in_training = False

    def set_params(self, params: dict[str, Any]) -> None:
        """How much there is to do."""
        self.params = params
        self.verbose, self.epochs = params["verbose"], params["epochs"]
        self.target = params["steps"] if self.use_steps else params.get("samples")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """From now on validation has no bar of its own."""
        self._in_training = True

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """A new bar, unless this is validation."""
        if not self._in_training:
            self._reset()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """A new bar."""
        self._reset()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """A new bar, and which epoch it is."""
        self._reset()
        if self.verbose and self.epochs > 1:
            print(f"Epoch {epoch + 1}/{self.epochs}")  # noqa: T201  (the text is what users see)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """One batch on."""
        self.advance(batch + 1 - self.seen, logs or {}, None)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """One batch on, unless this is validation."""
        if not self._in_training:
            self.advance(1, logs or {}, None)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """One batch on."""
        self.advance(1, {}, None)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """The last line of the epoch."""
        self._finish(logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """The last line, unless this was validation."""
        if not self._in_training:
            self._finish(logs)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """The last line."""
        self._finish(logs)

    def advance(self, count: int, logs: Logs, trail: Sequence[Logs] | None) -> None:
        """`count` batches on. trail: the running results after each of them, if known; else the last ones are shown as they are."""
        bar = self._bar()
        self.seen += count
        if self.verbose != 1:
            return
        if count > 1 and trail is None:
            bar.stateful_metrics.update(logs)
        elif count > 1 and trail is not None:
            logs = {k: v if k in bar.stateful_metrics else float(np.mean([t[k] for t in trail])) for k, v in logs.items()}
        bar.update(self.seen, list(logs.items()), finalize=False)

    def _reset(self) -> None:
        self.seen, self.progbar = 0, None
        self._bar()

    def _bar(self) -> Progbar:
        if self.stateful_metrics is None:
            self.stateful_metrics = {m.name for m in self.model.metrics} if self.model is not None else set()
        if self.progbar is None:
            self.progbar = Progbar(
                self.target,
                verbose=int(self.verbose),
                stateful_metrics=self.stateful_metrics,
                unit_name="step" if self.use_steps else "sample",
            )
        return self.progbar  # type: ignore[no-any-return]

    def _finish(self, logs: Logs | None) -> None:
        bar = self._bar()
        if self.target is None:
            self.target = bar.target = self.seen
        bar.update(self.target, list((logs or {}).items()), finalize=True)
