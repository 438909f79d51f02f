"""Runners: what carries out batches of an array data set. The training loop knows nothing of how.

    runner.run(rows, first, count)     batches number first .. first + count - 1, where batch b is rows[b * batch_size : (b + 1) * batch_size]
Results live in the metrics' variables; `logs` gives what the step returned for the last batch, `trail` that of every batch of
the last `run` (None when the runner does not keep it). `EagerRunner` calls the model's own step with eager tensors; compiled code
does the same work batch after batch without Python.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras.backend.config import floatx
from millstream.keras.engine.metric_state import as_number
from millstream.util import tree

STEPS = {"train": "train_step", "test": "test_step", "predict": "predict_step"}
Rows = np.ndarray[Any, np.dtype[np.int64]]


class Runner(Protocol):
    """Carries out batches. kind: "train", "test" or "predict"; of the last, `outputs` holds the results for all rows."""

    batch_size: int
    outputs: Any

    def run(self, rows: Rows, first: int, count: int) -> None:
        """Carry out `count` batches, beginning with number `first`."""

    def rebind(self, data: Any) -> None:
        """Go on with other arrays: of the same structure, dtypes and shapes but for the number of rows."""


class EagerRunner:
    """Calls the model's step on eager tensors, one batch after the other. reason: why, said once the first batch has gone well."""

    def __init__(self, model: Any, kind: str, data: Any, batch_size: int, reason: str = "") -> None:
        self.model, self.kind, self.batch_size = model, kind, batch_size
        self._reason = reason
        self.outputs: Any = None
        self._step: Callable[[Any], Any] = getattr(model, STEPS[kind])
        self._trail: list[Any] = []
        self.rebind(data)

    def rebind(self, data: Any) -> None:
        """Other arrays."""
        self._data, self.outputs = data, None
        self._count = next((len(a) for a in tree.flatten(data) if a is not None), 0)
        self._flat = [None if a is None else np.asarray(a) for a in tree.flatten(data)]

    def run(self, rows: Rows, first: int, count: int) -> None:
        """Carry out batches; a failing step leaves the weights as the step before left them."""
        self._trail = []
        for b in range(first, first + count):
            index = rows[b * self.batch_size : (b + 1) * self.batch_size]
            result = self._step(self._batch(index))
            if self.kind == "predict":
                self._keep(result, b * self.batch_size, len(index))
            else:
                self._trail.append(result)
            if self._reason:
                _say(self._reason)
                self._reason = ""

    def _batch(self, index: Rows) -> Any:
        if len(index) == self._count and (index[-1:] == self._count - 1).all() and _is_range(index):
            return tree.pack(self._data, [None if a is None else wrap(_in_floatx(a)) for a in self._flat])
        return tree.pack(self._data, [None if a is None else wrap(_in_floatx(a[index])) for a in self._flat])

    def _keep(self, result: Any, start: int, count: int) -> None:
        leaves = [np.asarray(x._array if isinstance(x, (Tensor, Variable)) else x) for x in tree.flatten(result)]
        if self.outputs is None:
            room = [np.empty((self._count, *a.shape[1:]), a.dtype) for a in leaves]
            self.outputs = tree.pack(result, room)
        for target, part in zip(tree.flatten(self.outputs), leaves, strict=True):
            target[start : start + count] = part

    def logs(self) -> dict[str, Any]:
        """What the step returned for the last batch."""
        return numbers(self._trail[-1]) if self._trail else {}

    def trail(self) -> list[dict[str, Any]] | None:
        """What the step returned for each batch of the last run."""
        return [numbers(result) for result in self._trail]


def _in_floatx(array: Any) -> Any:
    return array.astype(floatx()) if array.dtype.kind == "f" and array.dtype.name != floatx() else array


def _is_range(index: Rows) -> bool:
    return bool(index[0] == 0 and (len(index) < 2 or (np.diff(index) == 1).all()))


def numbers(logs: Any) -> dict[str, Any]:
    """The step's results as Python numbers; arrays stay arrays."""
    return {k: as_number(v) for k, v in logs.items()}


class _Reporting:
    """A model whose own step decides what is reported: what it returns is put into variables, so that compiled code keeps it."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.reported: dict[str, Variable] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def train_step(self, data: Any) -> None:
        """The model's, its results noted."""
        self._note(self._model.train_step(data))

    def test_step(self, data: Any) -> None:
        """The model's, its results noted."""
        self._note(self._model.test_step(data))

    def _note(self, result: Any) -> None:
        if not isinstance(result, Mapping):
            raise TypeError(f"train_step and test_step return a dictionary of results by name; got {type(result).__name__}.")
        for name, value in result.items():
            value = convert(value)
            if name not in self.reported:
                self.reported[name] = Variable(np.zeros(tuple(value.shape), value.dtype.numpy), trainable=False, name=str(name))
            self.reported[name].assign(value)

    def logs(self) -> dict[str, Any]:
        """What the step returned for the last batch."""
        return numbers(self.reported)


_said: set[str] = set()


def make_runner(model: Any, kind: str, data: Any, batch_size: int) -> Any:
    """Compiled code if the model's step can be compiled, else the step itself; why not is said once, on the error stream."""
    from millstream.keras.engine.compiled import CannotCompile, make

    try:
        if kind == "predict" or hasattr(getattr(type(model), STEPS[kind]), "is_built_in"):
            return make(model, kind, data, batch_size)
        reporting = _Reporting(model)
        runner: Any = make(reporting, kind, data, batch_size)
    except CannotCompile as reason:
        return EagerRunner(model, kind, data, batch_size, f"{model.name} runs step by step, not compiled: {reason}")
    runner.logs = reporting.logs
    return runner


def _say(line: str) -> None:
    if "it was asked to" in line or line in _said:
        return
    _said.add(line)
    sys.stderr.write(f"millstream: {line}\n")
