"""Pseudo-C of a kernel, for people: `print(function)`."""

from __future__ import annotations

from collections.abc import Iterator

from millstream.codegen.nodes import (
    Alloc,
    Assign,
    Barrier,
    Block,
    Call,
    Const,
    For,
    Function,
    If,
    Load,
    Node,
    Op,
    Store,
    Value,
    Var,
)

INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "rem": "%",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "and": "&",
    "or": "|",
    "xor": "^",
    "shl": "<<",
    "lshr": ">>>",
    "ashr": ">>",
}
PREFIX = {"neg": "-", "not": "~"}


def pseudo_c(function: Function) -> str:
    """The kernel's text, one statement a line."""
    signature = ", ".join(
        f"{function.pointers[p.id]}* {p.name}" if p.id in function.pointers else f"{p.type} {p.name}" for p in function.parameters
    )
    lines = [f"void {function.name}({signature}) {{", *_block(function.body, "  "), "}"]
    return "\n".join(lines)


def _block(block: Block, indent: str) -> Iterator[str]:
    for node in block.body:
        if isinstance(node, For):
            yield from _for(node, indent)
        elif isinstance(node, If):
            yield from _if(node, indent)
        elif not (isinstance(node, Var) and node.register is None):
            yield indent + _line(node)


def _for(node: For, indent: str) -> Iterator[str]:
    kind = "" if node.kind == "serial" else node.kind + " "
    i, step = node.index.name, "++" if isinstance(node.step, Const) and node.step.value == 1 else f" += {name(node.step)}"
    yield f"{indent}{kind}for (int64 {i} = {name(node.start)}; {i} < {name(node.stop)}; {i}{step}) {{"
    yield from _block(node.body, indent + "  ")
    yield indent + "}"


def _if(node: If, indent: str) -> Iterator[str]:
    yield f"{indent}if ({name(node.condition)}) {{"
    yield from _block(node.then, indent + "  ")
    if node.other is not None:
        yield indent + "} else {"
        yield from _block(node.other, indent + "  ")
    yield indent + "}"


def _line(node: Node) -> str:
    if isinstance(node, Value):
        return f"{node.type} {name(node)} = {_expression(node)};"
    if isinstance(node, Store):
        return f"{_place(node.pointer, node.index, node.stride, node.mask, node.value.type.lanes)} = {name(node.value)};"
    if isinstance(node, Assign):
        return f"{node.register.name} = {name(node.value)};"
    if isinstance(node, Alloc):
        return _alloc(node)
    if isinstance(node, Call):
        return f"{node.name}({', '.join(map(name, node.operands))});"
    assert isinstance(node, Barrier)
    return "barrier();"


def _alloc(node: Alloc) -> str:
    if node.register is None:
        return f"{node.dtype} {name(node.value)}[{node.count}];"
    return f"register {node.register.type} {node.register.name} = {name(node.value)};"


def _expression(node: Value) -> str:
    if isinstance(node, Var):
        return node.name
    if isinstance(node, Load):
        return _place(node.pointer, node.index, node.stride, node.mask, node.type.lanes)
    assert isinstance(node, Op)
    operands = [name(v) for v in node.operands]
    if node.name in INFIX:
        return f" {INFIX[node.name]} ".join(operands)
    if node.name in PREFIX:
        return PREFIX[node.name] + operands[0]
    extra = [] if node.attribute is None else [str(node.attribute)]
    return f"{node.name}({', '.join(operands + extra)})"


def _place(pointer: Value, index: Value, stride: Value | None, mask: Value | None, lanes: int) -> str:
    lane = "" if lanes == 1 else f" : {lanes}"
    step = "" if stride is None else f" : {name(stride)}"
    where = "" if mask is None else f" if {name(mask)}"
    return f"{name(pointer)}[{name(index)}{lane}{step}{where}]"


def name(value: Value) -> str:
    """How a value is called in the text: constants by their number, parameters by name, others by v and a number."""
    if isinstance(value, Const):
        return str(value.value)
    if isinstance(value, Var) and value.register is None:
        return value.name
    return f"v{value.id}"
