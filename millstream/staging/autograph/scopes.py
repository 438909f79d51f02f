"""What statements bind and change: names, attributes, and the contents of containers, in the function's own scope."""

import ast
from collections.abc import Iterable, Iterator

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
CHANGES = frozenset((
    "append", "extend", "insert", "pop", "remove", "clear", "update", "add", "discard", "setdefault", "write", "unstack", "scatter", "sort", "reverse", "popitem",
))  # fmt: skip


def own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """All nodes of a function's own scope: nested functions and classes are given, but not what is in them."""
    for node in nodes:
        yield node
        if not isinstance(node, SCOPES):
            yield from own(ast.iter_child_nodes(node))


def bound(nodes: Iterable[ast.AST]) -> list[str]:
    """The names that are assigned, in order of appearance; targets of comprehensions are names of their own scopes."""
    found: dict[str, None] = {}
    for node in _outside_comprehensions(nodes):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = None
        elif isinstance(node, ast.alias):
            found[(node.asname or node.name).split(".")[0]] = None
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            found[node.name] = None
    return list(found)


def _outside_comprehensions(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        if isinstance(node, COMPREHENSIONS):
            yield from (n for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            yield from (n.target for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            continue
        yield node
        if not isinstance(node, SCOPES):
            yield from _outside_comprehensions(ast.iter_child_nodes(node))


def declared(nodes: Iterable[ast.AST], kind: type[ast.Global] | type[ast.Nonlocal]) -> set[str]:
    """The names declared global, or nonlocal."""
    return {name for node in own(nodes) if isinstance(node, kind) for name in node.names}


def lent(nodes: Iterable[ast.AST]) -> list[str]:
    """The names that nested functions declare nonlocal: a call may change them."""
    inner = [n for n in own(nodes) if isinstance(n, ast.FunctionDef)]
    found = {name: None for n in inner for name in [*declared(n.body, ast.Nonlocal), *lent(n.body)]}
    return [name for name in found if not any(name in bound(n.body) and name not in declared(n.body, ast.Nonlocal) for n in inner)]


def parameters(args: ast.arguments) -> list[str]:
    """The names of a function's parameters."""
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, *(a for a in (args.vararg, args.kwarg) if a)]
    return [a.arg for a in every]


def is_path(node: ast.AST) -> bool:
    """Whether this is a name with attributes: `a`, `a.b.c`."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and is_path(node.value))


def attributes(nodes: Iterable[ast.AST]) -> dict[str, ast.Attribute]:
    """The attributes that are assigned, by their text: `self.count = ...`."""
    return {
        ast.unparse(n): n
        for n in own(nodes)
        if isinstance(n, ast.Attribute) and isinstance(n.ctx, (ast.Store, ast.Del)) and is_path(n.value)
    }


def containers(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """The names whose contents change: `a.append(x)`, `a[k] = x`."""
    found: dict[str, ast.expr] = {}
    for node in own(nodes):
        target: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            target = node.func.value
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
            target = node.value
            while isinstance(target, ast.Subscript):
                target = target.value
        if target is not None and is_path(target):
            found[ast.unparse(target)] = target
    return found


def contains(nodes: Iterable[ast.AST], *kinds: type[ast.AST]) -> bool:
    """Whether a node of these kinds is in the function's own scope."""
    return any(isinstance(n, kinds) for n in own(nodes))
