"""Checkpointed: what a checkpoint follows from a layer: its weights by the names they were made with, and its attributes."""

from typing import Any

from millstream.checkpoints.graph import is_trackable
from millstream.core.variable import Variable

Children = list[tuple[str, Any]]


class Checkpointed:
    """A layer as a node in the graph of objects that checkpoints store."""

    _own_weights: list[Variable]

    def _checkpoint_children(self) -> Children:
        """(name, object) of everything that may hold variables."""
        own = {vars(v)["_local_name"]: v for v in vars(self).get("_own_weights", ()) if vars(v).get("_local_name")}
        held = {k: v for k, v in vars(self).get("_tracked", {}).items() if is_trackable(v)}
        return [*own.items(), *((k, v) for k, v in held.items() if own.get(k) is not v)]


def numbered(layers: list[Any]) -> Children:
    """The layers of a model by their places: `layer-2`, and `layer_with_weights-0` among those that have weights.

    While a layer waits to be built nobody knows which will have weights: then only by place.
    """
    found: Children = []
    count, known = 0, all(layer.built for layer in layers)
    for i, layer in enumerate(layers):
        if known and _has_weights(layer):
            found.append((f"layer_with_weights-{count}", layer))
            count += 1
        found.append((f"layer-{i}", layer))
    return found


def _has_weights(layer: Any) -> bool:
    try:
        return bool(layer.weights)
    except ValueError:  # a model that is not built
        return False
