"""Trainer: compile, fit, evaluate, predict, and the steps that a subclass may override."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from millstream.autodiff.tape import GradientTape
from millstream.checkpoints.restore import resume
from millstream.core.tensor import Tensor
from millstream.keras import optimizers
from millstream.keras.backend.config import floatx
from millstream.keras.engine import fitting
from millstream.keras.engine.arrays import batches, with_class_weights
from millstream.keras.engine.losses_container import LossesContainer
from millstream.keras.engine.metric_state import MetricState
from millstream.keras.engine.metrics_container import MetricsContainer
from millstream.keras.engine.runner import make_runner
from millstream.keras.layers.context import CALL, STRUCTURE
from millstream.keras.layers.tracking import unique
from millstream.ops.array.shape import expand_dims
from millstream.util import tree

_COMPILE_KEYWORDS = frozenset(("sample_weight_mode", "target_tensors", "distribute", "experimental_run_tf_function", "cloning"))
_IN_ORDER = np.arange(4096)
_STATES_KEPT = 4


class Trainer:
    """What makes layers trainable as one."""

    name: Any
    optimizer: Any
    stop_training: bool
    history: Any
    losses: Any
    dynamic: bool
    output_names: Any
    trainable_variables: Any
    compiled_loss: Any
    compiled_metrics: Any
    _runners: dict[Any, Any]
    _flatten_layers: Any
    __call__: Any

    def _init_trainer(self) -> None:
        vars(self).update(
            optimizer=None, compiled_loss=None, compiled_metrics=None, history=None, stop_training=False, loss=None, _compilations=0,
            _run_eagerly=None, _runners={}, _runner_sets={}, _compiled_flags=[], _fingerprint=None, _seen_version=-1, _last_runner=None, _metric_state=None, _trainer_ready=True,
        )  # fmt: skip

    # ------------------------------------------------------------------ compile
    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None, loss_weights: Any = None, weighted_metrics: Any = None,
        run_eagerly: bool | None = None, steps_per_execution: int | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """Say how to train.

        Args: optimizer, loss, metrics: names or objects, losses and metrics also per output (list or dictionary); loss_weights;
        weighted_metrics; run_eagerly, True to run the step's Python for every batch. Raises: ValueError for unknown names.
        """
        for key in kwargs:
            if key not in _COMPILE_KEYWORDS:
                raise TypeError(f"compile() got an unexpected keyword argument '{key}'.")
        names = self.output_names
        state = vars(self)
        state["optimizer"] = optimizers.get(optimizer)
        state["compiled_loss"] = loss if isinstance(loss, LossesContainer) else LossesContainer(loss, loss_weights, names)
        state["compiled_metrics"] = MetricsContainer(metrics, weighted_metrics, names)
        state.update(loss=loss or {}, _run_eagerly=run_eagerly, _compilations=state["_compilations"] + 1, _runners={}, _runner_sets={})
        state["_compiled_flags"] = [(layer, layer.trainable) for layer in self._flatten_layers()]
        STRUCTURE.version += 1
        resume()

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run as Python, op by op."""
        return bool(vars(self).get("_run_eagerly")) or bool(self.dynamic)

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        vars(self)["_run_eagerly"] = value
        STRUCTURE.version += 1
        vars(self)["_runners"] = {}

    def _check_compiled(self) -> None:
        if not vars(self).get("_compilations"):
            raise RuntimeError("You must compile your model before training/testing. Use `model.compile(optimizer, loss)`.")

    @property
    def metrics(self) -> list[Any]:
        """The loss, the metrics of compile and those of layers; empty until the first batch."""
        found: list[Any] = []
        if vars(self).get("_compilations"):
            found += [*vars(self)["compiled_loss"].metrics, *vars(self)["compiled_metrics"].metrics]
        return unique(found + super().metrics)  # type: ignore[misc]

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Begin all metrics anew."""
        self._state_of_metrics().reset()

    def _state_of_metrics(self) -> MetricState:
        state = vars(self)["_metric_state"]
        if state is None or state.version != STRUCTURE.version:
            state = vars(self)["_metric_state"] = MetricState(self.metrics)
        return state  # type: ignore[no-any-return]

    # ------------------------------------------------------------------ steps
    def train_step(self, data: Any) -> dict[str, Any]:
        """One batch of training; a subclass may override it. data: (x,), (x, y) or (x, y, sample_weight). Gives name -> value."""
        x, y, sample_weight = unpack(expand_1d(data))
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, sample_weight, regularization_losses=self.losses)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data: Any) -> dict[str, Any]:
        """One batch of evaluation; a subclass may override it."""
        x, y, sample_weight = unpack(expand_1d(data))
        y_pred = self(x, training=False)
        self.compiled_loss(y, y_pred, sample_weight, regularization_losses=self.losses)
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return {m.name: m.result() for m in self.metrics}

    def predict_step(self, data: Any) -> Any:
        """One batch of prediction; a subclass may override it."""
        x, _, _ = unpack(expand_1d(data))
        return self(x, training=False)

    # ------------------------------------------------------------------ runners
    def _runner_for(self, kind: str, data: Any, batch_size: int, at_least: bool = False) -> Any:
        """A runner for data of these shapes: an earlier one, while the model has not changed, or a new one.

        at_least: one for larger batches will do.
        """
        if kind != "predict":
            self._check_compiled()
        self._notice_changes()
        key = kind, _signature(data)
        known = self._runners.setdefault(key, {})
        if at_least:
            batch_size = max([b for b in known if b >= batch_size], default=batch_size)
        if batch_size not in known:
            known[batch_size] = make_runner(self, kind, data, batch_size)
            known[batch_size]._bound = data
            self._notice_changes(forget=False)
        return known[batch_size]

    def _notice_changes(self, forget: bool = True) -> None:
        """Change the runners with the layers, weights and trainable flags; those of a few states are kept (GANs go back and forth).

        forget=False: the change came with making a runner, so the present ones stay.
        """
        state = vars(self)
        if state["_seen_version"] == STRUCTURE.version:
            return
        layers = list(self._flatten_layers())
        now = state["_compilations"], tuple((id(m), m.trainable, *map(id, m._own_weights)) for m in layers)
        if now != state["_fingerprint"]:
            sets = state["_runner_sets"]
            state["_runners"] = sets.setdefault(now, {} if forget else state["_runners"])
            while len(sets) > _STATES_KEPT:
                sets.pop(next(iter(sets)))
        state["_fingerprint"], state["_seen_version"] = now, STRUCTURE.version

    @contextmanager
    def _as_compiled(self) -> Iterator[None]:
        """Training goes by the trainable flags of the time when the model was compiled, as Keras has it."""
        state = vars(self)
        differing = [(layer, layer.trainable, flag) for layer, flag in state["_compiled_flags"] if layer.trainable != flag]
        if not differing:
            yield
            return
        try:
            for layer, _, flag in differing:
                vars(layer)["_trainable"] = flag
            state["_seen_version"] = -1
            yield
        finally:
            for layer, now, _ in differing:
                vars(layer)["_trainable"] = now
            state["_seen_version"] = -1

    def _logs(self, runner: Any, kind: str) -> dict[str, Any]:
        """The results after the last batch: what the step returned, where the runner keeps that, else the metrics'."""
        return runner.logs() if hasattr(runner, "logs") else self._state_of_metrics().read()

    # ------------------------------------------------------------------ fit, evaluate, predict
    def fit(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = 1, callbacks: Any = None,
        validation_split: float = 0.0, validation_data: Any = None, shuffle: Any = True, class_weight: Any = None, sample_weight: Any = None,
        initial_epoch: int = 0, steps_per_epoch: int | None = None, validation_steps: int | None = None,
        validation_batch_size: int | None = None, validation_freq: Any = 1, max_queue_size: int = 10, workers: int = 1,
        use_multiprocessing: bool = False,
    ) -> Any:  # fmt: skip
        """Train for a number of epochs; gives the History.

        Args: x, y: arrays, tensors, lists or dictionaries of them, DataFrames; or x a generator, keras.utils.Sequence or data set of
        (x, y) or (x, y, sample_weight). verbose: 0 silent, 1 a bar, 2 a line an epoch. max_queue_size, workers and
        use_multiprocessing are taken and have no effect. Raises: RuntimeError before compile; ValueError for data that do not fit.
        """
        self._check_compiled()
        if x is None:
            raise ValueError("fit needs x: arrays, or something that gives batches.")
        with self._as_compiled():
            return fitting.fit(
                self, x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight, sample_weight,
                initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq,
            )  # fmt: skip

    def evaluate(
        self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = 1, sample_weight: Any = None, steps: int | None = None,
        callbacks: Any = None, max_queue_size: int = 10, workers: int = 1, use_multiprocessing: bool = False, return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """The loss and metrics on data: one number, a list in the order of `metrics_names`, or a dictionary.

        Raises: RuntimeError before compile; ValueError for data that do not fit.
        """
        self._check_compiled()
        known = self.metrics_names
        source, uneven = fitting.source_of(self, "test", x, y, sample_weight, batch_size, steps=steps)
        hooks = fitting.callbacks_of(self, callbacks, verbose, 1, source.steps, known)
        logs = fitting.run_evaluation(self, source, uneven, hooks)
        source.release()
        return logs if return_dict else self._as_list(logs)

    def _as_list(self, logs: dict[str, Any]) -> Any:
        names = self.metrics_names
        found = [logs[n] for n in names if n in logs] + [logs[n] for n in sorted(logs) if n not in names]
        return found[0] if len(found) == 1 else found

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = 0, steps: int | None = None, callbacks: Any = None,
        max_queue_size: int = 10, workers: int = 1, use_multiprocessing: bool = False,
    ) -> Any:  # fmt: skip
        """The outputs for data, as NumPy arrays in the outputs' structure."""
        if not verbose and callbacks is None and steps is None and (batch_size is None or type(batch_size) is int):
            runner, array = self._ready_for(x, batch_size or fitting.DEFAULT_BATCH)
            if runner is not None:
                return self._predict_at_once(runner, array)
        return fitting.predict(self, x, batch_size, verbose, steps, callbacks)

    def _ready_for(self, x: Any, batch_size: int) -> tuple[Any, Any]:
        """The runner of an earlier call for one array of this kind that makes one batch, and the array; else None."""
        array = x._array if type(x) is Tensor else x
        if type(array) is not np.ndarray or not array.ndim or not 0 < len(array) <= batch_size:
            return None, None
        if array.dtype.kind == "f" and array.dtype.name != floatx():
            array = array.astype(floatx())
        if vars(self)["_seen_version"] != STRUCTURE.version:
            self._notice_changes()
        known = self._runners.get(("predict", _signature((array,))))
        return (known.get(batch_size) if known else None), array

    def _predict_at_once(self, runner: Any, array: Any) -> Any:
        runner.rebind((array,))
        runner._bound = None
        count, before = len(array), CALL.batch_is_unknown
        CALL.batch_is_unknown = count != runner.batch_size
        try:
            runner.run(_IN_ORDER[:count] if count <= len(_IN_ORDER) else np.arange(count), 0, 1)
        finally:
            CALL.batch_is_unknown = before
        return runner.outputs

    # ------------------------------------------------------------------ one batch
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, reset_metrics: bool = True, return_dict: bool = False
    ) -> Any:  # fmt: skip
        """Train on one batch; gives its loss and metrics."""
        data = batches(x, y, sample_weight)
        return self._on_batch_of("train", with_class_weights(data, class_weight) if class_weight else data, reset_metrics, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, reset_metrics: bool = True, return_dict: bool = False) -> Any:
        """The loss and metrics of one batch."""
        return self._on_batch_of("test", batches(x, y, sample_weight), reset_metrics, return_dict)

    def _on_batch_of(self, kind: str, data: Any, reset_metrics: bool, return_dict: bool) -> Any:
        self._check_compiled()
        with self._as_compiled() if kind == "train" else nullcontext():
            logs = self._logs(fitting.run_batch(self, kind, data), kind)
        if reset_metrics:
            self.reset_metrics()
        return logs if return_dict else self._as_list(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs of one batch, as NumPy arrays."""
        return fitting.run_batch(self, "predict", batches(x)).outputs

    # ------------------------------------------------------------------ older names
    def fit_generator(
        self, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, verbose: Any = 1, callbacks: Any = None,
        validation_data: Any = None, validation_steps: int | None = None, validation_freq: Any = 1, class_weight: Any = None,
        max_queue_size: int = 10, workers: int = 1, use_multiprocessing: bool = False, shuffle: bool = True, initial_epoch: int = 0,
    ) -> Any:  # fmt: skip
        """The older name of fit on a generator."""
        _deprecated("Model.fit_generator", "Model.fit")
        return self.fit(
            generator, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose, callbacks=callbacks, validation_data=validation_data,
            validation_steps=validation_steps, validation_freq=validation_freq, class_weight=class_weight, shuffle=shuffle, initial_epoch=initial_epoch,
        )  # fmt: skip

    def evaluate_generator(
        self, generator: Any, steps: int | None = None, callbacks: Any = None, max_queue_size: int = 10, workers: int = 1,
        use_multiprocessing: bool = False, verbose: Any = 0,
    ) -> Any:  # fmt: skip
        """The older name of evaluate on a generator."""
        _deprecated("Model.evaluate_generator", "Model.evaluate")
        return self.evaluate(generator, steps=steps, callbacks=callbacks, verbose=verbose)

    def predict_generator(
        self, generator: Any, steps: int | None = None, callbacks: Any = None, max_queue_size: int = 10, workers: int = 1,
        use_multiprocessing: bool = False, verbose: Any = 0,
    ) -> Any:  # fmt: skip
        """The older name of predict on a generator."""
        _deprecated("Model.predict_generator", "Model.predict")
        return self.predict(generator, steps=steps, callbacks=callbacks, verbose=verbose)


for _step in (Trainer.train_step, Trainer.test_step):
    vars(_step)["is_built_in"] = True  # a runner may read the metrics instead of what it returns


def _deprecated(old: str, new: str) -> None:
    warnings.warn(
        f"`{old}` is deprecated and will be removed in a future version. Please use `{new}`, which supports generators.", stacklevel=3
    )


def _signature(data: Any) -> Any:
    """What a runner depends on: structure, dtypes, and shapes but for the number of rows."""
    if type(data) is tuple and len(data) == 1 and type(data[0]) is np.ndarray:
        return data[0].shape[1:], data[0].dtype
    leaves = tree.flatten(data)
    shapes = tuple(None if a is None else (a.shape[1:], a.dtype) for a in leaves)
    return str(tree.pack(data, list(range(len(leaves))))), shapes


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of a step's data, None where they are not there."""
    parts = data if isinstance(data, tuple) else (data,)
    return (*parts, None, None, None)[:3]


def expand_1d(data: Any) -> Any:
    """The data with tensors of one dimension made columns."""
    return tree.map_structure(lambda x: expand_dims(x, -1) if x is not None and x.ndim == 1 else x, data)
