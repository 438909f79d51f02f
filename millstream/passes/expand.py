"""Replace composite ops by what they are made of.

    Before   %2 = softmax(%1)
    After    %2 = reduce_max(%1);  %3 = subtract(%1, %2);  %4 = exp(%3);  %5 = reduce_sum(%4);  %6 = real_divide(%4, %5)
Here because: it stands first, so that everything after sees ops that have a compiled body. Equal parts of different
composites (softmax and its cross-entropy) become one by hash-consing.
Keeps: every value up to rounding.
"""

from typing import Any

from millstream.graph.graph import ITEM, Graph, Node
from millstream.graph.trace import GraphTensor, Trace
from millstream.passes import inline as inline  # noqa: PLC0414  # control flow has its rules there


def expand(graph: Graph) -> Graph:
    """The graph without composites. They may contain others, so this runs until none is left that has an expansion."""
    kept: set[tuple[Any, Any, Any]] = set()
    while True:
        composites = {n.op for n in graph.live() if "expand" in n.op.rules and _shape_of(n) not in kept}
        if not composites:
            return graph
        one = _Expansion(kept)
        graph = graph.rewrite({**dict.fromkeys(composites, one.node), ITEM: one.item})


def _shape_of(node: Node) -> tuple[Any, Any, Any]:
    """What an expansion depends on."""
    return node.op, node.attrs, tuple(x.spec for x in node.inputs)


class _Expansion:
    """One walk over a graph; `parts` are the results of composites of several results, by the composite's old number."""

    def __init__(self, kept: set[tuple[Any, Any, Any]]) -> None:
        self.kept = kept
        self.parts: dict[int, tuple[Node, ...]] = {}

    def node(self, new: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
        """The expansion; None where the op has none for these inputs. Of several results any stands for all: only items are read."""
        trace = Trace(new)
        with trace.active():
            out: Any = node.op.rules["expand"](*[GraphTensor(trace, n) for n in inputs], **node.options)
        if out is None:
            self.kept.add(_shape_of(node))
            return None
        if type(out) is tuple:
            self.parts[node.number] = tuple(trace.node(x) for x in out)
            return inputs[0]
        return trace.node(out)

    def item(self, new: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
        """The part of an expanded composite."""
        parts = self.parts.get(node.inputs[0].number)
        return None if parts is None else parts[node.options["index"]]
