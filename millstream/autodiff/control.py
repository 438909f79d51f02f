"""Gradients of control flow: of `cond` another `cond`, of `while_loop` the loop backwards.

    Before   y = cond(p, a, b; true, false)       After   ga, gb = cond(p, a, b, gy; gradient of true, gradient of false)
A loop's gradient runs the loop once more, keeps what each round began with, and goes back through the rounds. It has
no gradient of its own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from millstream.autodiff.reverse import backprop
from millstream.core.deferred import now
from millstream.core.dispatch import STATE, Hooks, execute
from millstream.core.op import Op
from millstream.core.spec import ArraySpec
from millstream.graph.control import COND, COND_WITH_EFFECTS, WHILE, WHILE_WITH_EFFECTS, Body, spec_of
from millstream.graph.graph import Graph
from millstream.graph.trace import Trace
from millstream.graph.unroll import replay, rounds, run, without_effects

_FLOATING = "fcV"


def _differentiable(spec: ArraySpec) -> bool:
    return spec.dtype.numpy.kind in _FLOATING


class _Records:
    """A tape that keeps everything."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def record(self, op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any], output: Any) -> None:
        """Take note of one call."""
        self.records.append((op, inputs, attrs, output))


def _pure(body: Body) -> Body:
    if not body.graph.effects:
        return body
    found = body.derived.get("pure")
    if found is None:
        found = body.derived["pure"] = Body(without_effects(body.graph), body.picks, body.own_gradients)
    made: Body = found
    return made


def _paths(body: Body) -> set[int]:
    """The body's inputs from which a differentiable path leads to a result, as places among the node's inputs."""
    return {p for p, g in zip(body.picks, _gradients(body)[1], strict=True) if g is not None}


def _gradients(body: Body) -> tuple[Trace, list[Any]]:
    """A trace of the body's gradients: inputs are the body's, then the gradients of its differentiable results."""
    if body.own_gradients:
        raise NotImplementedError(
            "tf.custom_gradient inside of control flow on tensors has no gradient in a traced function; run it eagerly."
        )
    found = body.derived.get("gradients")
    if found is None:
        found = body.derived["gradients"] = _trace_gradients(body.graph)
    made: tuple[Trace, list[Any]] = found
    return made


def _trace_gradients(graph: Graph) -> tuple[Trace, list[Any]]:
    trace, tape = Trace(), _Records()
    tapes, STATE.tapes = STATE.tapes, (tape,)
    try:
        with trace.active():
            inputs = [trace.input(n.spec) for n in graph.inputs]
            results = [y for y in replay(graph, inputs) if _differentiable(spec_of(y))]
            STATE.tapes = ()
            seeds = [trace.input(spec_of(y)) for y in results]
            sources = [x for x in inputs if _differentiable(x._node.spec)]
            found = iter(backprop(tape.records, sources, results, seeds))
            return trace, [next(found) if _differentiable(x._node.spec) else None for x in inputs]
    finally:
        STATE.tapes = tapes


def _gradient_body(body: Body, wanted: Sequence[int], specs: Sequence[ArraySpec], first: int) -> Body:
    """A body of the gradients of these inputs of the node; the results' gradients are its inputs from `first` on."""
    key = tuple(wanted), first
    found: Body | None = body.derived.get(key)
    if found is not None:
        return found
    trace, gradients = _gradients(body)
    by_place = dict(zip(body.picks, gradients, strict=True))
    with trace.active():
        outputs = [Hooks.zeros(specs[p]) if by_place.get(p) is None else by_place[p] for p in wanted]
        graph = Graph()
        graph.__dict__.update(trace.graph.__dict__)
        graph.outputs = [trace.node(now(x)) for x in outputs]
    seeds = len(graph.inputs) - len(body.picks)
    made = body.derived[key] = Body(graph, [*body.picks, *range(first, first + seeds)])
    return made


def _specs_of(tensors: Sequence[Any]) -> list[ArraySpec]:
    return [spec_of(x) for x in tensors]


def _seeds(g: Any, outputs: Any) -> list[Any]:
    return [x for x, y in zip(g, outputs, strict=True) if y.dtype.numpy.kind in _FLOATING]


def _of_cond(g: Any, outputs: Any, *inputs: Any, true: Body, false: Body) -> list[Any]:
    wanted = sorted(_paths(true) | _paths(false))
    gradients: list[Any] = [None] * len(inputs)
    if wanted:
        specs = _specs_of(inputs)
        bodies = [_gradient_body(b, wanted, specs, len(inputs)) for b in (true, false)]
        found = execute(COND, (*inputs, *_seeds(g, outputs)), {"true": bodies[0], "false": bodies[1]})
        for place, gradient in zip(wanted, found, strict=True):
            gradients[place] = gradient
    return gradients


def _of_while(g: Any, outputs: Any, *inputs: Any, test: Body, body: Body, carried: int, limit: int) -> list[Any]:
    specs = _specs_of(inputs)
    paths = _paths(body)
    wanted = [i for i, s in enumerate(specs) if _differentiable(s) and (i < carried or i in paths)]
    gradients: list[Any] = [None] * len(inputs)
    if wanted:
        back = _gradient_body(body, wanted, specs, len(inputs))
        attrs = {"test": _pure(test), "body": _pure(body), "back": back, "carried": carried, "limit": limit, "wanted": tuple(wanted)}
        for place, gradient in zip(wanted, execute(BACKWARDS, (*inputs, *_seeds(g, outputs)), attrs), strict=True):
            gradients[place] = gradient
    return gradients


def _backwards(xp: Any, *inputs: Any, test: Body, body: Body, back: Body, carried: int, limit: int, wanted: tuple[int, ...]) -> Any:
    """Forwards, keeping each round's beginning; then backwards through them."""
    moving = sum(w < carried for w in wanted)
    count = len(inputs) - moving
    values, captures, flow = list(inputs[:carried]), inputs[carried:count], list(inputs[count:])
    rounds: list[list[Any]] = []
    while len(rounds) != limit and bool(test([*values, *captures])[0]):
        rounds.append(values)
        values = body([*values, *captures])
    totals = [np.zeros_like(inputs[w]) for w in wanted[moving:]]
    for begun in reversed(rounds):
        found = back([*begun, *captures, *flow])
        flow = found[:moving]
        totals = [a + b for a, b in zip(totals, found[moving:], strict=True)]
    return (*flow, *totals)


def _written_out(*inputs: Any, test: Body, body: Body, back: Body, carried: int, limit: int, wanted: tuple[int, ...]) -> Any:
    """The same without a loop, where the number of rounds is known and small."""
    moving = sum(w < carried for w in wanted)
    count = len(inputs) - moving
    found = rounds(inputs[:count], test, body, carried, limit)
    if found is None:
        return None
    captures, flow = inputs[carried:count], list(inputs[count:])
    totals: list[Any] = [None] * (len(wanted) - moving)
    for begun in reversed(found[:-1]):
        made = run(back, [*begun, *captures, *flow])
        flow = made[:moving]
        totals = [b if a is None else Hooks.add(a, b) for a, b in zip(totals, made[moving:], strict=True)]
    zeros = [Hooks.zeros_like(inputs[w]) if t is None else t for w, t in zip(wanted[moving:], totals, strict=True)]
    return (*flow, *zeros)


def _of_backwards(*specs: ArraySpec, wanted: tuple[int, ...], **attrs: Any) -> Any:
    return tuple(specs[w] for w in wanted)


BACKWARDS = Op("while_loop_gradient", _backwards, mixed=True, stateful=False, samples=None, errors=())
BACKWARDS.infer(_of_backwards)
BACKWARDS.expand(_written_out)
for _op in (COND, COND_WITH_EFFECTS):
    _op.vjp_all(_of_cond)
for _op in (WHILE, WHILE_WITH_EFFECTS):
    _op.vjp_all(_of_while)
