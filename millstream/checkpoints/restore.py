"""Values from a checkpoint into objects: at once where the variables exist, else as soon as they are made.

A restoration stays with its root. Whoever makes variables (a layer that is built, an optimizer at its first step) says so
by `resume`, and restorations that still hold values look again.
"""

from __future__ import annotations

import weakref
from typing import Any

from millstream.checkpoints.graph import GRAPH_KEY, VALUE, View, children
from millstream.core.dispatch import eagerly
from millstream.core.dtypes import as_dtype
from millstream.core.variable import Variable
from millstream.formats.damage import DamagedFileError
from millstream.formats.messages import checkpoint_messages, parsed
from millstream.formats.tf_checkpoint import CheckpointReader

_WAITING: list[weakref.ref[Restoration]] = []


def resume() -> None:
    """Variables were made: restorations that wait for some give them their values."""
    if _WAITING:
        _WAITING[:] = [r for r in _WAITING if (found := r()) is not None and found.proceed()]


class Restoration:
    """A checkpoint on its way into the objects below a root.

    Raises: DamagedFileError for a damaged checkpoint; ValueError when a variable has another shape than its value.
    """

    def __init__(self, reader: CheckpointReader, root: Any) -> None:
        self.reader, self.root = reader, root
        self.bound: dict[int, Any] = {0: root}
        self.done: dict[int, Variable] = {}
        self.graph = self._read_graph()
        self.keys: dict[int, str] = {i: key for i, node in enumerate(self.graph.nodes) if (key := _key_of(node)) is not None}
        if self.proceed():
            vars(root).setdefault("_restorations", []).append(self)
            _WAITING.append(weakref.ref(self))

    def _read_graph(self) -> Any:
        data = self.reader.get_tensor(GRAPH_KEY)
        try:
            graph = parsed(checkpoint_messages().ObjectGraph, data)
            _check_numbers(graph)
        except (ValueError, TypeError) as error:
            raise DamagedFileError(self.reader.prefix + ".index", f"its graph of objects: {error}") from error
        return graph

    def proceed(self) -> bool:
        """Restore what can be restored now; whether values are left. All shapes are checked before the first value is set."""
        self._bind()
        new = [(i, v) for i in self.keys if i not in self.done and isinstance(v := self.bound.get(i), Variable)]
        found = [(number, v, self._value_for(number, v)) for number, v in new]
        with eagerly():
            for number, variable, array in found:
                variable.assign(array)
                self.done[number] = variable
        return len(self.done) < len(self.keys)

    def _bind(self) -> None:
        """Walk the objects along the stored graph, nearest first. What was found once stays."""
        waiting, seen = [0], {0}
        for number in waiting:
            by_name = dict(children(self.bound[number]))
            for child in self.graph.nodes[number].children:
                if child.node_id not in self.bound and child.local_name in by_name:
                    self.bound[child.node_id] = by_name[child.local_name]
                if child.node_id in self.bound and child.node_id not in seen:
                    seen.add(child.node_id)
                    waiting.append(child.node_id)
        self._bind_slots()

    def _bind_slots(self) -> None:
        for number, optimizer in list(self.bound.items()):
            for slot in self.graph.nodes[number].slot_variables:
                variable = self.bound.get(slot.original_variable_node_id)
                if isinstance(variable, Variable) and hasattr(optimizer, "get_slot"):
                    try:
                        self.bound.setdefault(slot.slot_variable_node_id, optimizer.get_slot(variable, slot.slot_name))
                    except KeyError:
                        continue

    def _value_for(self, number: int, variable: Variable) -> Any:
        key = self.keys[number]
        if not self.reader.has_tensor(key):
            raise DamagedFileError(self.reader.prefix + ".index", f"its graph of objects names {key!r}, which has no value")
        return fitting(self.reader.get_tensor(key), variable, key)

    def path_of(self, number: int) -> str:
        """A way to a node of the stored graph, for messages."""
        paths = {0: "(root)"}
        waiting = [0]
        for at in waiting:
            for child in self.graph.nodes[at].children:
                if child.node_id not in paths:
                    paths[child.node_id] = f"{paths[at]}.{child.local_name}"
                    waiting.append(child.node_id)
        for at in waiting:
            for slot in self.graph.nodes[at].slot_variables:
                of = paths.get(slot.original_variable_node_id, "?")
                paths.setdefault(slot.slot_variable_node_id, f"{paths[at]}'s state '{slot.slot_name}' for {of}")
        return paths.get(number, f"node {number}")


def _check_numbers(graph: Any) -> None:
    count = len(graph.nodes)
    if not count:
        raise ValueError("it has no nodes")
    for node in graph.nodes:
        named = [c.node_id for c in node.children]
        named += [n for s in node.slot_variables for n in (s.original_variable_node_id, s.slot_variable_node_id)]
        if any(not 0 <= n < count for n in named):
            raise ValueError(f"a node points beyond the {count} nodes there are")


def _key_of(node: Any) -> str | None:
    return next((a.checkpoint_key for a in node.attributes if a.name == VALUE), None)


def fitting(array: Any, variable: Variable, key: str) -> Any:
    """The array, when the variable can take it. Raises: ValueError for another shape or dtype."""
    if not variable.shape.is_compatible_with(getattr(array, "shape", ())):
        raise ValueError(
            f"Received incompatible tensor with shape {getattr(array, 'shape', ())} when attempting to restore variable with shape "
            f"{tuple(variable.shape)} and name {variable.name}. The value is {key!r} of the checkpoint: it was saved from a model of other sizes."
        )
    dtype = as_dtype(getattr(array, "dtype", object))
    if dtype is not variable.dtype:
        raise ValueError(f"The checkpoint's value {key!r} is {dtype.name}, and variable {variable.name} is {variable.dtype.name}.")
    return array


def restore_by_name(reader: CheckpointReader, root: Any) -> dict[int, Variable]:
    """Values of a checkpoint without a graph (TensorFlow 1's, or names of one's own) into variables of the same names."""
    view = View(root)
    variables = {i: v for i, v in enumerate(view.objects) if isinstance(v, Variable)}
    variables.update({-1 - i: slot for i, (_, _, _, slot) in enumerate(view.slots())})
    found = {
        i: (v, fitting(reader.get_tensor(v._shared_name), v, v._shared_name))
        for i, v in variables.items()
        if reader.has_tensor(v._shared_name)
    }
    with eagerly():
        for variable, array in found.values():
            variable.assign(array)
    return {i: v for i, (v, _) in found.items()}
