"""Bring convolutions into the form that kernels read: filters in panels, taps listed, margins in place where channels are few.

    Before   %3 = convolution(%1, %2, pads=((1, 1), (1, 1)), ...)
    After    %3 = filter_panels(%2);  %4 = tap_convolution(%1, %3)
Here because: ops are expanded by now, and what it adds (panels, margins) must be found by fusion and scheduling as nodes.
Equal panels and margins of forward and backward convolutions become one by hash-consing.
Keeps: every value up to rounding (the order of sums is the kernel's).
"""

from typing import Any

from millstream.graph.graph import Graph, Node
from millstream.graph.trace import GraphTensor, Trace

ROUNDS = 2  # what the first brings into a kernel's form, the second may give a better one


def layout(graph: Graph) -> Graph:
    """The graph with every op that has a layout rule rewritten by it, where the rule covers its shape."""
    for _ in range(ROUNDS):
        wanted = {n.op for n in graph.live() if "layout" in n.op.rules}
        if wanted:
            graph = graph.rewrite(dict.fromkeys(wanted, _laid_out))
    return graph


def _laid_out(new: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    trace = Trace(new)
    with trace.active():
        out: Any = node.op.rules["layout"](*[GraphTensor(trace, n) for n in inputs], **node.options)
    return None if out is None else trace.node(out)
