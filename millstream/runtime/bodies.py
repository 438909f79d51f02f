"""How bodies of control flow run: compiled where that is worth it, else node by node.

A body of a few ops on single numbers (most conditions) is done by the interpreter before machine code would be called.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

from millstream.graph import interpreter
from millstream.graph.control import set_body_runner
from millstream.graph.graph import LEAVES, Graph
from millstream.passes.joins import COMPILED
from millstream.util.flags import flag

FEW, SMALL = 6, 256  # ops, and elements of a result, up to which the interpreter is quicker than a call of machine code


def make_run(graph: Graph) -> Callable[[list[Any]], list[Any]]:
    """A function from input arrays to output arrays."""
    if is_small(graph) or not is_compilable(graph):
        return lambda arrays: interpreter.run(graph, arrays)
    from millstream.runtime.executable import Executable

    executable, running = Executable(graph), [False]

    def run(arrays: list[Any]) -> list[Any]:
        if running[0]:  # a Python function within has called it again
            return interpreter.run(graph, arrays)
        running[0] = True
        try:
            return executable(*arrays)
        finally:
            running[0] = False

    return run


def is_small(graph: Graph) -> bool:
    """Whether the interpreter is the quicker one."""
    work = [n for n in graph.live() if n.op not in LEAVES]
    return len(work) <= FEW and all(s.size <= SMALL for n in work for s in (n.spec if type(n.spec) is tuple else (n.spec,)))


def is_compilable(graph: Graph) -> bool:
    """Whether there is a compiler, and compiled code for all dtypes that occur."""
    if flag("MILLSTREAM_EAGER") or importlib.util.find_spec("llvmlite") is None:
        return False
    specs = [s for n in graph.live() for s in (n.spec if type(n.spec) is tuple else (n.spec,))]
    return all(s.dtype.name in COMPILED for s in specs)


set_body_runner(make_run)
