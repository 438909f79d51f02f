"""Checks a finished kernel: types by the one table, every value defined before and around its uses, loops well formed."""

from __future__ import annotations

from millstream.codegen.nodes import (
    Alloc,
    Assign,
    Barrier,
    Block,
    Const,
    For,
    Function,
    If,
    Load,
    Node,
    Op,
    Register,
    Store,
    Type,
    Value,
    Var,
    blocks_of,
    operands_of,
    register_type,
)
from millstream.codegen.optypes import infer


class KernelError(ValueError):
    """A kernel that breaks a rule of the loop IR."""


def verify(function: Function) -> None:
    """Checks the whole kernel.

    Raises: KernelError naming kernel, statement and rule.
    """
    known = {v.id for v in (*function.parameters, function.thread, function.threads, function.step)}
    _Verifier(function.name).block(function.body, known, in_parallel=False)


class _Verifier:
    """One walk over the statements, with the ids that are in scope."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, node: Node | None, rule: str) -> None:
        what = type(node).__name__ if not isinstance(node, Op) else f"Op {node.name!r}"
        raise KernelError(f"Kernel {self.name!r}, {what}: {rule}.")

    def block(self, block: Block, known: set[int], in_parallel: bool) -> None:
        """Statements in order; what a block defines is forgotten after it."""
        scope = set(known)
        for node in block.body:
            self.uses(node, scope)
            self.statement(node, scope, in_parallel)

    def uses(self, node: Node, scope: set[int]) -> None:
        for value in operands_of(node):
            if not isinstance(value, Const) and value.id not in scope:
                self.fail(node, f"uses {describe(value)} outside the block that defines it, or before")

    def statement(self, node: Node, scope: set[int], in_parallel: bool) -> None:
        if isinstance(node, Value):
            self.value(node, scope)
            scope.add(node.id)
        elif isinstance(node, For):
            self.loop(node, scope, in_parallel)
        elif isinstance(node, If):
            self.branches(node, scope, in_parallel)
        elif isinstance(node, Alloc):
            scope.add(node.value.id if node.register is None else node.register.id)
        elif isinstance(node, Assign):
            self.register(node, node.register, scope)
        elif isinstance(node, Store):
            self.store(node)
        elif isinstance(node, Barrier) and in_parallel:
            self.fail(node, "stands in a parallel loop, where threads pass different numbers of times")

    def value(self, node: Value, scope: set[int]) -> None:
        if isinstance(node, Op):
            expected = infer(node.name, [v.type for v in node.operands], node.attribute)
            if node.type != expected:
                self.fail(node, f"has type {node.type} where its operands give {expected}")
        elif isinstance(node, Load):
            self.memory(node, node.pointer, node.index, node.mask, node.type)
        elif isinstance(node, Var) and node.register is not None:
            self.register(node, node.register, scope)

    def register(self, node: Node, register: Register, scope: set[int]) -> None:
        if register.id not in scope:
            self.fail(node, f"uses register {register.name} outside the block that declares it")

    def store(self, node: Store) -> None:
        if node.value.type.dtype != register_type(node.dtype).dtype:
            self.fail(node, f"stores {node.value.type} as {node.dtype}")
        self.memory(node, node.pointer, node.index, node.mask, node.value.type)

    def memory(self, node: Node, pointer: Value, index: Value, mask: Value | None, type_: Type) -> None:
        if index.type != Type("int64") or pointer.type != Type("address"):
            self.fail(node, f"needs an address and an int64 index; got {pointer.type} and {index.type}")
        if mask is not None and mask.type != Type("bool", type_.lanes):
            self.fail(node, f"has a mask of {mask.type} for {type_}")

    def loop(self, node: For, scope: set[int], in_parallel: bool) -> None:
        if node.kind not in ("serial", "parallel", "unroll"):
            self.fail(node, f"has kind {node.kind!r}; expected serial, parallel or unroll")
        if node.kind == "parallel" and in_parallel:
            self.fail(node, "is parallel inside a parallel loop")
        if node.kind == "unroll" and not all(isinstance(v, Const) for v in (node.start, node.stop, node.step)):
            self.fail(node, "is to be unrolled, but its bounds are not constants")
        if isinstance(node.step, Const) and node.step.value <= 0:
            self.fail(node, f"has step {node.step.value}; expected at least 1")
        self.block(node.body, scope | {node.index.id}, in_parallel or node.kind == "parallel")

    def branches(self, node: If, scope: set[int], in_parallel: bool) -> None:
        if node.condition.type != Type("bool"):
            self.fail(node, f"needs a scalar bool; got {node.condition.type}")
        for block in blocks_of(node):
            self.block(block, scope, in_parallel)


def describe(value: Value) -> str:
    """A value's short name in messages."""
    if isinstance(value, Var):
        return f"{value.type} {value.name}"
    return f"{value.type} v{value.id}" + (f" ({value.name})" if isinstance(value, Op) else "")
