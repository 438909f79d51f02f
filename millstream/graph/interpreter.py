"""Run a graph node by node with each op's meaning: the reference for compiled code, and what runs where LLVM is missing."""

from typing import Any

import numpy as np

from millstream.graph.graph import CONST, INPUT, VARIABLE, Graph, Node, constant_value, variable_of


def run(graph: Graph, inputs: list[Any], xp: Any = np) -> list[Any]:
    """The outputs for these input arrays; variables of the graph get their new values."""
    values: dict[int, Any] = {}
    for node in graph.live():
        values[node.number] = evaluate(node, values, inputs, xp)
    for variable, node in graph.updates:
        variable._array = values[node.number]
    return [values[n.number] for n in graph.outputs]


def evaluate(node: Node, values: dict[int, Any], inputs: list[Any], xp: Any) -> Any:
    """One node's value from those of its inputs."""
    if node.op is INPUT:
        return inputs[node.options["index"]]
    if node.op is CONST:
        return constant_value(node)
    if node.op is VARIABLE:
        return variable_of(node)._array
    with np.errstate(all="ignore"):
        return node.op.meaning(xp, *[values[n.number] for n in node.inputs], **node.options)
