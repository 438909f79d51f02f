"""The table that `model.summary()` prints, in Keras 2's text."""

from collections.abc import Callable, Sequence
from typing import Any

from millstream.keras.layers.keras_tensor import Node
from millstream.keras.layers.weighty import count_params


def print_summary(
    model: Any, line_length: int | None = None, positions: Sequence[float] | None = None, print_fn: Callable[[str], Any] | None = None
) -> None:
    """Print layers, output shapes, numbers of parameters and, where the model is no chain, what each layer is connected to."""
    write = print_fn or print
    chain = is_chain(model)
    length = line_length or (65 if chain else 98)
    ends = list(positions or ((0.45, 0.85, 1.0) if chain else (0.33, 0.55, 0.67, 1.0)))
    stops = [int(length * p) for p in ends] if ends[-1] <= 1 else [int(p) for p in ends]
    write(f'Model: "{model.name}"')
    write("_" * length)
    write(_row(["Layer (type)", "Output Shape", "Param #", *([] if chain else ["Connected to"])], stops))
    write("=" * length)
    layers = model.layers
    for i, layer in enumerate(layers):
        for row in _rows(layer, None if chain else model._network.nodes):
            write(_row(row, stops))
        write(("=" if i == len(layers) - 1 else "_") * length)
    _totals(model, length, write)


def _totals(model: Any, length: int, write: Callable[[str], Any]) -> None:
    trainable, fixed = count_params(model.trainable_weights), count_params(model.non_trainable_weights)
    write(f"Total params: {trainable + fixed:,}")
    write(f"Trainable params: {trainable:,}")
    write(f"Non-trainable params: {fixed:,}")
    write("_" * length)


def _rows(layer: Any, nodes: list[Node] | None) -> list[list[Any]]:
    """The lines of one layer; nodes are those of the model, when connections are shown."""
    fields = [f"{layer.name} ({type(layer).__name__})", _shape(layer), layer.count_params()]
    if nodes is None:
        return [fields]
    ours = {id(n) for n in nodes}
    sources = [x._keras_history for n in layer._inbound_nodes if id(n) in ours for x in n.inputs]
    links = [f"{s.layer.name}[{s.node_index}][{s.tensor_index}]" for s in sources] or [""]
    return [[*fields, links[0]], *(["", "", "", link] for link in links[1:])]


def _shape(layer: Any) -> Any:
    try:
        return layer.output_shape
    except AttributeError:
        return "multiple"
    except RuntimeError:
        return "?"


def _row(fields: list[Any], stops: list[int]) -> str:
    """The fields, each cut off or filled up to end at its stop; the last column before a stop stays blank."""
    line = ""
    for i, (field, stop) in enumerate(zip(fields, stops, strict=False)):
        if i:
            line = line[:-1] + " "
        line = (line + str(field))[:stop].ljust(stop)
    return line


def is_chain(model: Any) -> bool:
    """Whether each layer just follows the one before: then no connections are shown."""
    network = getattr(model, "_network", None)
    if network is None or type(model).__name__ == "Sequential":
        return True
    seen: set[int] = set()
    for level in network.depths:
        if len(level) > 1 or len(level[0].inputs) > 1 or id(level[0].layer) in seen:
            return False
        seen.add(id(level[0].layer))
    return True
