"""One trace of a function, ready to run: compiled where it can be, node by node under a tape.

    leaves   the tensors among a call's arguments        graph   what the function does with them
Under a GradientTape the graph's ops are carried out one by one, so that the tape sees them.
"""

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, execute, wrap
from millstream.core.op import Op
from millstream.core.spec import ArraySpec, TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.graph import interpreter
from millstream.graph.graph import CONST, INPUT, ITEM, VARIABLE, Graph, constant_value, variable_of
from millstream.graph.trace import Trace
from millstream.ops.array.gather import check_indices
from millstream.passes.joins import COMPILED
from millstream.util import tree
from millstream.util.errors import invalid
from millstream.util.flags import debug_word, flag


class Traced:
    """A function's graph for one set of shapes. Raises whatever the function raises while it is traced."""

    def __init__(self, function: Callable[[list[Any]], Any], leaves: Sequence[Tensor], streams: dict[Any, Any]) -> None:
        trace = Trace()
        trace.streams = streams
        inputs = [trace.input(ArraySpec(tuple(x._array.shape), x.dtype)) for x in leaves]
        spy = _Surroundings()
        tapes, STATE.tapes = STATE.tapes, (spy,)
        try:
            with trace.active():
                self._structure, outputs = as_outputs(function(inputs))
                spy.note(outputs)
                self.graph: Graph = trace.finish(outputs)
        finally:
            STATE.tapes = tapes
        self.created, self._labels, self._indices = trace.created, trace.label_inputs, trace.index_inputs
        self._captured = spy.tensors
        self._replayable = not trace.has_own_gradients and not any(v.trainable for v, _ in self.graph.updates)
        self._run: Callable[[list[Any]], list[Any]] | None = None
        self._running = False

    def can_be_replayed(self) -> bool:
        """Whether carrying out the graph's ops under the tapes at work gives the gradients that the function's own body would.

        Not so when one of them watches a tensor that the function took from its surroundings: in the graph it is a constant.
        """
        return self._replayable and not any(self._captured.keys() & _watched(tape) for tape in STATE.tapes)

    @property
    def output_specs(self) -> Any:
        """The results' specs, nested."""
        return self._packed([TensorSpec(n.spec.shape, n.spec.dtype) for n in self.graph.outputs])

    def _packed(self, values: Sequence[Any]) -> Any:
        if self._structure is _ONE:
            return values[0]
        if self._structure is None:
            return None
        remaining = iter(values)
        return tree.map_structure(lambda leaf: None if leaf is None else next(remaining), self._structure)

    # ------------------------------------------------------------------ running
    def run(self, leaves: Sequence[Tensor]) -> Any:
        """The results for these tensors."""
        arrays = [np.asarray(x._array) for x in leaves]
        for index, classes in self._labels:
            _check_labels(arrays[index], classes)
        for index, count in self._indices:
            check_indices(arrays[index].astype(np.int64), count)
        if self._running:  # called by itself, through a Python function within: the compiled code's memory is in use
            return self._packed([wrap(a) for a in interpreter.run(self.graph, arrays)])
        self._running = True
        try:
            run = self._run or self._make()
            return self._packed([wrap(a) for a in run(arrays)])
        finally:
            self._running = False

    def _make(self) -> Callable[[list[Any]], list[Any]]:
        """How this graph is run: compiled, or by the interpreter where there is no compiled code for it."""
        if debug_word("nan"):
            from millstream.runtime.nan import run_checked

            self._run = lambda arrays: run_checked(self.graph, arrays)
        elif not _compilable(self.graph):
            self._run = lambda arrays: interpreter.run(self.graph, arrays)
        else:
            from millstream.runtime.executable import Executable

            executable = Executable(self.graph)
            self._run = lambda arrays: executable(*arrays)
        return self._run

    def replay(self, leaves: Sequence[Tensor]) -> Any:
        """The results, op by op, as seen by the tapes at work."""
        values: dict[int, Any] = {}
        for node in self.graph.live():
            given = [values[n.number] for n in node.inputs]
            if node.op is INPUT:
                values[node.number] = leaves[node.options["index"]]
            elif node.op is CONST:
                array = constant_value(node)
                values[node.number] = wrap(array if array.ndim or array.dtype == object else array[()])
            elif node.op is VARIABLE:
                values[node.number] = variable_of(node).read_value()
            elif node.op is ITEM:
                values[node.number] = given[0][node.options["index"]]
            else:
                values[node.number] = execute(node.op, tuple(given), node.options)
        for variable, node in self.graph.updates:
            variable._set(values[node.number])
        return self._packed([values[n.number] for n in self.graph.outputs])


class _Surroundings:
    """A tape that notes the eager tensors that a traced function works with; it may have taken them from its surroundings."""

    def __init__(self) -> None:
        self.tensors: dict[int, Tensor] = {}

    def record(self, op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any], output: Any) -> None:
        """Note the inputs."""
        self.note(inputs)

    def note(self, tensors: Sequence[Any]) -> None:
        """Note the eager ones among these."""
        self.tensors.update((id(x), x) for x in tensors if type(x) is Tensor)


def _watched(tape: Any) -> set[int]:
    """The ids of what a tape watches."""
    found: set[int] = tape._watched
    return found


_ONE = object()  # the structure of a single tensor


def as_outputs(result: Any) -> tuple[Any, list[Tensor]]:
    """What a function returned: its nesting (None where it returned None), and its tensors. Raises: TypeError for other things."""
    if isinstance(result, Tensor):
        return _ONE, [result]
    if result is None:
        return None, []
    if not tree.is_nested(result):
        return _ONE, [convert(result)]
    leaves = [x if x is None else convert(x) for x in tree.flatten(result)]
    return tree.pack(result, [None if x is None else True for x in leaves]), [x for x in leaves if x is not None]


def _compilable(graph: Graph) -> bool:
    """Whether there is a compiler, and compiled code for all dtypes that occur."""
    if flag("MILLSTREAM_EAGER") or importlib.util.find_spec("llvmlite") is None:
        return False
    specs = [s for n in graph.live() for s in (n.spec if type(n.spec) is tuple else (n.spec,))]
    return all(s.dtype.name in COMPILED for s in specs)


def _check_labels(labels: Any, classes: int) -> None:
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        raise invalid(
            f"Received a label value of {int(low if low < 0 else high)} which is outside the valid range of [0, {classes}).  "
            f"The labels given lie between {int(low)} and {int(high)}; number the classes from 0."
        )
