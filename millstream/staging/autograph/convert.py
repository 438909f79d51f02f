"""From a function to its converted form: source found, rewritten, compiled at the user's lines, bound to the same closure and globals."""

import ast
import copy
import functools
import inspect
import linecache
import os
import site
import sysconfig
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from millstream.staging.autograph.transform import Mangler, Transformer, define, name

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
SKIP, CONVERTED = "_ms_do_not_convert", "_ms_converted"
_made: "weakref.WeakKeyDictionary[types.FunctionType, types.FunctionType]" = weakref.WeakKeyDictionary()
_codes: dict[types.CodeType, types.CodeType] = {}


class NotConvertibleError(Exception):
    """A function that is run as it is; the message says why."""


@functools.lru_cache(maxsize=1)
def _libraries() -> tuple[str, ...]:
    """Where code lives that is not the user's."""
    paths = sysconfig.get_paths()
    found = [paths[k] for k in ("stdlib", "platstdlib", "purelib", "platlib") if paths.get(k)]
    found += [*site.getsitepackages(), site.getusersitepackages()]
    return (_OURS, *(os.path.abspath(p) + os.sep for p in found))


@functools.lru_cache(maxsize=4096)
def is_users(filename: str) -> bool:
    """Whether a file is the user's own: neither ours nor a library's."""
    return not filename.startswith("<frozen") and not os.path.abspath(filename).startswith(_libraries())


def is_convertible(function: Any) -> bool:
    """Whether this is a function of the user's that may be rewritten."""
    if not isinstance(function, types.FunctionType) or hasattr(function, SKIP) or hasattr(function, CONVERTED):
        return False
    code = function.__code__
    generator = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    return not code.co_flags & generator and is_users(code.co_filename)


def converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The converted form of a function of the user's. Raises: NotConvertibleError."""
    assert isinstance(function, types.FunctionType)
    found = _made.get(function)
    if found is None:
        found = _made[function] = _bound(function, _converted_code(function.__code__))
    return found


def _bound(function: types.FunctionType, code: types.CodeType) -> types.FunctionType:
    from millstream.staging.autograph import runtime

    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    cells["_ms"] = types.CellType(runtime)
    made = types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, tuple(cells[n] for n in code.co_freevars)
    )
    made.__kwdefaults__, made.__qualname__, made.__doc__ = function.__kwdefaults__, function.__qualname__, function.__doc__
    made.__module__ = function.__module__
    made.__dict__.update(function.__dict__)
    setattr(made, CONVERTED, True)
    return made


def _converted_code(code: types.CodeType) -> types.CodeType:
    found = _codes.get(code)
    if found is None:
        found = _codes[code] = _compiled(rewritten(code), code)
    return found


def rewritten(code: types.CodeType) -> ast.FunctionDef | ast.Lambda:
    """The function's syntax tree, rewritten. Raises: NotConvertibleError."""
    node, owner = locate(code)
    node = copy.deepcopy(node)
    if owner:
        node = Mangler(owner).visit(node)
    _strip(node)
    try:
        return Transformer().function(node) if isinstance(node, ast.FunctionDef) else Transformer().visit_Lambda(node).args[0]
    except RecursionError:
        raise NotConvertibleError("it is nested too deeply") from None


def _strip(node: ast.FunctionDef | ast.Lambda) -> None:
    """Without what is evaluated when the function is made: decorators, defaults, annotations."""
    args = node.args
    args.defaults, args.kw_defaults = [], [None] * len(args.kwonlyargs)
    for a in (*args.posonlyargs, *args.args, *args.kwonlyargs, *(x for x in (args.vararg, args.kwarg) if x)):
        a.annotation = None
    if isinstance(node, ast.FunctionDef):
        node.decorator_list, node.returns = [], None


def _compiled(node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> types.CodeType:
    body: list[ast.stmt] = []
    result: ast.expr = name("_ms_function")
    if isinstance(node, ast.FunctionDef):
        node.name = "_ms_function"  # its own name may stand for something else within it
        body = [node]
    else:
        result = node
    factory = define("_ms_factory", [*body, ast.Return(result)], "_ms", *(n for n in code.co_freevars if n != "_ms"))
    for n in ast.walk(factory):
        if "lineno" in n._attributes and not hasattr(n, "lineno"):
            ast.copy_location(n, node)
    module = ast.fix_missing_locations(ast.Module([factory], []))
    scope: dict[str, Any] = {}
    exec(compile(module, code.co_filename, "exec", dont_inherit=True), scope)  # noqa: S102  (the user's own function, rewritten)
    made: types.CodeType = scope["_ms_factory"](*[None] * scope["_ms_factory"].__code__.co_argcount).__code__
    return made.replace(co_name=code.co_name)


# ---------------------------------------------------------------------------------------------- finding the source
def locate(code: types.CodeType) -> tuple[ast.FunctionDef | ast.Lambda, str]:
    """The function's node in its file, and the class round it. Raises: NotConvertibleError when the source is not at hand."""
    source = "".join(linecache.getlines(code.co_filename))
    if not source:
        raise NotConvertibleError(f"its source is not at hand ({code.co_filename})")
    try:
        tree = _parsed(source, code.co_filename)
    except SyntaxError as error:
        raise NotConvertibleError(f"its source cannot be read ({error})") from None
    found = [(n, owner) for n, owner in tree if _first_line(n) == code.co_firstlineno and _fits(n, code)]
    if len(found) > 1:
        found = [(n, owner) for n, owner in found if _same_place(n, code)] or found[:0]
    if len(found) != 1:
        raise NotConvertibleError(f"its source was not found at {code.co_filename}:{code.co_firstlineno}")
    return found[0]


@functools.lru_cache(maxsize=64)
def _parsed(source: str, filename: str) -> list[tuple[Any, str]]:
    """All functions of a file, each with the class that it stands in."""
    return list(_functions(ast.parse(source, filename), ""))


def _functions(node: ast.AST, owner: str) -> Iterator[tuple[Any, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.Lambda)):
            yield child, owner
        yield from _functions(child, child.name if isinstance(child, ast.ClassDef) else owner)


def _first_line(node: ast.FunctionDef | ast.Lambda) -> int:
    if isinstance(node, ast.FunctionDef) and node.decorator_list:
        return min(d.lineno for d in node.decorator_list)
    return node.lineno


def _fits(node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> bool:
    """Whether name and parameters agree."""
    title = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"
    args = node.args
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
    return (
        title == code.co_name and tuple(names) == code.co_varnames[: len(names)] and len(names) == code.co_argcount + code.co_kwonlyargcount
    )


def _same_place(node: ast.FunctionDef | ast.Lambda, code: types.CodeType) -> bool:
    """Whether the columns of a lambda's instructions are those of this one's body."""
    spots = {(p[0], p[2]) for p in code.co_positions() if p[0] is not None and p[2] is not None and p[3] != 0}
    body = node.body if isinstance(node, ast.Lambda) else node.body[0]
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    return bool(spots) and all(begin <= s < end for s in spots)
