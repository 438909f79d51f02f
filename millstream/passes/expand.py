"""Replace composite ops by what they are made of.

    Before   %2 = softmax(%1)
    After    %2 = reduce_max(%1);  %3 = subtract(%1, %2);  %4 = exp(%3);  %5 = reduce_sum(%4);  %6 = real_divide(%4, %5)
Here because: it stands first, so that everything after sees ops that have a compiled body. Equal parts of different
composites (softmax and its cross-entropy) become one by hash-consing.
Keeps: every value up to rounding.
"""

from typing import Any

from millstream.graph.graph import Graph, Node
from millstream.graph.trace import GraphTensor, Trace


def expand(graph: Graph) -> Graph:
    """The graph without composites. They may contain others, so this runs until none is left."""
    while True:
        composites = {n.op for n in graph.live() if "expand" in n.op.rules}
        if not composites:
            return graph
        graph = graph.rewrite(dict.fromkeys(composites, _expand))


def _expand(new: Graph, node: Node, inputs: tuple[Node, ...]) -> Node:
    trace = Trace(new)
    with trace.active():
        out: Any = node.op.rules["expand"](*[GraphTensor(trace, n) for n in inputs], **node.options)
    return trace.node(out)
