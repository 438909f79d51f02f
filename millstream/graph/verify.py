"""Check a graph: order, specs, ownership. Passes run it after each step when MILLSTREAM_DEBUG is 2 or more, and in tests."""

from millstream.core.spec import ArraySpec
from millstream.graph.graph import ITEM, LEAVES, Graph, Node


class BrokenGraphError(AssertionError):
    """A pass has made a graph that breaks an invariant: a mistake in Millstream, not in the user's program."""


def verify(graph: Graph) -> Graph:
    """The same graph, checked. Raises: BrokenGraphError naming the node and the rule."""
    seen: set[int] = set()
    for node in graph.live():
        _check(node.number < len(graph.nodes) and graph.nodes[node.number] is node, node, "is not in its own graph")
        _check(all(n.number in seen for n in node.inputs), node, "stands before one of its inputs")
        _check_spec(node)
        seen.add(node.number)
    for variable, node in graph.updates:
        _check(node.spec.dtype is variable.dtype, node, f"has another dtype than the variable {variable.name} that it updates")
    return graph


def _check_spec(node: Node) -> None:
    if node.op in LEAVES:
        return
    if node.op is ITEM:
        expected = node.inputs[0].spec[node.options["index"]]
    else:
        expected = node.op.output_specs([n.spec for n in node.inputs], node.options)
    _check(_same(node.spec, expected), node, f"has spec {node.spec}; its op gives {expected}")


def _same(a: ArraySpec | tuple[ArraySpec, ...], b: ArraySpec | tuple[ArraySpec, ...]) -> bool:
    return a == b


def _check(true: bool, node: Node, what: str) -> None:
    if not true:
        raise BrokenGraphError(f"{node!r} ({node.op.name}) {what}.")
