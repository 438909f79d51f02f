"""Graphs as text, a line a node:  %4 = add(%2, %3) : float32[32, 10]   # model.py:12 in layer 'dense'."""

from typing import Any

from millstream.graph.graph import CONST, INPUT, VARIABLE, Graph, Node, constant_value, variable_of


def text(graph: Graph, notes: bool = False) -> str:
    """The live nodes, then what goes out."""
    lines = [_line(graph, n, notes) for n in graph.live()]
    lines += [f"return {', '.join(map(repr, graph.outputs))}"] if graph.outputs else []
    lines += [f"{v.name} <- {n!r}" for v, n in graph.updates]
    return "\n".join(lines)


def _line(graph: Graph, node: Node, notes: bool) -> str:
    note = graph.note(node) if notes else None
    return f"{node!r} = {_call(node)} : {_spec(node.spec)}" + (f"   # {note}" if note else "")


def _call(node: Node) -> str:
    if node.op is INPUT:
        return f"input {node.options['index']}"
    if node.op is VARIABLE:
        return f"variable '{variable_of(node).name}'"
    if node.op is CONST:
        value = constant_value(node)
        return f"const {value.tolist()}" if value.size <= 4 else "const ..."
    attrs = [f"{k}={v!r}" for k, v in node.attrs]
    return f"{node.op.name}({', '.join([*map(repr, node.inputs), *attrs])})"


def _spec(spec: Any) -> str:
    return f"({', '.join(str(s) for s in spec)})" if type(spec) is tuple else str(spec)
