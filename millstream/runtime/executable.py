"""A compiled graph, bound to memory: machine code with its arguments, run step after step by all threads.

    arena      one block for every intermediate value        const, variable, input   arrays that exist
    rows       the list of sample numbers of this epoch      output                   arrays that hold all batches
A variable's array is written in place. Whoever holds a tensor that shares it keeps his values: before a run, a shared
array is replaced by a copy.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import millstream.codegen.sliding  # its families of kernels make themselves known
import millstream.runtime.bodies  # noqa: F401  # bodies of control flow are compiled as well
from millstream.codegen.lower import Call, Place, lower
from millstream.graph.graph import Graph, constant_value
from millstream.graph.views import View
from millstream.passes import pipeline
from millstream.passes.schedule import Schedule
from millstream.runtime import kernels
from millstream.runtime.memory import address, aligned_empty
from millstream.runtime.threads import Plan, run, thread_count

SMALL = 400_000  # operations of a step below which one thread is faster than two with their barriers
SHORT = 20_000_000  # operations of a run that is over before sleeping threads have woken up (about 0.2 ms)
_FREE = 4  # references to a variable's home that are our own: its array, its home, a local, getrefcount's argument


class Executable:
    """The machine code of one graph for one set of shapes.

    gathered: inputs are whole data sets, of which step s reads rows[s * batch : (s + 1) * batch].
    streamed: outputs are arrays of all batches, of which step s fills its rows; otherwise they are read after a run.
    """

    def __init__(self, graph: Graph, gathered: bool = False, streamed: bool = False, batch: int = 0) -> None:
        self.graph, self.batch = graph, batch
        self.schedule: Schedule = pipeline.run(graph, gathered)
        self.prepared = self.schedule.fusion.graph
        self.calls = lower(self.schedule, streamed)
        self._arena = aligned_empty(max(self.schedule.arena, 64), np.uint8)
        self._inputs: list[Any] = [None] * len(graph.inputs)
        self._outputs: list[Any] = [None] * len(graph.outputs)
        self._rows: Any = None
        self._views: dict[int, Any] = {}
        self._variables: list[tuple[Any, bool, list[Any]]] = []  # (variable, written, [address bound, [(position, offset)]])
        self._build()
        self._list_variables()

    # ------------------------------------------------------------------ building
    def _build(self) -> None:
        """Compile, lay out the arguments, and write the records."""
        addresses = kernels.provide(c.kernel for c in self.calls if c.kernel is not None)
        self._arguments = np.zeros(sum(len(c.arguments) for c in self.calls) + 1, np.int64)
        self._patches: dict[tuple[str, Any], list[tuple[int, int]]] = {}
        self._constants: list[Any] = []
        self.plan = Plan()
        self.cost = sum(c.cost for c in self.calls)
        self.threads = thread_count() if self.cost >= SMALL else 1
        barriers = _barriers(self.calls, self._interval)
        position = 0
        for call, barrier in zip(self.calls, barriers, strict=True):
            if call.kernel is None:
                self.plan.add_callback(_callback(self, call))
                continue
            self.plan.add(addresses[call.kernel.key], address(self._arguments) + 8 * position, barrier=barrier)
            for argument in call.arguments:
                self._argument(position, argument)
                position += 1

    def _argument(self, position: int, argument: Any) -> None:
        if not isinstance(argument, Place):
            self._arguments[position] = argument
        elif argument.kind == "arena":
            self._arguments[position] = address(self._arena) + self.schedule.offsets[argument.key] + argument.offset
        elif argument.kind == "const":
            self._arguments[position] = self._constant(argument.key) + argument.offset
        elif argument.kind in ("table", "zeros"):
            self._arguments[position] = self._numbers(argument)
        elif argument.kind == "batch":
            self._arguments[position] = self.batch
        else:
            key = argument.kind, id(argument.key) if argument.kind == "variable" else argument.key
            self._patches.setdefault(key, []).append((position, argument.offset))

    def _constant(self, node: Any) -> int:
        array = np.ascontiguousarray(constant_value(node))
        self._constants.append(array)
        return address(array)

    def _numbers(self, place: Place) -> int:
        """Memory of our own with a table of whole numbers, or with zeros."""
        array = np.array(place.key, np.int64) if place.kind == "table" else np.zeros(place.key, np.uint8)
        self._constants.append(array)
        return address(array)

    def _interval(self, place: Place) -> tuple[Any, int, int]:
        """What a place overlaps with: bytes of the arena, or all of another array."""
        if place.kind != "arena":
            return (place.kind, id(place.key) if place.kind == "variable" else place.key), 0, 1
        spec = self.prepared.nodes[place.key].spec
        start = self.schedule.offsets[place.key]
        if place.extent:
            return "arena", start + place.offset, start + place.offset + place.extent
        return "arena", start, start + max(1, spec.size * spec.dtype.numpy.itemsize)

    def _list_variables(self) -> None:
        written = {id(v) for v, _ in self.graph.updates}
        found = {id(p.key): p.key for c in self.calls for p in (*c.reads, *c.writes) if p.kind == "variable"}
        for key, variable in found.items():
            self._variables.append((variable, key in written, [0, self._patches.get(("variable", key), [])]))

    # ------------------------------------------------------------------ binding
    def _patch(self, key: tuple[str, Any], array: Any) -> None:
        for position, offset in self._patches.get(key, ()):
            self._arguments[position] = address(array) + offset

    def bind_inputs(self, arrays: Sequence[Any]) -> None:
        """The arrays that inputs are read from: of their spec, or with all rows when gathered."""
        for i, array in enumerate(arrays):
            if array is not self._inputs[i]:
                self._inputs[i] = array
                self._patch(("input", i), _contiguous(array, self, i))

    def bind_rows(self, rows: Any) -> None:
        """The sample numbers of an epoch, int64, in order."""
        self._rows = rows
        self._patch(("rows", 0), rows)

    def bind_outputs(self, arrays: Sequence[Any]) -> None:
        """The arrays that streamed outputs fill."""
        self._outputs = list(arrays)
        for i, array in enumerate(arrays):
            self._patch(("output", i), array)

    def bind_variables(self) -> None:
        """Bring the variables' values to their homes, which must be nobody else's where they will be written."""
        for variable, written, places in self._variables:
            array = variable._array
            if array is not variable._home or (written and sys.getrefcount(array) > _FREE):
                _settle(variable)
            if places[0] != variable._address:
                places[0] = variable._address
                for position, offset in places[1]:
                    self._arguments[position] = variable._address + offset

    # ------------------------------------------------------------------ running
    def run(self, first: int = 0, steps: int = 1, times: Any = None) -> int:
        """Run steps; returns how many were completed. Raises: what a Python function called from within raised."""
        self.bind_variables()
        return run(self.plan, first, steps, self.threads if self.cost * steps >= SHORT else 1, times)

    def __call__(self, *arrays: Any) -> list[Any]:
        """The outputs for these inputs, copied out of the arena."""
        self.bind_inputs(arrays)
        self.run()
        return [self._read(n) for n in self.prepared.outputs]

    def _read(self, node: Any) -> Any:
        array = self._views.get(node.number)
        if array is None:
            place = Place(*self.schedule.stored[node.number][-1])
            array = self.array(place, View.whole(node.shape), node.spec.dtype.numpy)
            if place.kind == "arena":  # which stays where it is
                self._views[node.number] = array
        return array.copy() if array.ndim else array[()]

    def array(self, place: Place, view: View, dtype: Any) -> Any:
        """A NumPy view of a value where it lies."""
        if place.kind == "arena":
            base = self._arena[self.schedule.offsets[place.key] :]
        else:
            base = np.asarray(self._whole(place)).reshape(-1).view(np.uint8)
        start = place.offset + view.offset * dtype.itemsize
        strides = tuple(s * dtype.itemsize for s in view.strides)
        return np.ndarray(view.shape, dtype, base, start, strides)

    def _whole(self, place: Place) -> Any:
        if place.kind == "variable":
            return place.key._array
        if place.kind == "const":
            return np.ascontiguousarray(constant_value(place.key))
        return self._inputs[place.key]


def _settle(variable: Any) -> None:
    """Give a variable a home of its own and its value into it; the old home serves again when nobody else has it."""
    array, home = variable._array, variable._home
    if home is None or array is home or home.shape != array.shape or home.dtype != array.dtype or sys.getrefcount(home) > _FREE:
        home = aligned_empty(array.shape, array.dtype)
    home[...] = array
    variable._array = variable._home = home
    variable._address = address(home)


def _contiguous(array: Any, owner: Executable, index: int) -> Any:
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    owner._inputs[index] = array
    return array


def _callback(executable: Executable, call: Call) -> Any:
    """The meaning of an op, run by Python on views of the buffers."""
    node = call.node
    assert node is not None

    def function(step: int) -> None:
        arrays = [executable.array(p, v, t) for p, v, t in call.inputs]
        with np.errstate(all="ignore"):
            out = node.op.meaning(np, *arrays, **node.options)
        results = out if type(node.spec) is tuple else (out,)
        specs = node.spec if type(node.spec) is tuple else (node.spec,)
        for i, places in call.results.items():
            for place in places:
                executable.array(place, View.whole(specs[i].shape), specs[i].dtype.numpy)[...] = results[i]

    return function


def _barriers(calls: Sequence[Call], interval: Any) -> list[bool]:
    """Whether a barrier must follow each call: the next one touches what an unfinished one writes, or writes what it reads."""
    flags = [False] * len(calls)
    reads: list[Any] = []
    writes: list[Any] = []
    for i, call in enumerate(calls):
        own_reads, own_writes = [interval(p) for p in call.reads], [interval(p) for p in call.writes]
        if i and (_overlap(own_reads, writes) or _overlap(own_writes, writes) or _overlap(own_writes, reads)):
            flags[i - 1] = True
            reads, writes = [], []
        reads += own_reads
        writes += own_writes
    if flags:
        flags[-1] = True
    return flags


def _overlap(a: Sequence[Any], b: Sequence[Any]) -> bool:
    return any(x[0] == y[0] and x[1] < y[2] and y[1] < x[2] for x in a for y in b)
