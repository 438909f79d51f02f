"""Control flow as nodes: `cond` with two body graphs, `while_loop` with a condition and a body graph.

    captures   what a body uses of its surroundings: tensors of outer traces, and variables
    carried    what a loop's body gets from one round and gives to the next
A body is traced by a trace of its own, nested in the surrounding one. A node's inputs are the carried values and the
captures; each body picks those it uses. A variable assigned in a body is one more result, assigned outside.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, execute
from millstream.core.op import Op
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor
from millstream.graph import interpreter
from millstream.graph.graph import Graph, Node
from millstream.graph.trace import GraphTensor, Trace

Run = Callable[[list[Any]], list[Any]]
_MAKE_RUN: list[Callable[[Graph], Run]] = [lambda graph: lambda arrays: interpreter.run(graph, arrays)]


def set_body_runner(make: Callable[[Graph], Run]) -> None:
    """Say how bodies are run; runtime/bodies.py does, with compiled code for those that are worth it."""
    _MAKE_RUN[:] = [make]


def spec_of(x: Any) -> ArraySpec:
    """Shape and dtype of a tensor."""
    return ArraySpec(tuple(x.shape), x.dtype)


class Body:
    """A traced body: its graph, and which of the node's inputs are the graph's. An attribute of nodes, compared by identity."""

    def __init__(self, graph: Graph, picks: Sequence[int], own_gradients: bool = False) -> None:
        self.graph, self.picks, self.own_gradients = graph, tuple(picks), own_gradients  # own: of tf.custom_gradient
        self.derived: dict[Any, Any] = {}  # gradients of this body, by what they are needed for
        self._run: Run | None = None

    def __call__(self, arrays: Sequence[Any]) -> list[Any]:
        """The results for the node's inputs."""
        if self._run is None:
            self._run = _MAKE_RUN[0](self.graph)
        return self._run([np.asarray(arrays[i]) for i in self.picks])

    @property
    def specs(self) -> tuple[ArraySpec, ...]:
        """The results' shapes and dtypes."""
        return tuple(n.spec for n in self.graph.outputs)

    def __repr__(self) -> str:
        return f"<body of {len(self.graph.live())} nodes>"


# ---------------------------------------------------------------------------------------------- the ops
def _control(name: str, meaning: Any, infer: Any, stateful: bool) -> Op:
    made = Op(name, meaning, mixed=True, stateful=stateful, samples=None, errors=())
    made.infer(infer)
    return made


def _cond(xp: Any, *inputs: Any, true: Body, false: Body) -> Any:
    return tuple((true if bool(inputs[0]) else false)(inputs))


def _while(xp: Any, *inputs: Any, test: Body, body: Body, carried: int, limit: int) -> Any:
    values, captures = list(inputs[:carried]), inputs[carried:]
    rounds = 0
    while rounds != limit and bool(test([*values, *captures])[0]):
        values = body([*values, *captures])
        rounds += 1
    return tuple(values)


def _of_cond(*specs: ArraySpec, true: Body, false: Body) -> Any:
    return true.specs


def _of_while(*specs: ArraySpec, carried: int, **attrs: Any) -> Any:
    return tuple(specs[:carried])


COND, COND_WITH_EFFECTS = (_control("cond", _cond, _of_cond, s) for s in (False, True))
WHILE, WHILE_WITH_EFFECTS = (_control("while_loop", _while, _of_while, s) for s in (False, True))


# ---------------------------------------------------------------------------------------------- tracing bodies
class BodyTrace(Trace):
    """The trace of a body. Tensors of outer traces and variables become inputs of the body's graph."""

    def __init__(self, carried: Sequence[ArraySpec] = ()) -> None:
        super().__init__()
        assert STATE.trace is not None
        self.parent: Trace = STATE.trace
        self.layer, self.created, self.streams = self.parent.layer, self.parent.created, self.parent.streams
        self.random_ops, self.random_calls = self.parent.random_ops, self.parent.random_calls
        self._tapes = STATE.tapes
        self._captured: dict[int, tuple[Any, GraphTensor]] = {}
        self.carried = [self.input(s) for s in carried]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Trace what is done inside: tapes of the surroundings see the node, not what is in it."""
        tapes, STATE.tapes = STATE.tapes, ()
        try:
            with self.active():
                yield
        finally:
            STATE.tapes = tapes
        self.parent.has_own_gradients |= self.has_own_gradients

    def keep_count(self) -> None:
        """Random ops after the body are numbered after those in it."""
        self.parent.random_ops, self.parent.random_calls = self.random_ops, self.random_calls

    def node(self, x: Any) -> Node:
        """The node of a tensor; one of the surroundings becomes an input."""
        if isinstance(x, GraphTensor) and x._trace is not self and self.is_within(x._trace):
            return self._capture(x, x._node.spec)._node
        if type(x) is Tensor and self._is_watched(x):
            return self._capture(x, ArraySpec(tuple(x._array.shape), x.dtype))._node
        return super().node(x)

    def read(self, variable: Any) -> Tensor:
        """The value of a variable at this point of the body."""
        if id(variable) in self._values:
            return self._values[id(variable)][1]
        return self._capture(variable, variable.spec)

    def require_labels(self, labels: Any, classes: int) -> None:
        """Labels within a body are not looked at before it runs."""

    def _capture(self, x: Any, spec: ArraySpec) -> GraphTensor:
        found = self._captured.get(id(x))
        if found is None:
            found = self._captured[id(x)] = x, self.input(spec)
        return found[1]

    def _is_watched(self, x: Tensor) -> bool:
        """Whether a tape of the surroundings differentiates to this tensor."""
        for tape in self._tapes:
            note = getattr(tape, "note", None)
            if note is not None:
                note((x,))
            elif id(x) in getattr(tape, "_watched", ()):
                return True
        return isinstance(self.parent, BodyTrace) and self.parent._is_watched(x)

    # ------------------------------------------------------------------ when the body is traced
    def assigned(self) -> list[Any]:
        """The variables that the body assigns to."""
        return list(self._assigned.values())

    def body(self, outputs: Sequence[Tensor], variables: Sequence[Any], places: dict[int, int]) -> Body:
        """The body with these results and these variables' values. places: of captures, by id, among the node's inputs."""
        with self.running():
            self.graph.outputs = [self.node(x) for x in [*outputs, *(self.read(v) for v in variables)]]
        picks = {p._node.options["index"]: k for k, p in enumerate(self.carried)}
        for key, (_, placeholder) in self._captured.items():
            picks[placeholder._node.options["index"]] = places.setdefault(key, -1)
        return Body(self.graph, [picks[i] for i in range(len(self.graph.inputs))], self.has_own_gradients)


def _places(traces: Sequence[BodyTrace], variables: Sequence[Any], first: int) -> tuple[dict[int, int], list[Any]]:
    """Where each capture stands among the node's inputs, and the captures in that order."""
    for trace in traces:
        with trace.running():
            for v in variables:
                trace.read(v)
    places: dict[int, int] = {}
    captures: list[Any] = []
    for trace in traces:
        for key, (x, _) in trace._captured.items():
            if key not in places:
                places[key] = first + len(captures)
                captures.append(x)
    return places, captures


def _variables(traces: Sequence[BodyTrace]) -> list[Any]:
    return list({id(v): v for t in traces for v in t.assigned()}.values())


def _value(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else x.read_value()


def emit_cond(pred: Tensor, true: BodyTrace, when_true: Sequence[Tensor], false: BodyTrace, when_false: Sequence[Tensor]) -> list[Tensor]:
    """Add a choice between two traced bodies; returns the results. Their specs must agree."""
    both = (true, false)
    variables = _variables(both)
    for trace, outputs in ((true, when_true), (false, when_false)):
        _settle(trace, outputs)
    places, captures = _places(both, variables, 1)
    bodies = [t.body(outputs, variables, places) for t, outputs in ((true, when_true), (false, when_false))]
    effects = any(t.graph.effects for t in both)
    inputs = (pred, *map(_value, captures))
    results = list(execute(COND_WITH_EFFECTS if effects else COND, inputs, {"true": bodies[0], "false": bodies[1]}))
    return _assign(results, variables)


def emit_while(
    initial: Sequence[Tensor], test: BodyTrace, go_on: Tensor, body: BodyTrace, after: Sequence[Tensor], limit: int = -1
) -> list[Tensor]:
    """Add a loop of a traced condition and a traced body, each with the same carried inputs; returns the last carried values."""
    both = (test, body)
    variables = _variables(both)
    _settle(test, [go_on])
    _settle(body, after)
    places, captures = _places(both, variables, 0)
    carried = len(initial) + len(variables)
    of_variables = {id(v): len(initial) + i for i, v in enumerate(variables)}
    captures = [x for x in captures if id(x) not in of_variables]
    places = {**{id(x): carried + i for i, x in enumerate(captures)}, **of_variables}
    bodies = test.body([go_on], (), places), body.body(after, variables, places)
    effects = any(t.graph.effects for t in both)
    inputs = (*initial, *map(_value, variables), *map(_value, captures))
    attrs = {"test": bodies[0], "body": bodies[1], "carried": carried, "limit": limit}
    return _assign(list(execute(WHILE_WITH_EFFECTS if effects else WHILE, inputs, attrs)), variables)


def _settle(trace: BodyTrace, outputs: Sequence[Tensor]) -> None:
    """Let the trace capture what its results still need."""
    with trace.running():
        for x in outputs:
            trace.node(x)


def _assign(results: list[Tensor], variables: Sequence[Any]) -> list[Tensor]:
    first = len(results) - len(variables)
    for variable, value in zip(variables, results[first:], strict=True):
        STATE.trace.assign(variable, value)
    return results[:first]
