"""Python's control flow as calls of `runtime`: what a traced function needs to see conditions and loops on tensors.

    Before   if c: x = a          After   def get(): return (x,)
             else: x = b                  def put(v): nonlocal x; (x,) = v
                                          def then(): nonlocal x; x = a
                                          def orelse(): nonlocal x; x = b
                                          _ms.if_(c, then, orelse, get, put, ("x",))
Nodes keep the user's lines. Where a condition is a Python value, the calls do what Python would have done.
"""

import ast
from collections.abc import Sequence
from itertools import count
from typing import Any

from millstream.staging.autograph import scopes
from millstream.staging.autograph.jumps import DONE, RESULT, Jumps, name

_OWN = "_ms"
_RAW = (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)
_COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_LEFT_ALONE = frozenset(("super", "locals", "globals", "vars", "dir", "eval", "exec", "print", "isinstance", "hasattr", "type", "id"))


def runtime(function: str, *args: ast.expr, starred: Sequence[ast.expr] = ()) -> ast.Call:
    """A call of a function of runtime.py."""
    return ast.Call(ast.Attribute(name(_OWN), function, ast.Load()), [*args, *starred], [])


def thunk(body: ast.expr) -> ast.Lambda:
    """A function of no arguments with this value."""
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), body)


def define(identifier: str, body: list[ast.stmt], *args: str) -> ast.FunctionDef:
    """def identifier(*args): body."""
    parameters = ast.arguments([], [ast.arg(a) for a in args], None, [], [], None, [])
    made = ast.FunctionDef(identifier, parameters, body or [ast.Pass()], [], None, None)
    made.type_params = []  # type: ignore[attr-defined]  # Python 3.12 has them
    return made


class _Scope:
    """What is known of one function: which names may be unset, and which belong to others."""

    def __init__(self, node: ast.FunctionDef | ast.Lambda) -> None:
        body = node.body if isinstance(node.body, list) else [node.body]
        self.parameters = set(scopes.parameters(node.args))
        self.outer = scopes.declared(body, ast.Nonlocal)
        self.globals = scopes.declared(body, ast.Global)
        self.first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
        self.unset: list[str] = []
        self.lent = [n for n in scopes.lent(body) if n not in self.globals]  # names that functions within this one assign to


class Mangler(ast.NodeTransformer):
    """Gives private names their class's, as Python does inside of a class."""

    def __init__(self, owner: str) -> None:
        self._owner = owner.lstrip("_")

    def _mangled(self, identifier: str) -> str:
        private = identifier.startswith("__") and not identifier.endswith("__") and self._owner
        return f"_{self._owner}{identifier}" if private else identifier

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name."""
        node.id = self._mangled(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """A parameter."""
        node.arg = self._mangled(node.arg)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """An attribute."""
        self.generic_visit(node)
        node.attr = self._mangled(node.attr)
        return node


class Transformer(ast.NodeTransformer):
    """Rewrites one function and those within it."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._scope: _Scope | None = None

    # ------------------------------------------------------------------ functions
    def function(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A function rewritten in place."""
        outer, self._scope = self._scope, _Scope(node)
        scope = self._scope
        try:
            if scopes.contains(node.body, *_RAW[1:]):
                return node  # generators are run by Python
            body = Jumps().function(list(node.body))
            scope.unset = self._unset(body, scope)
            made = self._block(body)
            first = node.body[0]
            at = 1 if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else 0
            node.body = [*made[:at], *self._prologue(scope, first), *made[at:]] or [ast.Pass()]
            return ast.fix_missing_locations(node)
        finally:
            self._scope = outer

    def _prologue(self, scope: _Scope, at: ast.stmt) -> list[ast.stmt]:
        """What stands first in a function: declarations, and a place for names that may be unset."""
        declarations: list[ast.stmt] = [
            *([ast.Global(sorted(scope.globals))] if scope.globals else []), *([ast.Nonlocal(sorted(scope.outer))] if scope.outer else []),
        ]  # fmt: skip
        places = [ast.Assign([ast.Name(n, ast.Store())], runtime("Undefined", ast.Constant(n))) for n in scope.unset]
        return self._flow(at, [*declarations, *places])

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> Any:
        """Declarations stand at the beginning of each function that is made."""
        return ast.copy_location(ast.Pass(), node)

    visit_Nonlocal = visit_Global  # noqa: N815  (ast's name)

    def _unset(self, body: list[ast.stmt], scope: _Scope) -> list[str]:
        """The names that are assigned inside of control flow, and are no parameters: they need a place in this function."""
        flow = [n for n in scopes.own(body) if isinstance(n, (ast.If, ast.For, ast.While))]
        names = dict.fromkeys([*scopes.bound(flow), *scope.lent]) if flow else {}
        return [n for n in names if n not in scope.parameters and n not in scope.outer and n not in scope.globals]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """A function within: rewritten, and marked, so that it is not rewritten again when it is called."""
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args = self.visit(node.args)
        made = self.function(node)
        made.decorator_list.append(ast.copy_location(ast.Attribute(name(_OWN), "converted", ast.Load()), node))
        return ast.fix_missing_locations(made)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        """A lambda: its expression is rewritten."""
        outer, self._scope = self._scope, _Scope(node)
        if outer is not None:
            self._scope.unset = [n for n in outer.unset if n not in self._scope.parameters]
            self._scope.first = outer.first if self._scope.first is None else self._scope.first
        try:
            node.args = self.visit(node.args)
            node.body = self.visit(node.body)
        finally:
            self._scope = outer
        return ast.fix_missing_locations(ast.copy_location(runtime("converted", node), node))

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        """Left alone."""
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """Left alone."""
        return node

    # ------------------------------------------------------------------ statements
    def _block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for s in statements:
            found = self.visit(s)
            made += found if isinstance(found, list) else [found] if found is not None else []
        return made

    def _state(self, body: Sequence[ast.AST]) -> tuple[list[ast.stmt], list[ast.expr], list[ast.stmt]]:
        """Functions that get and put all that statements may change, the arguments that name them, and declarations for bodies."""
        assert self._scope is not None
        number = next(self._numbers)
        lent = self._scope.lent if scopes.contains(body, ast.Call) else []
        names = list(dict.fromkeys([*scopes.bound(body), *lent]))
        paths = {k: v for k, v in scopes.attributes(body).items() if _root(v) not in names}
        boxes = {k: v for k, v in scopes.containers(body).items() if _root(v) not in names or isinstance(v, ast.Name)}
        own = [n for n in names if n not in self._scope.globals]
        shared = [n for n in names if n in self._scope.globals]
        declarations: list[ast.stmt] = [*([ast.Nonlocal(own)] if own else []), *([ast.Global(shared)] if shared else [])]
        get, put = f"_ms_get{number}", f"_ms_put{number}"
        values: list[ast.expr] = [runtime("peek", thunk(name(n))) if n in shared else name(n) for n in names]
        values += [runtime("attribute", thunk(_load(v.value)), ast.Constant(v.attr)) for v in paths.values()]
        values += [runtime("contents", thunk(_load(v))) for v in boxes.values()]
        stores: list[ast.stmt] = [ast.Assign([ast.Name(n, ast.Store())], _item(i)) for i, n in enumerate(names)]
        k = len(names)
        for v in paths.values():
            stores.append(ast.Expr(runtime("store", thunk(_load(v.value)), ast.Constant(v.attr), _item(k))))
            k += 1
        for box in boxes.values():
            stores.append(ast.Expr(runtime("refill", thunk(_load(box)), _item(k))))
            k += 1
        titles = ast.Tuple([ast.Constant(t) for t in [*names, *paths, *(f"{b} (its contents)" for b in boxes)]], ast.Load())
        functions: list[ast.stmt] = [
            define(get, [ast.Return(ast.List(values, ast.Load()))]),
            define(put, [*_copies(declarations), *stores], "_ms_values"),
        ]
        return functions, [name(get), name(put), titles], declarations

    def _flow(self, at: ast.AST, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Statements made from one of the user's, at its line."""
        for s in statements:
            _place(s, at)
        return statements

    def visit_If(self, node: ast.If) -> Any:
        """if -> runtime.if_."""
        test = self.visit(node.test)
        functions, arguments, declarations = self._state([*node.body, *node.orelse])
        n = next(self._numbers)
        then = define(f"_ms_then{n}", [*_copies(declarations), *self._block(node.body)])
        orelse = define(f"_ms_else{n}", [*_copies(declarations), *self._block(node.orelse)])
        call = ast.Expr(runtime("if_", test, name(then.name), name(orelse.name), *arguments))
        return self._flow(node, [*functions, then, orelse, call])

    def visit_While(self, node: ast.While) -> Any:
        """while -> runtime.while_."""
        functions, arguments, declarations = self._state([node.test, *node.body])
        n = next(self._numbers)
        test = define(f"_ms_test{n}", [*_copies(declarations), ast.Return(self.visit(node.test))])
        body = define(f"_ms_body{n}", [*_copies(declarations), *self._block(node.body)])
        going = self._unless(node, name(test.name))
        call = ast.Expr(runtime("while_", going, name(body.name), *arguments))
        return self._flow(node, [*functions, test, body, call])

    def visit_For(self, node: ast.For) -> Any:
        """for -> runtime.for_; the body begins by assigning the item to the target."""
        functions, arguments, declarations = self._state([node.target, *node.body])
        n = next(self._numbers)
        item = ast.copy_location(ast.Assign([node.target], name("_ms_item")), node)
        body = define(f"_ms_body{n}", [*_copies(declarations), *self._block([item, *node.body])], "_ms_item")
        flags = getattr(node, "flags", [])
        extra = self._unless(node, None) if flags else ast.Constant(None)
        call = ast.Expr(runtime("for_", self._iterable(node.iter), name(body.name), extra, *arguments))
        return self._flow(node, [*functions, body, call])

    def _iterable(self, node: ast.expr) -> ast.expr:
        """What a loop goes over; ranges of traced length are known to it alone."""
        made = self.visit(node)
        if isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute) and made.func.attr == "call" and _is_own(made.func.value):
            made.func.attr = "call_for_loop"
        return made  # type: ignore[no-any-return]

    def _unless(self, node: ast.For | ast.While, test: ast.expr | None) -> ast.expr:
        """A function of a loop's condition, asked only while none of its flags is set."""
        flags = [thunk(runtime("not_", name(f))) for f in getattr(node, "flags", [])]
        tests: list[ast.expr] = [*flags, *([test] if test is not None else [])]
        return tests[0] if len(tests) == 1 else thunk(runtime("and_", *tests))

    def visit_Delete(self, node: ast.Delete) -> Any:
        """Names in control flow become unset."""
        unset = self._scope.unset if self._scope else []
        if not all(isinstance(t, ast.Name) and t.id in unset for t in node.targets):
            return self.generic_visit(node)
        return [
            ast.fix_missing_locations(
                ast.copy_location(ast.Assign([ast.Name(t.id, ast.Store())], runtime("Undefined", ast.Constant(t.id))), node)
            )
            for t in node.targets
            if isinstance(t, ast.Name)
        ]

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        """x += y, where x may be unset."""
        node.value = self.visit(node.value)
        if not isinstance(node.target, ast.Name):
            node.target = self.visit(node.target)
        elif self._scope and node.target.id in self._scope.unset:
            check = ast.Expr(runtime("read", name(node.target.id)))
            return [_place(check, node), node]
        return node

    # ------------------------------------------------------------------ expressions
    def visit_Name(self, node: ast.Name) -> Any:
        """A name that may be unset is checked when it is read."""
        if isinstance(node.ctx, ast.Load) and self._scope and node.id in self._scope.unset and node.id != RESULT:
            return _place(runtime("read", node), node)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        """a if c else b -> runtime.either."""
        self.generic_visit(node)
        if scopes.contains([node.body, node.orelse], *_RAW):
            return node
        return _place(self._watched(runtime("either", node.test, thunk(node.body), thunk(node.orelse)), [node.body, node.orelse]), node)

    def _watched(self, made: ast.Call, parts: Sequence[ast.expr]) -> ast.Call:
        """The call, with the names that functions called in these parts may change: a traced condition must not let them."""
        if self._scope and self._scope.lent and scopes.contains(parts, ast.Call):
            made.keywords = [ast.keyword("watch", thunk(ast.List([name(n) for n in self._scope.lent], ast.Load())))]
        return made

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        """And, or -> runtime.and_, runtime.or_."""
        self.generic_visit(node)
        if scopes.contains(node.values, *_RAW):
            return node
        made = runtime("and_" if isinstance(node.op, ast.And) else "or_", *[thunk(v) for v in node.values])
        return _place(self._watched(made, node.values), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        """Not -> runtime.not_."""
        self.generic_visit(node)
        return _place(runtime("not_", node.operand), node) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> Any:
        """A chain a < b < c -> runtime.chain; one comparison stays."""
        self.generic_visit(node)
        if len(node.ops) == 1 or scopes.contains(node.comparators, *_RAW):
            return node
        signs = ast.Tuple([ast.Constant(_COMPARISONS[type(o)]) for o in node.ops], ast.Load())
        return _place(runtime("chain", node.left, signs, starred=[thunk(c) for c in node.comparators]), node)

    def visit_Call(self, node: ast.Call) -> Any:
        """f(x) -> runtime.call(f, x), which converts f if it is the user's own; super() gets its arguments."""
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and self._scope and self._scope.first:
            node.args = [name("__class__"), name(self._scope.first.arg)]
            return ast.fix_missing_locations(node)
        plain = (isinstance(node.func, ast.Name) and node.func.id in _LEFT_ALONE) or (
            isinstance(node.func, ast.Attribute) and _is_own(node.func.value)
        )
        self.generic_visit(node)
        if plain:
            return node
        made = runtime("call", node.func, *node.args)
        made.keywords = node.keywords
        return _place(made, node)


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == _OWN


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _load(node: ast.expr) -> ast.expr:
    """The same name or attribute, being read."""
    if isinstance(node, ast.Attribute):
        return ast.Attribute(_load(node.value), node.attr, ast.Load())
    assert isinstance(node, ast.Name)
    return name(node.id)


def _item(i: int) -> ast.expr:
    return ast.Subscript(name("_ms_values"), ast.Constant(i), ast.Load())


def _copies(declarations: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [type(d)(list(d.names)) for d in declarations if isinstance(d, (ast.Nonlocal, ast.Global))]


def _place(node: Any, at: ast.AST) -> Any:
    """The node, and all in it that has no line of its own, at a line of the user's."""
    line = {k: getattr(at, k) for k in ("lineno", "col_offset", "end_lineno", "end_col_offset") if hasattr(at, k)}
    for n in ast.walk(node):
        if "lineno" in n._attributes and not hasattr(n, "lineno"):
            for k, v in line.items():
                setattr(n, k, v)
    return node


__all__ = ["DONE", "RESULT", "Transformer", "define", "name"]
