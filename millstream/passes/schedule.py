"""Order the groups, decide which variables are updated in place, and give every other result a place in one arena.

    Before   groups as found, updates as pairs (variable, node)
    After    groups in an order where a variable is overwritten only after its last reader; offsets that reuse memory
Here because: fusion has fixed what each kernel reads and writes.
Keeps: every value, bit for bit.
"""

from bisect import insort
from dataclasses import dataclass, field
from itertools import pairwise

from millstream.graph.graph import VARIABLE, Graph, Node, variable_of
from millstream.passes.fuse import Fusion, Group

ALIGN = 64


@dataclass
class Schedule:
    """What the executable runs, in order.

    stored: node number -> destinations: "arena", ("variable", v) or ("output", i).  offsets: node number -> arena byte.
    copies: (node, variable): values that reach their variable only after everything else has run.
    """

    fusion: Fusion
    order: list[Group] = field(default_factory=list)
    stored: dict[int, list[tuple[str, object]]] = field(default_factory=dict)
    offsets: dict[int, int] = field(default_factory=dict)
    copies: list[tuple[Node, object]] = field(default_factory=list)
    arena: int = 0


def schedule(graph: Graph, fusion: Fusion) -> Schedule:
    """The order, the destinations and the arena of a fused graph."""
    made = Schedule(fusion)
    in_place = _updates_in_place(graph, fusion, made)
    try:
        made.order = _ordered(fusion, in_place)
    except CyclicUpdateError:
        made.copies += [(fusion.graph.nodes[number], variable) for number, (variable, _) in in_place.items()]
        in_place = {}
        made.order = _ordered(fusion, in_place)
    _destinations(graph, fusion, made, in_place)
    _assign_arena(fusion, made)
    return made


def _readers(fusion: Fusion) -> dict[int, list[Group]]:
    """For each variable (by id) the groups that read its old value."""
    readers: dict[int, list[Group]] = {}
    for group in fusion.groups:
        for node in fusion.reads(group):
            root, _ = fusion.place(node)
            if root.op is VARIABLE:
                readers.setdefault(id(variable_of(root)), []).append(group)
    return readers


def _updates_in_place(graph: Graph, fusion: Fusion, made: Schedule) -> dict[int, tuple[object, list[Group]]]:
    """node number -> (variable, groups that must run before); what cannot be in place goes to `copies`."""
    readers, chosen = _readers(fusion), {}
    for variable, node in graph.updates:
        if node.op is VARIABLE and variable_of(node) is variable:
            continue
        group = fusion.home.get(node.number)
        before = [g for g in readers.get(id(variable), []) if g is not group]
        safe = (
            group is not None
            and node.number not in chosen
            and fusion.place(node)[0] is node
            and not any(g.deps & group.bit for g in before)
            and _reads_same_element(fusion, group, variable)
        )
        if safe:
            chosen[node.number] = variable, before
        else:
            made.copies.append((node, variable))
    return chosen


def _reads_same_element(fusion: Fusion, group: Group, variable: object) -> bool:
    """Whether a group reads the variable only at the element that it is computing."""
    anchored = set() if group.anchor is None else {x.number for m in (*group.prologue, group.anchor) for x in m.inputs}
    for node in fusion.reads(group):
        root, view = fusion.place(node)
        elsewhere = node.number in anchored or not view.is_whole or node.shape != group.domain
        if root.op is VARIABLE and variable_of(root) is variable and elsewhere:
            return False
    return True


def _ordered(fusion: Fusion, in_place: dict[int, tuple[object, list[Group]]]) -> list[Group]:
    """Round after round of groups that wait for nothing, with "read before overwritten" as further edges."""
    before = {g: set(g.needs) for g in fusion.groups}
    _keep_effects_in_order(before)
    for number, (_, readers) in in_place.items():
        before[fusion.home[number]].update(readers)
    after: dict[Group, list[Group]] = {g: [] for g in fusion.groups}
    for group, sources in before.items():
        for source in sources:
            after[source].append(group)
    waiting = {g: len(sources) for g, sources in before.items()}
    place = {g: i for i, g in enumerate(fusion.groups)}
    order, ready = [], [g for g in fusion.groups if not waiting[g]]
    while ready:
        order += ready
        following: list[Group] = []
        for group in ready:
            for follower in after[group]:
                waiting[follower] -= 1
                if not waiting[follower]:
                    following.append(follower)
        ready = sorted(following, key=place.__getitem__)
    if len(order) < len(fusion.groups):
        raise CyclicUpdateError
    return order


def _keep_effects_in_order(before: dict[Group, set[Group]]) -> None:
    """Let what prints, checks or calls Python wait for the one before it in the program."""
    effects = sorted((g for g in before if g.anchor is not None and g.anchor.op.stateful), key=lambda g: g.anchor.number if g.anchor else 0)
    for first, second in pairwise(effects):
        if not first.deps & second.bit:
            before[second].add(first)


class CyclicUpdateError(Exception):
    """Two in-place updates wait for each other: then all are made by copies at the end."""


def _destinations(graph: Graph, fusion: Fusion, made: Schedule, in_place: dict[int, tuple[object, list[Group]]]) -> None:
    outputs: dict[int, list[int]] = {}
    for i, node in enumerate(graph.outputs):
        outputs.setdefault(node.number, []).append(i)
    copied = {n.number for n, _ in made.copies}
    for group in made.order:
        for node in group.members:
            number = node.number
            if type(node.spec) is tuple or not fusion.needs_memory(node):
                continue
            root = number if fusion.place(node)[0] is node else fusion.place(node)[0].number
            places: list[tuple[str, object]] = [("variable", in_place[number][0])] if number in in_place else []
            if not places or number in copied:
                places.append(("arena", root))
            made.stored[number] = places
    for node in fusion.live:
        if node.number not in made.stored and node.op.name == "item":
            made.stored[node.number] = [("arena", node.number)]


def _assign_arena(fusion: Fusion, made: Schedule) -> None:
    """First fit over lifetimes; results live to the end."""
    born, dies = _lifetimes(fusion, made)
    taken: list[tuple[int, int, int]] = []  # offset, end, dies; by offset
    for number in sorted(born, key=lambda n: born[n]):
        node = fusion.graph.nodes[number]
        size = -(-node.spec.size * node.spec.dtype.numpy.itemsize // ALIGN) * ALIGN + ALIGN
        taken = [t for t in taken if t[2] >= born[number]]
        offset = _first_gap(taken, size)
        insort(taken, (offset, offset + size, dies[number]))
        made.offsets[number] = offset
        made.arena = max(made.arena, offset + size)


def _first_gap(busy: list[tuple[int, int, int]], size: int) -> int:
    offset = 0
    for start, end, _ in busy:
        if start - offset >= size:
            break
        offset = max(offset, end)
    return offset


def _lifetimes(fusion: Fusion, made: Schedule) -> tuple[dict[int, int], dict[int, int]]:
    """For each node in the arena: the positions of the group that makes it and of the last that reads it."""
    arena = {n for n, places in made.stored.items() if ("arena", n) in places}
    born: dict[int, int] = {}
    dies = dict.fromkeys(arena, 0)
    keep = {n.number for n, _ in made.copies} | {fusion.place(n)[0].number for n in fusion.graph.outputs}
    for position, group in enumerate(made.order):
        for node in group.members:
            owner = fusion.place(node)[0].number if type(node.spec) is not tuple else node.number
            if owner in arena:
                born.setdefault(owner, position)
            for user in fusion.users[node.number]:
                if user.number in arena and user.op.name == "item":
                    born[user.number] = position
        for node in fusion.reads(group):
            root, _ = fusion.place(node)
            if root.number in arena:
                dies[root.number] = position
    last = len(made.order)
    return born, {n: last if n in keep else max(dies[n], born[n]) for n in born}
