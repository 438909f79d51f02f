"""return, break and continue inside of control flow, written with flags and ifs.

Before   if c: return a          After   if c: ret = a
         b = f(); return b               else: b = f(); ret = b
                                         return ret
Before   while t: (A; if c: break; B)    After   stop = False; while not stop and t: (A; if c: stop = True; else: B)
"""

import ast
from collections.abc import Sequence
from itertools import count

from millstream.staging.autograph.scopes import own

RESULT, DONE = "_ms_result", "_ms_done"
FLAGS = ("_ms_",)
_LOOPS = (ast.For, ast.While)


def name(identifier: str) -> ast.Name:
    """A name being read."""
    return ast.Name(identifier, ast.Load())


def assign(identifier: str, value: ast.expr, at: ast.AST) -> ast.stmt:
    """identifier = value, at a line of the user's."""
    made = ast.Assign([ast.Name(identifier, ast.Store())], value)
    return ast.fix_missing_locations(ast.copy_location(made, at))


class Loop:
    """The flags of one loop."""

    def __init__(self, number: int) -> None:
        self.stop, self.skip = f"_ms_break{number}", f"_ms_continue{number}"


def _jumps(statement: ast.AST, inside_loop: bool) -> bool:
    """Whether a statement may leave the block that it stands in."""
    if isinstance(statement, ast.Return):
        return True
    if isinstance(statement, (ast.Break, ast.Continue)):
        return inside_loop
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return False
    if isinstance(statement, (*_LOOPS, ast.AsyncFor)):
        return any(_jumps(s, False) for s in statement.body) or any(_jumps(s, inside_loop) for s in statement.orelse)
    return any(_jumps(s, inside_loop) for s in ast.iter_child_nodes(statement))


def _always_jumps(statements: Sequence[ast.stmt]) -> bool:
    """Whether the end of a block is never reached."""
    for s in statements:
        if isinstance(s, (ast.Return, ast.Break, ast.Continue, ast.Raise)):
            return True
        if isinstance(s, ast.If) and s.orelse and _always_jumps(s.body) and _always_jumps(s.orelse):
            return True
        if isinstance(s, (ast.With, ast.AsyncWith)) and _always_jumps(s.body):
            return True
    return False


class Jumps:
    """Rewrites one function's body."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.read: set[str] = set()
        self.used = False

    def function(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The body with at most one return, at its end."""
        nested = [s for s in body if not isinstance(s, ast.Return) and _jumps(s, True)]
        loops = [n for n in own(body) if isinstance(n, _LOOPS) and (n.orelse or any(_jumps(s, True) for s in n.body))]
        if not nested and not loops:
            return body
        self.used = bool(nested)
        last = body[-1]
        if self.used and not _always_jumps(body):
            body = [*body, ast.copy_location(ast.Return(None), last)]
        made = self.block(body, None)
        if self.used:
            end = ast.Return(ast.Call(ast.Attribute(name("_ms"), "result", ast.Load()), [name(RESULT)], []))
            made = [assign(DONE, ast.Constant(False), body[0]), *made, ast.fix_missing_locations(ast.copy_location(end, last))]
        return _without_unread(made, self.read)

    def block(self, statements: Sequence[ast.stmt], loop: Loop | None) -> list[ast.stmt]:
        """A block in which nothing jumps."""
        made: list[ast.stmt] = []
        for k, s in enumerate(statements):
            rest = list(statements[k + 1 :])
            if isinstance(s, (ast.Return, ast.Break, ast.Continue)):
                return [*made, *self._jump(s, loop)]
            if isinstance(s, _LOOPS):
                made += self._loop(s, loop)
            else:
                if isinstance(s, ast.If):
                    rest = self._move_rest(s, rest)
                self._inside(s, loop)
                made.append(s)
            flags = [f for f in self._flags(loop) if _sets(made[-2:], f)]
            if flags or not rest:
                return [*made, self._unless(self.block(rest, loop), flags, rest[0])] if rest else made
        return made

    def _flags(self, loop: Loop | None) -> list[str]:
        return [*([DONE] if self.used else []), *([loop.stop, loop.skip] if loop else [])]

    def _move_rest(self, s: ast.If, rest: list[ast.stmt]) -> list[ast.stmt]:
        if rest and _always_jumps(s.body):
            s.orelse, rest = [*s.orelse, *rest], []
        elif rest and s.orelse and _always_jumps(s.orelse):
            s.body, rest = [*s.body, *rest], []
        return rest

    def _jump(self, s: ast.stmt, loop: Loop | None) -> list[ast.stmt]:
        if isinstance(s, ast.Return):
            if not self.used:
                return [s]
            return [assign(RESULT, s.value or ast.Constant(None), s), assign(DONE, ast.Constant(True), s)]
        assert loop is not None
        return [assign(loop.stop if isinstance(s, ast.Break) else loop.skip, ast.Constant(True), s)]

    def _loop(self, s: ast.For | ast.While, outer: Loop | None) -> list[ast.stmt]:
        """The loop with its flags before it; they are read by its condition, which stands in `s.flags`."""
        inner = Loop(next(self._numbers))
        breaks = any(isinstance(n, ast.Break) for n in _of_loop(s.body))
        skips = any(isinstance(n, ast.Continue) for n in _of_loop(s.body))
        returns = any(_jumps(b, False) for b in s.body)
        s.body = self.block(s.body, inner)
        if skips:
            s.body = [assign(inner.skip, ast.Constant(False), s), *s.body]
        flags = [*([inner.stop] if breaks else []), *([DONE] if returns else [])]
        self.read.update(flags)
        s.flags = flags  # type: ignore[union-attr]  # for transform.py
        made: list[ast.stmt] = [assign(inner.stop, ast.Constant(False), s), s] if breaks else [s]
        if s.orelse:
            ending, s.orelse = self.block(s.orelse, outer), []
            made += [self._unless(ending, flags, s)] if flags else ending
        return made

    def _inside(self, s: ast.stmt, loop: Loop | None) -> None:
        """Rewrite the blocks of an if, with, try or match statement."""
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            return
        for field in ("body", "orelse", "finalbody"):
            if getattr(s, field, None):
                setattr(s, field, self.block(getattr(s, field), loop))
        for part in (*getattr(s, "handlers", ()), *getattr(s, "cases", ())):
            part.body = self.block(part.body, loop)

    def _unless(self, statements: list[ast.stmt], flags: list[str], at: ast.AST) -> ast.stmt:
        self.read.update(flags)
        test = ast.UnaryOp(ast.Not(), name(flags[0]) if len(flags) == 1 else ast.BoolOp(ast.Or(), [name(f) for f in flags]))
        return ast.fix_missing_locations(ast.copy_location(ast.If(test, statements, []), at))


def _sets(statements: Sequence[ast.stmt], flag: str) -> bool:
    """Whether a flag is set to true."""
    return any(
        isinstance(n, ast.Assign)
        and isinstance(n.targets[0], ast.Name)
        and n.targets[0].id == flag
        and getattr(n.value, "value", None) is True
        for n in own(statements)
    )


def _of_loop(statements: Sequence[ast.AST]) -> list[ast.AST]:
    """The nodes of a loop's body that are not in a loop or function within it."""
    found: list[ast.AST] = []
    for s in statements:
        found.append(s)
        if isinstance(s, _LOOPS):
            found += _of_loop(s.orelse)
        elif not isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            found += _of_loop(list(ast.iter_child_nodes(s)))
    return found


def _without_unread(statements: list[ast.stmt], read: set[str]) -> list[ast.stmt]:
    """The statements without assignments to flags that nobody reads."""

    class Drop(ast.NodeTransformer):
        def visit_Assign(self, node: ast.Assign) -> ast.AST:
            target = node.targets[0]
            unread = isinstance(target, ast.Name) and target.id.startswith(FLAGS) and target.id != RESULT and target.id not in read
            return ast.copy_location(ast.Pass(), node) if unread else node

    return [Drop().visit(s) for s in statements]
