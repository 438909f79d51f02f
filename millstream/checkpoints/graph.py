"""The graph of objects that hold variables, as checkpoints store it: nodes with named children, values at the variables.

A variable's key is the shortest way to it: `layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE`. A slot, such as
Adam's m of a kernel, is named after both: `.../kernel/.OPTIMIZER_SLOT/optimizer/m/.ATTRIBUTES/VARIABLE_VALUE`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from millstream.core.variable import Variable
from millstream.formats.messages import checkpoint_messages

GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "VARIABLE_VALUE"
Children = list[tuple[str, Any]]


# ---------------------------------------------------------------------------------------------- who holds whom
def children(thing: Any) -> Children:
    """The (name, object) pairs that a checkpoint follows from an object, in order; [] for variables and what holds nothing."""
    if isinstance(thing, Variable):
        return []
    own = getattr(type(thing), "_checkpoint_children", None)
    if own is not None:
        found: Children = own(thing)
        return found
    if isinstance(thing, Mapping):
        return [(k, v) for k, v in thing.items() if isinstance(k, str) and is_trackable(v)]
    if isinstance(thing, (list, tuple)):
        names = getattr(thing, "_fields", None) or [str(i) for i in range(len(thing))]
        return [(n, v) for n, v in zip(names, thing, strict=True) if is_trackable(v)]
    return attributes(thing) if _is_module(thing) else []


def attributes(thing: Any) -> Children:
    """The attributes of an object that lead to variables, in the order in which they were set."""
    return [(k, v) for k, v in vars(thing).items() if is_trackable(v)]


def is_trackable(x: Any) -> bool:
    """Whether a checkpoint follows this object. Lists and dictionaries count when something in them does."""
    if isinstance(x, Variable) or hasattr(type(x), "_checkpoint_children") or _is_module(x):
        return True
    if isinstance(x, Mapping):
        return any(isinstance(k, str) and is_trackable(v) for k, v in x.items())
    return isinstance(x, (list, tuple)) and any(is_trackable(v) for v in x)


def _is_module(x: Any) -> bool:
    return hasattr(type(x), "_TF_MODULE_IGNORED_PROPERTIES")


class View:
    """All objects below a root, nearest first, and a shortest way to each."""

    def __init__(self, root: Any) -> None:
        self.objects: list[Any] = [root]
        self.numbers: dict[int, int] = {id(root): 0}
        self.paths: list[str] = [""]
        self.links: list[Children] = []
        for at, thing in enumerate(self.objects):  # the list grows while it is walked
            self.links.append(children(thing))
            for name, child in self.links[at]:
                if id(child) not in self.numbers:
                    self.numbers[id(child)] = len(self.objects)
                    self.objects.append(child)
                    self.paths.append(_join(self.paths[at], name))

    def slots(self) -> Iterator[tuple[int, int, str, Variable]]:
        """(optimizer's number, variable's number, name, slot) for every slot of the optimizers found."""
        for at, thing in enumerate(self.objects):
            if not hasattr(thing, "get_slot_names"):
                continue
            for name in thing.get_slot_names():
                for number, variable in enumerate(self.objects):
                    if isinstance(variable, Variable):
                        try:
                            yield at, number, name, thing.get_slot(variable, name)
                        except KeyError:
                            continue


def _join(path: str, name: str) -> str:
    return f"{path}/{escaped(name)}" if path else escaped(name)


def escaped(name: str) -> str:
    """A name as part of a key: dots doubled, slashes hidden.

    >>> escaped("a.b/c")
    'a..b.Sc'
    """
    return name.replace(".", "..").replace("/", ".S")


# ---------------------------------------------------------------------------------------------- to a file
def describe(root: Any) -> tuple[bytes, dict[str, Variable]]:
    """The graph below a root as a message's bytes, and its variables by key."""
    view, variables = View(root), {}
    message = checkpoint_messages().ObjectGraph()
    for at, thing in enumerate(view.objects):
        node = message.nodes.add()
        for name, child in view.links[at]:
            node.children.add(node_id=view.numbers[id(child)], local_name=name)
        if isinstance(thing, Variable):
            variables[_value(node, thing, view.paths[at])] = thing
    for optimizer, number, name, slot in view.slots():
        if id(slot) in view.numbers:
            continue
        message.nodes[optimizer].slot_variables.add(
            original_variable_node_id=number, slot_name=name, slot_variable_node_id=len(message.nodes)
        )
        path = f"{view.paths[number]}/.OPTIMIZER_SLOT/{_join(view.paths[optimizer], name)}"
        variables[_value(message.nodes.add(), slot, path)] = slot
    return message.SerializeToString(), variables


def _value(node: Any, variable: Variable, path: str) -> str:
    """Note the variable in its node; gives its key."""
    key = f"{path}/.ATTRIBUTES/{VALUE}" if path else f".ATTRIBUTES/{VALUE}"
    node.attributes.add(name=VALUE, full_name=variable._shared_name, checkpoint_key=key)
    return key


def values(root: Any) -> dict[str, Any]:
    """What a checkpoint of this root holds: every variable's array by its key, and the graph."""
    graph, variables = describe(root)
    return {**{key: v._array for key, v in variables.items()}, GRAPH_KEY: graph}
