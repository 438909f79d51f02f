"""MILLSTREAM_DEBUG=nan: run a graph op by op and stop at the first NaN, naming the op, the layer and the user's line."""

from typing import Any

import numpy as np

from millstream.graph import interpreter
from millstream.graph.graph import INPUT, LEAVES, Graph, Node


def run_checked(graph: Graph, inputs: list[Any]) -> list[Any]:
    """The outputs; variables get their new values. Raises: FloatingPointError at the first node that makes a NaN."""
    values: dict[int, Any] = {}
    for node in graph.live():
        value = values[node.number] = interpreter.evaluate(node, values, inputs, np)
        if _has_nan(value):
            raise FloatingPointError(_message(graph, node, values))
    for variable, node in graph.updates:
        variable._array = values[node.number]
    return [values[n.number] for n in graph.outputs]


def _has_nan(value: Any) -> bool:
    arrays = value if isinstance(value, tuple) else (value,)
    return any(a.dtype.kind in "fcV" and bool(np.isnan(a).any()) for a in map(np.asarray, arrays))


def _message(graph: Graph, node: Node, values: dict[int, Any]) -> str:
    if node.op is INPUT:
        where = np.argwhere(np.isnan(values[node.number]))[0].tolist()
        return f"The data have a NaN: input {node.options['index']} at {where} of this batch. Clean the data before training."
    if node.op in LEAVES:
        return f"{node.op.name} {node!r} is NaN already before this step ran."
    inputs = ", ".join(f"{x.op.name} {x.spec} in [{_range(values[x.number])}]" for x in node.inputs)
    return f"NaN made by {node.op.name} at {graph.note(node) or 'an unknown place'}; its inputs: {inputs}."


def _range(value: Any) -> str:
    array = np.asarray(value)
    return f"{array.min():.4g}, {array.max():.4g}" if array.size and array.dtype.kind in "fiub" else "..."
