"""The graph: immutable nodes, each an op applied to nodes. Equal nodes are one node (hash-consing is common-subexpression elimination).

Leaves are inputs, constants and variables; a node of an op with several results is read through `item` nodes.
A node's source line and layer are kept beside it (`Graph.notes`), not in its identity.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

import millstream.core.dispatch  # noqa: F401  # says how ops are called, before the leaves below are made
from millstream.core.op import Op
from millstream.core.spec import ArraySpec


def _leaf(name: str) -> Op:
    return Op(name, lambda xp: None, mixed=True, stateful=False, samples=None, errors=())


INPUT, CONST, VARIABLE = _leaf("input"), _leaf("const"), _leaf("variable")
ITEM = Op("item", lambda xp, x, *, index: x[index], mixed=True, stateful=False, samples=None, errors=())
COPY = Op("copy", lambda xp, x: x, mixed=True, stateful=False, samples=None, errors=())
COPY.infer(lambda x: x)
COPY.scalar(lambda b, x: x)
LEAVES = frozenset((INPUT, CONST, VARIABLE))
Attrs = tuple[tuple[str, Any], ...]


class Node:
    """One op applied to nodes. `spec` is the result's shape and dtype, or a tuple of them for several results."""

    __slots__ = ("attrs", "inputs", "number", "op", "spec", "token")

    def __init__(self, op: Op, inputs: "tuple[Node, ...]", attrs: Attrs, spec: Any, token: int, number: int) -> None:
        self.op, self.inputs, self.attrs, self.spec, self.token, self.number = op, inputs, attrs, spec, token, number

    @property
    def options(self) -> dict[str, Any]:
        """The attributes as keyword arguments."""
        return dict(self.attrs)

    @property
    def shape(self) -> tuple[int, ...]:
        """The result's sizes."""
        return self.spec.shape  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"%{self.number}"


class Note(NamedTuple):
    """Where a node comes from: the user's file and line, and the layer at work."""

    file: str
    line: int
    layer: str

    def __str__(self) -> str:
        layer = f" in layer '{self.layer}'" if self.layer else ""
        return f"{self.file}:{self.line}{layer}" if self.file else layer.strip()


class ByIdentity:
    """A hashable wrapper of an object that is compared by identity (variables, big constants)."""

    __slots__ = ("target",)

    def __init__(self, target: Any) -> None:
        self.target = target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.target is other.target

    def __hash__(self) -> int:
        return id(self.target)

    def __repr__(self) -> str:
        return getattr(self.target, "name", None) or f"<{type(self.target).__name__}>"


class Graph:
    """Nodes in topological order, with what comes in and goes out.

    inputs: INPUT nodes in order. outputs: the results. updates: (variable, its new value) in order of first assignment.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.inputs: list[Node] = []
        self.outputs: list[Node] = []
        self.updates: list[tuple[Any, Node]] = []
        self.notes: dict[int, Note] = {}
        self.effects: list[Node] = []
        self._known: dict[Any, Node] = {}
        self._tokens = 0
        self._live: tuple[tuple[Node, ...], int, list[Node]] | None = None  # ends, how many nodes there were, what they need

    def add(self, op: Op, inputs: Iterable[Node], attrs: Attrs, spec: Any, note: Note | None = None) -> Node:
        """The node of this op and inputs: the one that is there, or a new one."""
        inputs = tuple(inputs)
        token = self._next_token() if op.stateful else 0
        key = (op, tuple([n.number for n in inputs]), attrs, token)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = Node(op, inputs, attrs, spec, token, len(self.nodes))
            self.nodes.append(node)
            if note is not None:
                self.notes[node.number] = note
        if op.stateful:
            self.effects.append(node)
        return node

    def fresh(self, op: Op, inputs: Iterable[Node], spec: Any) -> Node:
        """A node of its own, though an equal one may be there: a copy for another place."""
        node = Node(op, tuple(inputs), (), spec, self._next_token(), len(self.nodes))
        self.nodes.append(node)
        return node

    def _next_token(self) -> int:
        self._tokens += 1
        return self._tokens

    def input(self, spec: ArraySpec, name: str = "") -> Node:
        """A new input."""
        node = self.add(INPUT, (), (("index", len(self.inputs)), ("name", name)), spec)
        self.inputs.append(node)
        return node

    def const(self, array: Any, spec: ArraySpec) -> Node:
        """A constant; small ones of the same bytes are one node."""
        array = np.asarray(array)
        if array.nbytes <= 1024 and array.dtype != object:
            key: Any = (array.tobytes(), array.shape, spec.dtype.name)
        else:
            key = ByIdentity(array)
        return (
            self.add(CONST, (), (("key", key), ("value", ByIdentity(array))), spec)
            if key.__class__ is ByIdentity
            else self._small(array, key, spec)
        )

    def _small(self, array: Any, key: Any, spec: ArraySpec) -> Node:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self.add(CONST, (), (("value", ByIdentity(array)),), spec)
        return known

    def variable(self, variable: Any) -> Node:
        """A variable's value before this graph runs."""
        return self.add(VARIABLE, (), (("variable", ByIdentity(variable)),), variable.spec)

    def live(self) -> list[Node]:
        """The nodes that outputs, updates and effects need, in topological order (dead code simply is not reached)."""
        ends = (*self.outputs, *self.effects, *(n for _, n in self.updates))
        if self._live is None or self._live[0] != ends or self._live[1] != len(self.nodes):
            self._live = ends, len(self.nodes), self._reached(ends)
        return self._live[2]

    def _reached(self, ends: tuple[Node, ...]) -> list[Node]:
        seen = bytearray(len(self.nodes))
        stack = list(ends)
        while stack:
            node = stack.pop()
            if not seen[node.number]:
                seen[node.number] = 1
                stack += node.inputs
        return [n for n in self.nodes if seen[n.number]]

    def note(self, node: Node) -> Note | None:
        """Where a node comes from, if it is known."""
        return self.notes.get(node.number)

    def rewrite(self, rules: Mapping[Op, Callable[["Graph", Node, tuple[Node, ...]], Node | None]]) -> "Graph":
        """A new graph in which rules[op](new graph, old node, new inputs) stands for each node of that op; None keeps it."""
        new = Graph()
        new.inputs = []
        mapped: dict[int, Node] = {}
        for node in self.inputs:
            mapped[node.number] = new.input(node.spec, node.options["name"])
        for node in self.live():
            if node.number not in mapped:
                mapped[node.number] = _copy(self, new, node, mapped, rules)
        new.outputs = [mapped[n.number] for n in self.outputs]
        new.updates = [(v, mapped[n.number]) for v, n in self.updates]
        return new

    def __str__(self) -> str:
        from millstream.graph.printer import text

        return text(self)


def _copy(old: Graph, new: Graph, node: Node, mapped: dict[int, Node], rules: Mapping[Op, Any]) -> Node:
    inputs = tuple([mapped[n.number] for n in node.inputs])
    rule = rules.get(node.op)
    made = rule(new, node, inputs) if rule is not None else None
    if made is None:
        value = constant_value(node)
        made = new.add(node.op, inputs, node.attrs, node.spec) if value is None else new.const(value, node.spec)
    note = old.notes.get(node.number)
    if note is not None:
        new.notes.setdefault(made.number, note)
    return made


def constant_value(node: Node) -> Any:
    """The array of a CONST node, else None."""
    return node.options["value"].target if node.op is CONST else None


def variable_of(node: Node) -> Any:
    """The variable of a VARIABLE node."""
    return node.options["variable"].target
