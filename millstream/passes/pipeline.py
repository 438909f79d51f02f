"""The compiler's passes, in order, each with the reason it stands there."""

import sys
import time
from collections.abc import Callable

from millstream.graph.graph import Graph
from millstream.graph.verify import verify
from millstream.passes.expand import expand
from millstream.passes.fuse import Fusion
from millstream.passes.layout import layout
from millstream.passes.prepare import prepare
from millstream.passes.schedule import Schedule, schedule
from millstream.passes.simplify import simplify
from millstream.util.flags import debug_level

Pass = Callable[[Graph], Graph]


def passes(gathered: bool) -> list[tuple[str, Pass]]:
    """Name and function of every pass over graphs, in order."""
    return [
        ("expand", expand),  # first: everything after sees ops with a compiled body
        ("simplify", simplify),  # expansion and reverse mode leave neutral elements behind
        ("layout", layout),  # after simplify: it adds nodes that are worth their memory only where the convolution stays
        ("prepare", lambda g: prepare(g, gathered)),  # last over graphs: fusion must find results and packed factors as nodes
    ]


def run(graph: Graph, gathered: bool = False) -> Schedule:
    """The schedule of a traced graph. gathered: the first axis of every input goes through the batch's list of rows."""
    level = debug_level()
    for name, step in passes(gathered):
        start = time.perf_counter()
        graph = step(graph)
        if level >= 2:
            _report(name, time.perf_counter() - start, graph, level)
    start = time.perf_counter()
    made = schedule(graph, Fusion(graph, gathered))
    if level >= 2:
        sys.stderr.write(f"millstream: fuse, schedule {1e3 * (time.perf_counter() - start):.2f} ms, {len(made.order)} kernels\n")
    if level >= 3:
        sys.stderr.write("\n".join(map(str, made.order)) + "\n")
    return made


def _report(name: str, seconds: float, graph: Graph, level: int) -> None:
    verify(graph)
    sys.stderr.write(f"millstream: {name} {1e3 * seconds:.2f} ms, {len(graph.live())} nodes\n")
    if level >= 3:
        sys.stderr.write(f"{graph}\n")
