"""plot_model: a model's layers as a graph, in the DOT language; pictures are drawn by Graphviz where it is installed."""

import os
import shutil
import subprocess
from typing import Any

from millstream.util.export import export


def _label(layer: Any, shapes: bool, dtype: bool, names: bool) -> str:
    kind = type(layer).__name__
    text = f"{layer.name}: {kind}" if names else kind
    if dtype:
        text += f" | {layer.dtype}"
    if shapes:
        found = [str(getattr(layer, a, "multiple")) for a in ("input_shape", "output_shape")]
        text = f"{{{text} | {{input: | output:}} | {{{found[0]} | {found[1]}}}}}"
    return text.replace('"', "'")


def _sources(layer: Any, layers: list[Any], at: int) -> list[Any]:
    """The layers whose outputs a layer reads: those that its calls name, or the one before in a Sequential."""
    inbound = [parent.layer for node in getattr(layer, "_inbound_nodes", ()) for parent in node.parents]
    known = [s for s in inbound if any(s is other for other in layers)]
    return known or (layers[at - 1 : at] if not inbound and at else [])


def dot_of(model: Any, shapes: bool, dtype: bool, names: bool, rankdir: str) -> str:
    """The graph as text in the DOT language."""
    lines = ["digraph G {", f"rankdir={rankdir};", "concentrate=true;", "node [shape=record];"]
    layers = list(model.layers)
    lines += [f'{i} [label="{_label(layer, shapes, dtype, names)}"];' for i, layer in enumerate(layers)]
    for i, layer in enumerate(layers):
        lines += [f"{next(j for j, other in enumerate(layers) if other is s)} -> {i};" for s in _sources(layer, layers, i)]
    return "\n".join([*lines, "}", ""])


@export("tf.keras.utils.plot_model")
def plot_model(
    model: Any, to_file: Any = "model.png", show_shapes: bool = False, show_dtype: bool = False, show_layer_names: bool = True, rankdir: str = "TB",
    expand_nested: bool = False, dpi: int = 96,
) -> None:  # fmt: skip
    """Draw a model's layers into a file: .dot (text), or .png, .svg, .pdf by Graphviz's program `dot`.

    Raises: ValueError for a model that is not built; ImportError when a picture is asked for and `dot` is not installed.
    """
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or calling the model on a batch of data."
        )
    text = dot_of(model, show_shapes, show_dtype, show_layer_names, rankdir)
    path = os.fspath(to_file)
    kind = os.path.splitext(path)[1].lstrip(".") or "png"
    if kind == "dot":
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    program = shutil.which("dot")
    if program is None:
        raise ImportError(
            "plot_model draws with Graphviz, which is not installed: install it, or write the graph as text with to_file='model.dot'."
        )
    subprocess.run([program, f"-T{kind}", f"-Gdpi={dpi}", "-o", path], input=text.encode(), check=True)  # noqa: S603  (a program found by name)
