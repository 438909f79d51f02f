"""Algebra on single nodes: neutral elements, double negations, casts to the same type, division by powers of two.

    Before   %2 = multiply(%1, 1.0)                 After   %1
    Before   %2 = real_divide(%1, 32.0)             After   %2 = multiply(%1, 0.03125)
    Before   %2 = reduce_sum(%1, axis=())           After   %1
Here because: expansion and reverse mode leave such nodes behind, and fusion should not see them.
Keeps: every value, bit for bit (x + 0 turns -0 into 0 and is kept for floats that may be -0: only integers drop it).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.op import Op, ops
from millstream.core.spec import ArraySpec
from millstream.graph.graph import CONST, Graph, Node, constant_value

Inputs = tuple[Node, ...]
Rule = Callable[[Graph, Node, Inputs], Node | None]


def simplify(graph: Graph) -> Graph:
    """The graph with every rule applied once, bottom up."""
    return graph.rewrite(_rules())


def _rules() -> dict[Op, Rule]:
    named = {op.name: op for op in ops()}
    return {named[name]: rule for name, rule in RULES.items() if name in named}


def _scalar_of(node: Node) -> Any:
    """The value that a constant has everywhere, else None."""
    value = constant_value(node) if node.op is CONST else None
    if value is None or value.dtype == object or value.size == 0:
        return None
    first = value.reshape(-1)[0]
    return first if value.size == 1 or (value == first).all() else None


def _multiply(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    for one, other in (inputs, inputs[::-1]):
        if other.spec == node.spec and _scalar_of(one) == 1:
            return other
    return None


def _add(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    if node.spec.dtype.is_integer:
        for one, other in (inputs, inputs[::-1]):
            if other.spec == node.spec and _scalar_of(one) == 0:
                return other
    return None


def _subtract(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    return inputs[0] if inputs[0].spec == node.spec and _scalar_of(inputs[1]) == 0 else None


def _divide(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    divisor = _scalar_of(inputs[1])
    if divisor is None or not node.spec.dtype.is_floating:
        return None
    if divisor == 1 and inputs[0].spec == node.spec:
        return inputs[0]
    mantissa, exponent = math.frexp(float(divisor))
    if abs(mantissa) != 0.5 or abs(exponent) > 100:
        return None
    reciprocal = np.full(inputs[1].shape, 1 / divisor, node.spec.dtype.numpy)
    times = next(op for op in ops() if op.name == "multiply")
    return graph.add(times, (inputs[0], graph.const(reciprocal, ArraySpec(inputs[1].shape, node.spec.dtype))), (), node.spec)


def _negative(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    return inputs[0].inputs[0] if inputs[0].op is node.op else None


def _same(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    return inputs[0] if inputs[0].spec == node.spec else None


def _no_axes(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    return inputs[0] if node.options["axis"] == () and inputs[0].spec == node.spec else None


def _always(graph: Graph, node: Node, inputs: Inputs) -> Node | None:
    return inputs[0]


RULES: dict[str, Rule] = {
    "multiply": _multiply,
    "add": _add,
    "subtract": _subtract,
    "real_divide": _divide,
    "negative": _negative,
    "cast": _same,
    "reshape": _same,
    "broadcast_to": _same,
    "identity": _always,
    **dict.fromkeys(("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"), _no_axes),
    "stop_gradient": _always,
    "read_variable": _always,
}
