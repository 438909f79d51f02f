"""Bodies of control flow written out in the graph around them: what is known is computed at once, the rest becomes nodes.

Before   %3, %4 = while_loop(0, %1; i < 3, (i + 1, s * %2))        After   ((%1 * %2) * %2) * %2
"""

from collections.abc import Sequence
from typing import Any

from millstream.core.dispatch import execute, wrap
from millstream.graph.control import Body
from millstream.graph.graph import CONST, INPUT, ITEM, Graph, Node, constant_value
from millstream.graph.trace import GraphTensor

NODES = 300  # beyond which a loop stays a loop: compiling takes time for every node
SMALL = 64  # elements of a constant that is computed with at once


def without_effects(graph: Graph) -> Graph:
    """The same graph, computing results only."""
    pure = Graph()
    pure.__dict__.update(graph.__dict__)
    pure.effects = []
    return pure


def replay(graph: Graph, inputs: Sequence[Any]) -> list[Any]:
    """The outputs of a body's graph for tensors, op by op, as seen by the tapes and the trace at work."""
    values: dict[int, Any] = {}
    for node in without_effects(graph).live():
        values[node.number] = _evaluate(node, [values[n.number] for n in node.inputs], inputs)
    return [values[n.number] for n in graph.outputs]


def _evaluate(node: Node, given: list[Any], inputs: Sequence[Any]) -> Any:
    if node.op is INPUT:
        return inputs[node.options["index"]]
    if node.op is CONST:
        return _eager(constant_value(node))
    if node.op is ITEM:
        return given[0][node.options["index"]]
    return execute(node.op, tuple(given), node.options)


def _eager(array: Any) -> Any:
    return wrap(array if array.ndim or array.dtype == object else array[()])


def known(x: Any) -> Any:
    """A small constant of the graph as an eager tensor; other tensors as they are."""
    if not isinstance(x, GraphTensor) or x._node.op is not CONST or x._node.spec.size > SMALL:
        return x
    return _eager(constant_value(x._node))


def run(body: Body, values: Sequence[Any]) -> list[Any]:
    """A body's results for the node's inputs."""
    return replay(body.graph, [values[p] for p in body.picks])


def rounds(inputs: Sequence[Any], test: Body, body: Body, carried: int, limit: int) -> list[list[Any]] | None:
    """The carried values before each round, and after the last; None where their number is not known, or there are many."""
    values, captures = [known(x) for x in inputs[:carried]], [known(x) for x in inputs[carried:]]
    found, size = [values], len(body.graph.live())
    while len(found) - 1 != limit:
        going = run(test, [*values, *captures])[0]
        if isinstance(going, GraphTensor):
            return None
        if not bool(going):
            break
        if len(found) * size > NODES:
            return None
        values = run(body, [*values, *captures])
        found.append(values)
    return found
