"""fit, evaluate and predict: the loops over epochs and batches, and the calls of callbacks on the way.

Without a callback that wants single batches, a runner carries out many in one call (`Pace`), and results are read only
when something shows them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from millstream.keras.engine.arrays import Batches, batches, split, with_class_weights
from millstream.keras.engine.callbacks import CallbackList
from millstream.keras.engine.sources import ArraySource, StreamSource, bind, is_stream
from millstream.keras.layers.context import unknown_batch
from millstream.util import tree

DEFAULT_BATCH = 32
Logs = dict[str, Any]


# ---------------------------------------------------------------------------------------------- sources
def source_of(
    model: Any, kind: str, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None, epochs: int = 1,
    shuffle: Any = False, class_weight: Mapping[int, float] | None = None, steps: int | None = None,
) -> tuple[Any, bool]:  # fmt: skip
    """The source of batches for data of any form, and whether its batches differ in size.

    Raises: ValueError for y or weights beside a stream, or a batch size beside a data set.
    """
    _check_steps(steps, "steps_per_epoch" if kind == "train" else "steps")
    if is_stream(x):
        _check_stream(x, y, sample_weight, batch_size)
        return StreamSource(lambda b: run_batch(model, kind, b), x, epochs, steps, shuffle, class_weight), True
    data = x if isinstance(x, Batches) else batches(x, y, sample_weight)
    if class_weight:
        data = with_class_weights(data, class_weight)
    size, packed = _batch_size(batch_size), data.packed()
    uneven = bool(data.samples % size)
    with unknown_batch(uneven):
        runner = model._runner_for(kind, packed, size)
    return ArraySource(runner, packed, size, epochs, shuffle, steps), uneven


def _batch_size(given: Any) -> int:
    if given is None:
        return DEFAULT_BATCH
    if not isinstance(given, (int, np.integer)) or given < 1:
        raise ValueError(f"batch_size is a positive whole number; got {given!r}.")
    return int(given)


def _check_steps(steps: Any, what: str) -> None:
    if steps is not None and (not isinstance(steps, (int, np.integer, float)) or steps < 1):
        raise ValueError(f"{what} is a positive whole number or None; got {steps!r}.")


def _check_stream(x: Any, y: Any, sample_weight: Any, batch_size: Any) -> None:
    kind = "keras.utils.Sequence" if hasattr(x, "__getitem__") else "dataset" if hasattr(x, "element_spec") else "python generator"
    if y is not None:
        raise ValueError(f"`y` argument is not supported when using {kind} as input: it gives (x, y) itself.")
    if sample_weight is not None:
        raise ValueError(f"`sample_weight` argument is not supported when using {kind} as input: it gives (x, y, sample_weight) itself.")
    if batch_size is not None and hasattr(x, "element_spec"):
        raise ValueError("The `batch_size` argument must not be specified for the given input type: the data come in batches.")


def run_batch(model: Any, kind: str, data: Batches) -> Any:
    """One batch through a runner made for its shapes; gives the runner."""
    packed, count = data.packed(), data.samples
    runner = model._runner_for(kind, packed, count, at_least=True)
    bind(runner, packed)
    runner.run(np.arange(count), 0, 1)
    vars(model)["_last_runner"] = runner
    return runner


# ---------------------------------------------------------------------------------------------- one epoch
def run_epoch(model: Any, kind: str, source: Any, callbacks: CallbackList) -> Logs:
    """Run all batches of an epoch, with what callbacks want on the way; the results at its end."""
    if callbacks.wants_batches(kind):
        return _batch_by_batch(model, kind, source, callbacks)
    bar = callbacks.progbar if callbacks.progbar is not None and _shows(callbacks.progbar, kind) else None
    if kind != "predict" and hasattr(source, "runner"):
        # A model's first fit shows means over batches, as Keras does; later ones the metrics themselves.
        source.runner.keeps_trail = bar is not None and "loss" not in bar._bar().stateful_metrics
    for count in source.epoch():
        if bar is not None:
            runner = _runner_of(model, source)
            logs = model._logs(runner, kind) if kind != "predict" else {}
            bar.advance(count, logs, runner.trail() if kind != "predict" and count > 1 and hasattr(runner, "trail") else None)
        if kind == "train" and model.stop_training:
            break
    return model._logs(_runner_of(model, source), kind) if kind != "predict" else {}


def _shows(bar: Any, kind: str) -> bool:
    return bar.verbose == 1 and not (kind == "test" and bar._in_training)


def _runner_of(model: Any, source: Any) -> Any:
    return source.runner if source.count is not None else model._last_runner


def _batch_by_batch(model: Any, kind: str, source: Any, callbacks: CallbackList) -> Logs:
    logs: Logs = {}
    for step, _ in enumerate(source.epoch(lambda step: callbacks.batch_begin(kind, step))):
        runner = _runner_of(model, source)
        logs = model._logs(runner, kind) if kind != "predict" else {"outputs": runner.outputs}
        callbacks.batch_end(kind, step, logs)
        if kind == "train" and model.stop_training:
            break
    return logs


# ---------------------------------------------------------------------------------------------- fit
class Validation:
    """Runs validation at the end of epochs. Its source is made at its first use, and used again."""

    def __init__(self, model: Any, data: Any, batch_size: int | None, steps: int | None, frequency: Any) -> None:
        self._model, self._data, self._batch_size, self._steps, self._frequency = model, data, batch_size, steps, frequency
        self._source: Any = None
        self._uneven = True
        _due(0, frequency)

    def due(self, epoch: int) -> bool:
        """Whether this epoch ends with validation."""
        return self._data is not None and _due(epoch + 1, self._frequency)

    def run(self, callbacks: CallbackList) -> Logs:
        """The results, each name with val_ in front."""
        if self._source is None:
            self._source, self._uneven = self._make()
        logs = run_evaluation(self._model, self._source, self._uneven, callbacks)
        return {f"val_{k}": v for k, v in logs.items()}

    def _make(self) -> tuple[Any, bool]:
        data = self._data
        if isinstance(data, (tuple, list)) and not isinstance(data, Batches):
            if len(data) not in {2, 3}:
                raise ValueError(f"validation_data is (x, y) or (x, y, sample_weight), a data set or a generator; got {len(data)} part(s).")
            data = batches(*data)
        elif not isinstance(data, Batches) and not is_stream(data):
            raise ValueError(f"validation_data is (x, y) or (x, y, sample_weight), a data set or a generator; got a {type(data).__name__}.")
        return source_of(self._model, "test", data, batch_size=None if is_stream(data) else self._batch_size, steps=self._steps)

    def release(self) -> None:
        """Let go of the data."""
        if self._source is not None:
            self._source.release()


def _due(epoch: int, frequency: Any) -> bool:
    if isinstance(frequency, (int, np.integer)):
        if frequency < 1:
            raise ValueError(f"`validation_freq` must be at least 1; got {frequency}.")
        return epoch % int(frequency) == 0
    if isinstance(frequency, (list, tuple, set)):
        return epoch in frequency
    raise ValueError(f"Expected `validation_freq` to be a list or int; got {frequency!r}.")


def fit(
    model: Any, x: Any, y: Any, batch_size: int | None, epochs: int, verbose: Any, callbacks: Any, validation_split: float,
    validation_data: Any, shuffle: Any, class_weight: Any, sample_weight: Any, initial_epoch: int, steps_per_epoch: Any,
    validation_steps: Any, validation_batch_size: Any, validation_freq: Any,
) -> Any:  # fmt: skip
    """Model.fit: gives the History."""
    data = x
    if not is_stream(x):
        data = batches(x, y, sample_weight)
        y = sample_weight = None
    if validation_split and validation_data is None:
        if not isinstance(data, Batches):
            raise ValueError(
                "`validation_split` is only supported for Tensors or NumPy arrays, not for streams of batches; pass validation_data."
            )
        data, validation_data = split(data, validation_split)
    validation = Validation(model, validation_data, validation_batch_size or batch_size, validation_steps, validation_freq)
    known = model.metrics_names
    source, uneven = source_of(
        model, "train", data, y, sample_weight, batch_size, epochs - initial_epoch, shuffle, class_weight, steps_per_epoch
    )
    hooks = callbacks_of(model, callbacks, verbose, epochs, source.steps, known, history=True)
    with unknown_batch(uneven):
        _epochs(model, source, hooks, range(initial_epoch, epochs), validation)
    source.release()
    validation.release()
    return model.history


def _epochs(model: Any, source: Any, hooks: CallbackList, numbers: range, validation: Validation) -> None:
    model.stop_training = False
    hooks.begin("train")
    logs: Logs = {}
    for epoch in numbers:
        if source.exhausted:
            break
        model.reset_metrics()
        hooks.on_epoch_begin(epoch)
        logs = dict(run_epoch(model, "train", source, hooks))
        if validation.due(epoch):
            logs.update(validation.run(hooks))
        source.end_epoch()
        hooks.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    hooks.end("train", logs)


def callbacks_of(model: Any, given: Any, verbose: Any, epochs: int, steps: Any, known: list[str], history: bool = False) -> CallbackList:
    """The callbacks of a call: those given, the progress bar and, for fit, the History.

    known: the metrics that were there before the call; only these are shown by the bar as they are.
    """
    if isinstance(given, CallbackList):
        return given
    made = CallbackList(given, history, bool(verbose), model, verbose=verbose, epochs=epochs, steps=steps)
    if made.progbar is not None and made.progbar.stateful_metrics is None:
        made.progbar.stateful_metrics = set(known)
    return made


# ---------------------------------------------------------------------------------------------- evaluate, predict
def run_evaluation(model: Any, source: Any, uneven: bool, hooks: CallbackList) -> Logs:
    """One pass over test data."""
    source.restart()
    model.reset_metrics()
    hooks.begin("test")
    with unknown_batch(uneven):
        logs = run_epoch(model, "test", source, hooks)
    source.end_epoch()
    hooks.end("test", logs)
    return logs


def predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: Any, callbacks: Any) -> Any:
    """Model.predict on data of any form."""
    source, uneven = source_of(model, "predict", x, batch_size=batch_size, steps=steps)
    hooks = callbacks_of(model, callbacks, verbose, 1, source.steps, [])
    hooks.begin("predict")
    parts: list[Any] = []
    if source.count is None:
        source.keep = lambda runner: parts.append(runner.outputs)
    with unknown_batch(uneven):
        run_epoch(model, "predict", source, hooks)
    hooks.end("predict")
    if source.count is None:
        return joined(parts)
    done = min(source.count, (source.steps or 0) * source.batch_size)
    out = source.runner.outputs
    return out if done == source.count else tree.map_structure(lambda a: a[:done], out)


def joined(parts: list[Any]) -> Any:
    """The outputs of several batches one after the other. Raises: ValueError when there are none."""
    if not parts:
        raise ValueError("Expect x to be a non-empty array or dataset: there was no batch to predict.")
    return tree.map_structure(lambda *a: np.concatenate(a), *parts)
