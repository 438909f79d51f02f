"""The compiled epoch: a model's step, traced once, run batch after batch in native code.

    data (x, y, sample_weight), whole arrays  ->  trace of model.train_step on one batch  ->  Executable
One native call runs many batches: rows are picked from the arrays inside compiled code by the epoch's list of sample
numbers. Metrics, weights and the optimizer's state are variables that the code writes in place. The short last batch
has a trace of its own, which shares the kernels.
"""

import contextlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE
from millstream.core.dtypes import OF_NUMPY, float64
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.graph.graph import Graph
from millstream.graph.trace import Trace
from millstream.keras.backend.config import floatx
from millstream.ops.array.creation import cast
from millstream.ops.array.gather import check_indices
from millstream.passes.joins import COMPILED
from millstream.runtime.executable import Executable
from millstream.runtime.nan import run_checked
from millstream.runtime.shuffling import Shuffler
from millstream.staging.autograph.mode import converting, method
from millstream.util import tree
from millstream.util.errors import OperatorNotAllowedInGraphError, invalid
from millstream.util.flags import debug_level, debug_word, flag


class CannotCompile(Exception):  # noqa: N818  (a reason to run eagerly, not a mistake)
    """Why a model's step runs op by op instead."""


_ZERO = np.float64(0)
STEPS = {"train": "train_step", "test": "test_step", "predict": "predict_step"}


def make(model: Any, kind: str, data: Any, batch_size: int) -> "CompiledRunner":
    """The runner of a model's step over whole arrays.

    kind: "train", "test" or "predict". data: nested arrays, all with the samples along their first axis; None stays None.
    Raises: CannotCompile with the reason, in words for the user; InvalidArgumentError for labels that are no classes.
    """
    if flag("MILLSTREAM_EAGER") or getattr(model, "run_eagerly", False):
        raise CannotCompile("it was asked to")
    if importlib.util.find_spec("llvmlite") is None:
        raise CannotCompile("llvmlite is not installed (it has no wheel for some systems), so there is no compiler")
    if STATE.tapes:
        raise CannotCompile("a GradientTape records it")
    leaves = [_array(x) for x in tree.flatten(data) if x is not None]
    for array in leaves:
        if array.dtype not in OF_NUMPY or OF_NUMPY[array.dtype].name not in COMPILED:
            raise CannotCompile(f"there is no compiled code for data of dtype {array.dtype}")
    return CompiledRunner(model, kind, data, leaves, batch_size)


def _array(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) and x.flags.c_contiguous else np.ascontiguousarray(x)


class CompiledRunner:
    """Runs batches of one data set. `outputs` (predict) holds the results of all batches, nested as the model's."""

    def __init__(self, model: Any, kind: str, data: Any, leaves: list[Any], batch_size: int) -> None:
        self.model, self.kind, self.data, self.leaves, self.batch_size = model, kind, data, leaves, batch_size
        self.samples = len(leaves[0])
        self.outputs: Any = None
        self._results: list[Any] = []
        self._structure: Any = None
        self._executables: dict[tuple[int, bool], Executable] = {}
        self.keeps_trail = False  # whether `trail` is wanted
        self._sums: dict[str, Variable] = {}
        self._batches = 0
        self._checks_nan = debug_word("nan") and kind != "predict"
        self._streams: dict[Any, Any] = {}
        self._label_inputs: set[tuple[int, int]] = set()
        self._index_inputs: set[tuple[int, int]] = set()
        self._executable(min(batch_size, self.samples), trail=False)

    # ------------------------------------------------------------------ the seam
    def run(self, rows: Any, first: int, count: int) -> None:
        """Run `count` batches from number `first` on; batch b is rows[b * batch_size : (b + 1) * batch_size]."""
        self._batches = count
        for total in self._sums.values():
            total._array = _ZERO
        whole = len(rows) // self.batch_size
        full = max(0, min(first + count, whole) - first)
        if full:
            self._run(self.batch_size, rows, 0, first, full)
        rest = len(rows) - whole * self.batch_size
        if rest and first + count > whole:
            self._run(rest, rows, whole * self.batch_size, 0, 1)

    def _run(self, size: int, rows: Any, start: int, first: int, count: int) -> None:
        executable = self._executable(size, self.keeps_trail)
        if self._checks_nan:
            self._run_checked(executable, rows[start:], first, count)
            return
        executable.bind_inputs(self.leaves)
        executable.bind_rows(rows[start:] if start else rows)
        if self.kind == "predict":
            executable.bind_outputs([r[start:] for r in self._results])
        executable.run(first, count)

    def _run_checked(self, executable: Executable, rows: Any, first: int, count: int) -> None:
        """Op by op, stopping at the first NaN."""
        for step in range(first, first + count):
            chosen = rows[step * executable.batch : (step + 1) * executable.batch]
            run_checked(executable.graph, [x[chosen] for x in self.leaves])

    def trail(self) -> list[dict[str, float]] | None:
        """The mean over the last run's batches of what the step returned after each; None when it was not kept."""
        return [{name: float(total) / self._batches for name, total in self._sums.items()}] if self.keeps_trail and self._sums else None

    def _add_up(self, result: Any) -> None:
        """Keep the sum over batches of every single number that the step returns."""
        for name, value in result.items() if isinstance(result, Mapping) else ():
            tensor = convert(value)
            if not tensor.ndim:
                total = self._sums.setdefault(name, Variable(_ZERO, trainable=False, name=f"sum_of_{name}"))
                total.assign_add(cast(tensor, float64))

    def orders(self, stream: Any, count: int) -> Callable[[], Any]:
        """A function that draws one epoch's order after the other from a random stream, in native code."""
        return Shuffler(stream, count).order

    def rebind(self, data: Any) -> None:
        """The same code for other arrays of the same shapes (but for their number of samples) and dtypes."""
        self.data, self.leaves = data, [_array(x) for x in tree.flatten(data) if x is not None]
        self.samples = len(self.leaves[0])
        self._check_labels()
        self._allocate()

    # ------------------------------------------------------------------ tracing
    def _executable(self, size: int, trail: bool) -> Executable:
        found = self._executables.get((size, trail))
        if found is None:
            found = self._executables[size, trail] = self._compile(size, trail)
        return found

    def _compile(self, size: int, trail: bool) -> Executable:
        trace, graph = self._traced(size, trail)
        self._label_inputs.update(trace.label_inputs)
        self._index_inputs.update(trace.index_inputs)
        self._check_labels()
        if debug_level() >= 1:
            sys.stderr.write(
                f"millstream: traced {STEPS[self.kind]} of {self.model.name!r} for batches of {size}: {len(graph.live())} nodes\n"
            )
        executable = Executable(graph, gathered=True, streamed=self.kind == "predict", batch=size)
        if self.kind == "predict" and self.outputs is None:
            self._allocate(graph)
        return executable

    def _traced(self, size: int, trail: bool) -> tuple[Trace, Graph]:
        """The step's trace; where Python's control flow stood in the way, another one with it converted."""
        try:
            return self._trace_anew(size, trail)
        except CannotCompile as error:
            if not isinstance(error.__cause__, OperatorNotAllowedInGraphError):
                raise
            with converting(), contextlib.suppress(CannotCompile):
                return self._trace_anew(size, trail)
            raise

    def _trace_anew(self, size: int, trail: bool) -> tuple[Trace, Graph]:
        trace = Trace()
        trace.streams = self._streams  # the short batch's random numbers go on where the others' stopped
        return trace, self._trace(trace, size, trail)

    def _trace(self, trace: Trace, size: int, trail: bool) -> Graph:
        made = [trace.input(ArraySpec((size, *x.shape[1:]), OF_NUMPY[x.dtype])) for x in self.leaves]
        inputs = iter([cast(x, floatx()) if x.dtype.is_floating else x for x in made])
        batch = tree.pack(self.data, [None if x is None else next(inputs) for x in tree.flatten(self.data)])
        try:
            with trace.active():
                result = method(getattr(self.model, STEPS[self.kind]))(batch)
                if trail:
                    self._add_up(result)
        except CannotCompile:
            raise
        except Exception as error:
            # Whatever went wrong: run op by op, where the user's own mistake shows itself with its values.
            logging.getLogger("millstream").debug("tracing failed", exc_info=True)
            raise CannotCompile(_reason(error)) from error
        if self.kind != "predict":
            return trace.finish([])
        self._structure = result
        leaves = tree.flatten(result)
        for x in leaves:
            if not isinstance(x, Tensor) or not x.ndim or x.shape[0] != size:
                raise CannotCompile("predict_step returned something without one row per sample")
        return trace.finish(leaves)

    def _check_labels(self) -> None:
        """Labels of cross-entropies must be classes, numbers of rows in their table: known before a single step is run.

        Raises: InvalidArgumentError.
        """
        for index, count in self._index_inputs:
            check_indices(self.leaves[index].astype(np.int64), count)
        for index, classes in self._label_inputs:
            labels = self.leaves[index]
            low, high = labels.min(), labels.max()
            if low < 0 or high >= classes:
                bad = low if low < 0 else high
                raise invalid(
                    f"Received a label value of {int(bad)} which is outside the valid range of [0, {classes}).  "
                    f"The labels given lie between {low} and {high}, the model has {classes} outputs; number the classes from 0."
                )

    def _allocate(self, graph: Graph | None = None) -> None:
        """Room for the predictions of all samples."""
        if self.kind != "predict":
            return
        specs = [n.spec for n in graph.outputs] if graph is not None else [ArraySpec(r.shape, OF_NUMPY[r.dtype]) for r in self._results]
        self._results = [np.empty((self.samples, *s.shape[1:]), s.dtype.numpy) for s in specs]
        self.outputs = tree.pack(self._structure, list(self._results))


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"
