"""Which values are computed right where they are put together: the parts of a concatenation lie in its memory from the start.

    Before   %3 = tanh(%1);  %4 = exp(%2);  %5 = concat(%3, %4)      two kernels, then one that copies
    After    %3 lies at the beginning of %5's memory, %4 behind it: no kernel for %5
Here because: `prepare` (which gives every other part a copy) and `fuse` (which places values) must agree.
A value can be in one place only, and results must own their memory. Joins within joins nest.
"""

from collections.abc import Iterator

from millstream.graph.graph import LEAVES, Graph, Node
from millstream.graph.views import View

COMPILED = frozenset(("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"))


def compiles(node: Node) -> bool:
    """Whether there is compiled code for the dtypes of a node and its inputs."""
    specs = [node.spec, *[x.spec for x in node.inputs]]
    return all(type(s) is not tuple and s.dtype.name in COMPILED for s in specs)


def is_matrix_product(node: Node) -> bool:
    """Two matrices of one float type: what the tiled template takes."""
    return all(len(x.shape) == 2 and x.spec.dtype.name in ("float32", "float64") for x in node.inputs)


def source(node: Node) -> tuple[Node, bool]:
    """The node behind reshapes, and whether they only add or drop dimensions of size 1."""
    plain = True
    while node.op.name == "reshape":
        before = node.inputs[0]
        plain = plain and [n for n in before.shape if n != 1] == [n for n in node.shape if n != 1]
        node = before
    return node, plain


Placed = dict[int, tuple[Node, View]]
Missing = set[tuple[int, int]]


def placed(graph: Graph) -> tuple[Placed, Missing]:
    """Where values lie that lie in a join: number -> (the outermost join, how to read it there); and the inputs of joins
    that do not lie in it, as (join, position): they need a copy.
    """
    found: Placed = {}
    missing: Missing = set()
    results = {n.number for n in graph.outputs} | {n.number for _, n in graph.updates}
    for join in reversed([n for n in graph.live() if "join" in n.op.rules]):
        if compiles(join):
            root, view = found.get(join.number, (join, View.whole(join.shape)))
            for k, (part, part_view) in enumerate(_parts(join, view)):
                owner, plain = source(part)
                there = part_view.reshape(owner.shape) if plain and _can_write_anywhere(owner) else None
                if there is not None and owner.number not in found and owner.number not in results:
                    found[owner.number] = root, there
                else:
                    missing.add((join.number, k))
    return found, missing


def _parts(join: Node, view: View) -> Iterator[tuple[Node, View]]:
    starts = join.op.rules["join"](*[x.spec for x in join.inputs], **join.options)
    for part, begin in zip(join.inputs, starts, strict=True):
        there = view.slice(begin, part.shape, (1,) * len(part.shape))
        assert there is not None
        yield part, there


def _can_write_anywhere(node: Node) -> bool:
    """Whether the kernel that computes a node can write it with strides."""
    rules = node.op.rules
    if node.op in LEAVES or "view" in rules or not compiles(node):
        return False
    product = "contraction" in rules and is_matrix_product(node)
    return "scalar" in rules or "reduction" in rules or "join" in rules or product
