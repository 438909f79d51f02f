"""Give every result, and every row-gathering input, a node of its own that is computed; pack what the matrix product cannot read.

    Before   v <- %2 (an input);  %5 = matmul(%3, %4, transpose_b=True)
    After    %6 = copy(%2), v <- %6;  %7 = transpose(%4), %8 = copy(%7), %5 = matmul(%3, %8)
Here because: fusion and scheduling then need no special cases: results are computed nodes that own their memory, only
copies read gathered rows, and the right factor of a product runs along its rows. Copies fuse with their neighbours.
Keeps: every value, bit for bit.
"""

from millstream.core.op import Op, Rule
from millstream.graph.graph import COPY, INPUT, LEAVES, Graph, Node
from millstream.graph.views import View
from millstream.passes.joins import placed, source

DEEP = 1024  # rows of a left factor read down its columns, from which on a copy pays


def prepare(graph: Graph, gathered: bool) -> Graph:
    """The graph with copies where something must own its memory."""
    new = graph.rewrite({n.op: rule for n in graph.live() if (rule := _rule(n)) is not None})
    if gathered:
        new = _gather(new)
    new = _place_parts(new)
    new.outputs = [_owned(new, n) for n in new.outputs]
    new.updates = [(v, _owned(new, n)) for v, n in new.updates]
    return new


def _owned(graph: Graph, node: Node) -> Node:
    if node.op in LEAVES or "view" in node.op.rules:
        return graph.add(COPY, (node,), (), node.spec)
    return node


def _gather(graph: Graph) -> Graph:
    """Read each input through one copy."""
    new = Graph()
    mapped: dict[int, Node] = {}
    for node in graph.inputs:
        made = new.input(node.spec, node.options["name"])
        mapped[node.number] = new.add(COPY, (made,), (), node.spec)
    for node in graph.live():
        if node.op is not INPUT:
            mapped[node.number] = new.add(node.op, [mapped[n.number] for n in node.inputs], node.attrs, node.spec, graph.note(node))
    new.outputs = [mapped[n.number] for n in graph.outputs]
    new.updates = [(v, mapped[n.number]) for v, n in graph.updates]
    return new


def _place_parts(graph: Graph) -> Graph:
    """A copy for each part of a join that cannot be computed where it belongs."""
    _, missing = placed(graph)
    if not missing:
        return graph

    def copied(new: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
        wanted = [(node.number, k) in missing for k in range(len(inputs))]
        if not any(wanted):
            return None
        parts = [_copied(new, x) if w else x for x, w in zip(inputs, wanted, strict=True)]
        return new.add(node.op, parts, node.attrs, node.spec)

    return graph.rewrite({n.op: copied for n in graph.live() if "join" in n.op.rules})


def _copied(graph: Graph, part: Node) -> Node:
    """A copy of its own, behind reshapes that only add dimensions, so that it can join what computes the value."""
    owner, plain = source(part)
    if not plain:
        return graph.fresh(COPY, (part,), part.spec)
    copy = graph.fresh(COPY, (owner,), owner.spec)
    return copy if part.shape == copy.shape else graph.add(part.op, (copy,), (("shape", part.shape),), part.spec)


def _pack(graph: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """The product with its right factor copied to run along rows, and a deep left one to run along k, where they do not already."""
    left, right = inputs
    options = node.options
    if _is_deep(left, options.get("transpose_a", False)):
        left, options = _turned(graph, left), {**options, "transpose_a": False}
    if not _runs_along_rows(right, options.get("transpose_b", False)):
        right = _turned(graph, right) if options.get("transpose_b", False) else graph.add(COPY, (right,), (), right.spec)
        options = {**options, "transpose_b": False}
    if left is inputs[0] and right is inputs[1]:
        return None
    return graph.add(node.op, (left, right), tuple((k, options[k]) for k, _ in node.attrs), node.spec)


def _is_deep(left: Node, transposed: bool) -> bool:
    """Whether a factor is read down its columns, and they are so long that every number of a tile comes from a line of its own, again and again."""
    return transposed and len(left.shape) == 2 and left.shape[0] >= DEEP and left.shape[1] > 1


def _runs_along_rows(right: Node, transposed: bool) -> bool:
    """Whether the right factor's columns are neighbours in memory."""
    view = view_of(right)
    return len(right.shape) != 2 or view is None or 1 in right.shape or view.strides[0 if transposed else 1] == 1


def _turned(graph: Graph, x: Node) -> Node:
    turned = graph.add(_transpose_op(), (x,), (("perm", (1, 0)),), _swapped(x))
    return graph.add(COPY, (turned,), (), turned.spec)


def _line_up(graph: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """Rows that are moved by their numbers, read from memory row by row."""
    views = [view_of(x) for x in inputs]
    if all(v is not None and v.is_contiguous for v in views):
        return None
    lined = [x if v is not None and v.is_contiguous else graph.add(COPY, (x,), (), x.spec) for x, v in zip(inputs, views, strict=True)]
    return graph.add(node.op, lined, node.attrs, node.spec)


def _in_rows(graph: Graph, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    """The op of a kernel with copies of those inputs that do not lie as it needs them: in order, or at least the last axis along memory."""
    whole = "whole" in node.op.rules
    direct = [_lies_well(view_of(x), whole) for x in inputs]
    if all(direct):
        return None
    copies = [x if d else graph.add(COPY, (x,), (), x.spec) for x, d in zip(inputs, direct, strict=True)]
    return graph.add(node.op, copies, node.attrs, node.spec)


def _lies_well(view: View | None, whole: bool) -> bool:
    if view is None or view.gathered is not None:
        return False
    return view.is_whole if whole else view.strides[-1] == 1 or view.shape[-1] == 1


def _rule(node: Node) -> Rule | None:
    """What makes a node's inputs lie as its kernel reads them."""
    rules = node.op.rules
    return _pack if "contraction" in rules else _in_rows if "kernel" in rules else _line_up if "rows" in rules else None


def _swapped(node: Node) -> object:
    return node.spec._replace(shape=node.shape[::-1])


def _transpose_op() -> Op:
    from millstream.core.op import ops

    return next(o for o in ops() if o.name == "transpose")


def view_of(node: Node) -> View | None:
    """How a node is read from the computed node or leaf behind it; None when a copy will stand between."""
    if "view" not in node.op.rules:
        return View.whole(node.shape)
    view = view_of(node.inputs[0])
    return None if view is None else node.op.rules["view"](view, node.spec, **node.options)
