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


def is_join(node: Node) -> bool:
    """Whether a node only puts its inputs together."""
    return "join" in node.op.rules and compiles(node)


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


def placed(graph: Graph) -> dict[int, tuple[Node, View]]:
    """Where values lie that lie in a join: number -> (the outermost join, how to read it there)."""
    found: dict[int, tuple[Node, View]] = {}
    results = {n.number for n in graph.outputs} | {n.number for _, n in graph.updates}
    for join in reversed(graph.live()):
        if is_join(join):
            root, view = found.get(join.number, (join, View.whole(join.shape)))
            for part, part_view in _parts(join, view):
                owner, plain = source(part)
                there = part_view.reshape(owner.shape)
                if plain and there is not None and owner.number not in found and owner.number not in results and _can_write_anywhere(owner):
                    found[owner.number] = root, there
    return found


def parts_elsewhere(graph: Graph) -> set[tuple[int, int]]:
    """The inputs of joins, as (join, position), that do not lie in it: they need a copy."""
    found = placed(graph)
    missing: set[tuple[int, int]] = set()
    for join in graph.live():
        if is_join(join):
            root, view = found.get(join.number, (join, View.whole(join.shape)))
            for k, (part, part_view) in enumerate(_parts(join, view)):
                owner, plain = source(part)
                if not plain or found.get(owner.number) != (root, part_view.reshape(owner.shape)):
                    missing.add((join.number, k))
    return missing


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
