"""Gather nodes into groups, each of which becomes one kernel.

    Before   %3 = matmul(%1, %2);  %5 = add(%3, %4);  %6 = relu(%5);  %8 = reshape(%6)
    After    group contract(%3) with epilogue %5, %6;  %8 is a view of %6
Here because: simplified ops are fine-grained, and memory traffic costs more than arithmetic. Views are resolved first:
they move nothing. An elementwise node joins the group of one of its inputs when both have one shape and no other
input depends on that group; a reduction swallows the elementwise group that feeds nothing else.
Keeps: every value, bit for bit (the order of sums is the anchor's own).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from millstream.graph.graph import INPUT, ITEM, LEAVES, Graph, Node
from millstream.graph.views import View, merged_axes
from millstream.passes.joins import compiles, is_matrix_product, placed

SMALL = 1024  # elements of a group that is merged with others of its domain


@dataclass(eq=False)
class Group:
    """One kernel to be. `nodes` are elementwise over `domain`, in order; `anchor` is what they follow, `prologue` what feeds it.

    needs, followers: the groups read directly, and those that read this one. deps: the bits of all that must run before.
    """

    kind: str
    domain: tuple[int, ...]
    anchor: Node | None = None
    nodes: list[Node] = field(default_factory=list)
    prologue: list[Node] = field(default_factory=list)
    bit: int = 0
    deps: int = 0
    needs: set["Group"] = field(default_factory=set)
    followers: set["Group"] = field(default_factory=set)

    @property
    def members(self) -> Iterator[Node]:
        """Every node computed here, in order."""
        yield from self.prologue
        if self.anchor is not None:
            yield self.anchor
        yield from self.nodes

    def __str__(self) -> str:
        anchor = "" if self.anchor is None else f"({self.anchor!r} {self.anchor.op.name})"
        return f"{self.kind}{anchor} {list(self.domain)}: {', '.join(f'{n!r} {n.op.name}' for n in (*self.prologue, *self.nodes))}"


class Fusion:
    """The groups of a graph in order, and where each node's value is found."""

    def __init__(self, graph: Graph, gathered: bool = False) -> None:
        self.graph, self.gathered = graph, gathered
        self.live = graph.live()
        self.groups: list[Group] = []
        self.home: dict[int, Group] = {}
        self.places: dict[int, tuple[Node, View]] = {}
        self.makers: dict[int, Node] = {}  # the computed node or leaf behind a view
        self.placed, _ = placed(graph)
        self.users: dict[int, list[Node]] = {n.number: [] for n in self.live}
        for node in self.live:
            for x in node.inputs:
                self.users[x.number].append(node)
        self.results = {n.number for n in graph.outputs} | {n.number for _, n in graph.updates}
        for node in self.live:
            self._place(node)
        self._merge_small()
        self._sink()
        self.groups = [g for g in self.groups if g.bit]

    # ------------------------------------------------------------------ where values are
    def place(self, node: Node) -> tuple[Node, View]:
        """The node whose memory holds this value, and how to read it there."""
        return self.places[node.number]

    def _place(self, node: Node) -> None:
        self.makers[node.number] = node
        if node.op in LEAVES:
            self.places[node.number] = node, View.whole(node.shape, self.gathered and node.op is INPUT)
        elif node.op is ITEM:  # its memory is filled by the call that it reads
            self.places[node.number] = node, View.whole(node.shape)
        elif "view" in node.op.rules:
            self._place_view(node)
        else:
            self._compute(node)

    def _place_view(self, node: Node) -> None:
        root, view = self.place(node.inputs[0])
        found = node.op.rules["view"](view, node.spec, **node.options)
        if found is not None:
            self.places[node.number] = root, found
            self.makers[node.number] = self.makers[node.inputs[0].number]
            return
        copy = self._open("copy", node.inputs[0].shape, node)
        self._own(node, copy)
        whole = View.whole(node.inputs[0].shape)
        self.places[node.number] = node, node.op.rules["view"](whole, node.spec, **node.options)

    def _own(self, node: Node, group: Group) -> None:
        self.home[node.number] = group
        if type(node.spec) is not tuple:
            self.places[node.number] = self.placed.get(node.number) or (node, View.whole(node.shape))

    # ------------------------------------------------------------------ groups
    def _compute(self, node: Node) -> None:
        rules = node.op.rules
        if not compiles(node):
            self._own(node, self._open("call", (), node))
        elif "join" in rules:
            self._own(node, self._open("join", (), node))
        elif "scalar" in rules:
            self._own(node, self._join(node))
        elif "reduction" in rules:
            self._own(node, self._reduce(node))
        elif "random" in rules and node.spec.dtype.name == "float32":
            self._own(node, self._open("random", node.shape, node))
        elif _moves_rows(node) and all(self.place(x)[1].is_contiguous for x in node.inputs):
            self._own(node, self._open("rows", (), node))
        elif "contraction" in rules and is_matrix_product(node):
            self._own(node, self._open("contract", node.shape, node))
        elif "kernel" in rules and (family := family_of(node)):
            self._own(node, self._open("convolve" if family in ("convolution", "winograd") else "kernel", node.shape, node))
        else:
            self._own(node, self._open("call", (), node))

    def _open(self, kind: str, domain: tuple[int, ...], anchor: Node | None, inputs: Any = None) -> Group:
        group = Group(kind, domain, anchor, bit=1 << len(self.groups))
        self.groups.append(group)
        if anchor is not None:
            for x in anchor.inputs if inputs is None else inputs:
                self._depend(group, x)
        return group

    def _source(self, x: Node) -> Group | None:
        """The group that computes x; ITEM nodes stand for the call that makes them."""
        maker = self.makers.get(x.number, x)
        if maker.op is ITEM and maker.number not in self.home:
            maker = maker.inputs[0]
        return self.home.get(maker.number)

    def _depend(self, group: Group, x: Node) -> None:
        source = self._source(x)
        if source is None or source is group or source in group.needs:
            return
        group.needs.add(source)
        source.followers.add(group)
        changed, new = [group], source.deps | source.bit
        while changed:
            one = changed.pop()
            if new & ~one.deps:
                one.deps |= new
                changed += one.followers

    def _join(self, node: Node) -> Group:
        """The latest group of an input that may take this elementwise node; a new one when none may."""
        for x in sorted(node.inputs, key=lambda n: -n.number):
            group = self.home.get(x.number)
            if group is not None and self._may_join(node, group):
                group.nodes.append(node)
                for y in node.inputs:
                    self._depend(group, y)
                return self._with_siblings(node, group)
        group = self._open("elementwise", node.shape, None)
        group.nodes.append(node)
        for y in node.inputs:
            self._depend(group, y)
        return group

    def _with_siblings(self, node: Node, group: Group) -> Group:
        """The group of a node merged with those that compute its other inputs, where neither waits for the other."""
        for x in node.inputs:
            other = self.home.get(x.number)
            if other is None or other is group or not other.kind == group.kind == "elementwise" or other.domain != group.domain:
                continue
            if self._apart(other, group):
                self._merge(other, group, node)
                group = other
        return group

    def _apart(self, other: Group, group: Group) -> bool:
        """Whether no third group stands between two, and the later one reads the other's values element by element."""
        if other.deps & group.bit:
            return False
        between = group.deps & ~other.bit & ~other.deps
        return not any(g.deps & other.bit for g in group.needs if g is not other and g.bit & between) and self._reads_elements(group, other)

    def _reads_elements(self, group: Group, other: Group) -> bool:
        inside = {n.number for n in other.nodes}
        return all(
            x.number in inside or self._source(x) is not other for node in group.nodes for x in node.inputs
        )  # a view of a value is another element of it

    def _may_join(self, node: Node, group: Group) -> bool:
        if group.kind in ("call", "random", "kernel", "join", "rows") or group.domain != node.shape:
            return False
        if group.kind in ("contract", "convolve") and not all(self._runs_along_rows(x, group) for x in node.inputs):
            return False
        for x in node.inputs:
            source = self._source(x)
            if source is group:
                if self.home.get(x.number) is not group or x.shape != node.shape or (group.kind == "copy" and x is group.anchor):
                    return False
                if x in group.prologue:
                    return False
            elif source is not None and source.deps & group.bit:
                return False
        return True

    def _runs_along_rows(self, x: Node, group: Group) -> bool:
        """Whether an epilogue can read x a vector at a time: its columns are neighbours, or all the same, and its rows lie evenly."""
        if self.home.get(x.number) is group:
            return True
        view = self.place(x)[1].broadcast(group.domain)
        return view.strides[-1] in (0, 1) and len(merged_axes(view.shape[:-1], [view.strides[:-1]])) <= 1

    def _reduce(self, node: Node) -> Group:
        x = node.inputs[0]
        feeding = self.home.get(x.number)
        if feeding is None or not self._feeds_only(feeding, node):
            return self._open("reduce", node.shape, node)
        feeding.kind, feeding.domain, feeding.anchor = "reduce", node.shape, node
        feeding.prologue, feeding.nodes = feeding.nodes, []
        return feeding

    def _feeds_only(self, group: Group, node: Node) -> bool:
        """Whether nothing but this node needs what an elementwise group computes."""
        if group.kind != "elementwise" or any(self._is_gathered(x) for m in group.nodes for x in m.inputs):
            return False
        members = {n.number for n in group.nodes}
        inside = members | {node.number}
        return not (members & self.results) and all(u.number in inside for m in group.nodes for u in self.users[m.number])

    def _is_gathered(self, x: Node) -> bool:
        """Whether a value is read row by row of the batch's list, which only elementwise nests do."""
        return x.number not in self.home and self.place(x)[1].gathered is not None

    def _merge_small(self) -> None:
        """Elementwise groups of few elements over one domain become one kernel: each would cost its compilation and a call."""
        kept: list[Group] = []
        for group in self.groups:
            if not group.bit or group.kind != "elementwise" or group.nodes[0].spec.size > SMALL:
                continue
            for other in kept:
                if other.domain == group.domain and self._apart(other, group):
                    self._merge(other, group)
                    break
            else:
                kept.append(group)

    def _merge(self, into: Group, group: Group, latest: Node | None = None) -> None:
        """Put the nodes of a group (`latest`, in it, has no home yet) into an earlier one."""
        into.nodes = sorted([*into.nodes, *group.nodes], key=lambda n: n.number)
        for node in group.nodes:
            if node is not latest:
                self.home[node.number] = into
        for source in group.needs:
            source.followers.discard(group)
            if source is not into:
                source.followers.add(into)
        for follower in group.followers:
            follower.needs.discard(group)
            if follower is not into:
                follower.needs.add(into)
        into.needs = (into.needs | group.needs) - {into, group}
        into.followers = (into.followers | group.followers) - {into, group}
        into.deps = (into.deps | group.deps) & ~into.bit
        self._spread(into, group)
        group.bit, group.nodes = 0, []

    def _spread(self, into: Group, group: Group) -> None:
        """What depended on either of two merged groups depends on what the other did."""
        seen: set[Group] = set()
        waiting = list(into.followers)
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                one.deps = (one.deps & ~group.bit) | into.bit | into.deps
                waiting += one.followers

    def _sink(self) -> None:
        """Move what only one later kernel needs, and is made of values that lie in memory anyway, into that kernel: no store, no load."""
        for group in reversed(self.groups):
            for node in group.nodes[::-1]:
                target = self._only_user(node, group) if self.home[node.number] is group else None
                if target is not None:
                    for one in self._movable(node, group, target):
                        self._move(one, group, target)

    def _move(self, node: Node, group: Group, target: Group) -> None:
        group.nodes.remove(node)
        target.nodes = sorted([*target.nodes, node], key=lambda n: n.number)
        self.home[node.number] = target
        for x in node.inputs:
            self._depend(target, x)

    def _movable(self, node: Node, group: Group, target: Group) -> list[Node]:
        """The node and what feeds nothing else, inputs first; none when an input is neither in memory nor among them."""
        moved, waiting = {node.number: node}, [node]
        while waiting:
            for x in waiting.pop().inputs:
                if x.number in moved or self._is_stored(x, group, target):
                    continue
                if x not in group.nodes or any(u.number not in moved for u in self.users[x.number]):
                    return []
                moved[x.number] = x
                waiting.append(x)
        return [moved[n] for n in sorted(moved)] if len(moved) < len(group.nodes) else []

    def _only_user(self, node: Node, group: Group) -> Group | None:
        """The one other group whose elementwise part alone reads a node directly."""
        if node.number in self.results or node.number in self.placed or len(group.nodes) < 2:
            return None
        homes = {id(h): h for h in (self.home.get(u.number) for u in self.users[node.number])}
        if len(homes) != 1:
            return None
        target = next(iter(homes.values()))
        if target is None or target is group or target.domain != node.shape or target.kind not in ("elementwise", "contract"):
            return None
        return target if all(u in target.nodes for u in self.users[node.number]) else None

    def _is_stored(self, x: Node, group: Group, target: Group) -> bool:
        """Whether an input of a node is in memory without it, and can be read by the other kernel."""
        if target.kind == "contract" and (self._is_gathered(x) or not self._runs_along_rows(x, target)):
            return False
        if self.home.get(x.number) is not group or x.number in self.results or x.number in self.placed:
            return True
        return any(self.home.get(u.number) is not group for u in self.users[x.number])

    # ------------------------------------------------------------------ what kernels read and write
    def reads(self, group: Group) -> list[Node]:
        """The nodes whose values the group reads from memory, each once."""
        members = {n.number for n in group.members}
        found: dict[int, Node] = {}
        for node in group.members:
            for x in node.inputs:
                if x.number not in members or self.places[x.number][0] is not x:
                    found[x.number] = x
        return list(found.values())

    def needs_memory(self, node: Node) -> bool:
        """Whether a computed node's value must be stored: another group reads it, or it is a result."""
        if node.number in self.results or node.op is ITEM:
            return True
        group = self.home[node.number]
        return any(self.home.get(u.number) is not group for u in self.users[node.number])


def _moves_rows(node: Node) -> bool:
    """Whether rows of a table are taken or added to by their numbers."""
    return (
        "rows" in node.op.rules
        and node.op.rules["rows"](**node.options) is not None
        and node.inputs[1].spec.dtype.name in ("int32", "int64")
    )


def family_of(node: Node) -> str | None:
    """Which family of kernels computes a node whose op has such a rule; None for shapes and types that it does not cover."""
    if any(x.spec.dtype.name not in ("float32", "float64") for x in node.inputs):
        return None
    found: str | None = node.op.rules["kernel"](*[x.spec for x in node.inputs], **node.options)
    return found
