"""What old programs do that no patch of a library can restore: calls that are mended where they stand in the program's own code.

NumPy made four things errors that ran in 2020, all of them inside C code or on a C type that cannot be patched:
`int(np.array([3]))` and its like (float, math.*, "%d" % ...), `a[i] = np.array([3])` for one element, `np.array([[1, 2], [3]])`, and
a few methods of arrays (`a.tostring()`).
The program's syntax tree is rewritten before it is compiled: those calls, and no others, go through a helper that makes the call as
it stands and acts only when it fails. Positions are kept, so tracebacks show the program's own lines. Libraries are left alone:
only the program and the modules that lie in its folder are read this way.
"""

from __future__ import annotations

import ast
import builtins
import importlib.machinery
import math
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# Names that the rewritten code calls; they live in builtins, so that the program's own namespace holds what its author put there.
CALL, ATTRIBUTE, FORMAT, ASSIGN = "__millstream_call__", "__millstream_attribute__", "__millstream_format__", "__millstream_assign__"
SLICE = "__millstream_slice__"

_NUMBERS = ("int", "float")
_ARRAYS = ("array", "asarray")
_METHODS = ("tostring", "ptp", "itemset", "newbyteorder")


class _Mender(ast.NodeTransformer):
    """Sends the calls that may need it through the helpers."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """f(x) -> CALL(f, x) for int, float, math.*, array, asarray."""
        self.generic_visit(node)
        if not _may_need_help(node.func):
            return node
        return ast.copy_location(ast.Call(_name(CALL, node.func), [node.func, *node.args], node.keywords), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """x.tostring -> ATTRIBUTE(x, "tostring")."""
        self.generic_visit(node)
        if node.attr not in _METHODS or not isinstance(node.ctx, ast.Load):
            return node
        name = ast.copy_location(ast.Constant(node.attr), node)
        return ast.copy_location(ast.Call(_name(ATTRIBUTE, node), [node.value, name], []), node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """'...' % x -> FORMAT('...', x) for a literal string."""
        self.generic_visit(node)
        literal = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        if not literal or not isinstance(node.op, ast.Mod):
            return node
        return ast.copy_location(ast.Call(_name(FORMAT, node), [node.left, node.right], []), node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """a[i] = v -> ASSIGN(v, a, i), in Python's own order of evaluation, unless v is a literal."""
        self.generic_visit(node)
        target = node.targets[0]
        if len(node.targets) > 1 or not isinstance(target, ast.Subscript) or isinstance(node.value, ast.Constant):
            return node
        call = ast.Call(_name(ASSIGN, target), [node.value, target.value, _index(target.slice)], [])
        return ast.copy_location(ast.Expr(ast.copy_location(call, node)), node)


def _index(index: ast.expr) -> ast.expr:
    """An index as a value: 1:2 is slice(1, 2, None) outside of brackets."""
    if isinstance(index, ast.Tuple):
        return ast.copy_location(ast.Tuple([_index(part) for part in index.elts], ast.Load()), index)
    if isinstance(index, ast.Slice):
        nothing = ast.copy_location(ast.Constant(None), index)
        parts = [part or nothing for part in (index.lower, index.upper, index.step)]
        return ast.copy_location(ast.Call(_name(SLICE, index), parts, []), index)
    return index


def _may_need_help(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in _NUMBERS or function.id in _ARRAYS
    if isinstance(function, ast.Attribute):
        return function.attr in _ARRAYS or (isinstance(function.value, ast.Name) and function.value.id == "math")
    return False


def _name(name: str, place: ast.expr) -> ast.Name:
    return ast.copy_location(ast.Name(name, ast.Load()), place)


# Any, here and below: the helpers take whatever the program's own call takes.
def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """function(*args, **kwargs); when NumPy refuses a one-element array as a number, or a ragged list, as it was in 2020."""
    try:
        return function(*args, **kwargs)
    except TypeError:
        plain = [_as_number(a) for a in args]
        if not _is_number_function(function) or all(a is b for a, b in zip(plain, args, strict=True)):
            raise
        return function(*plain, **kwargs)
    except ValueError as error:
        if "inhomogeneous" not in str(error) or function not in (np.array, np.asarray):
            raise
        return function(*args, **{**kwargs, "dtype": object})


def _is_number_function(function: Callable[..., Any]) -> bool:
    return function in (int, float) or getattr(function, "__module__", None) == math.__name__


def _as_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def assign(value: Any, target: Any, index: Any) -> None:
    """target[index] = value; an array of one element may become one element of an array, as in 2020."""
    try:
        target[index] = value
    except ValueError:
        if not isinstance(target, np.ndarray) or not isinstance(value, np.ndarray) or value.size != 1 or target.dtype == object:
            raise
        target[index] = value.item()


def attribute(value: Any, name: str) -> Any:
    """value.name, or for an array what stood under that name in 2020."""
    try:
        return getattr(value, name)
    except AttributeError:
        if not isinstance(value, np.ndarray) or name not in _OLD_METHODS:
            raise
        return types.MethodType(_OLD_METHODS[name], value)


def _itemset(array: np.ndarray[Any, Any], *args: Any) -> None:
    *index, value = args
    if len(index) == 1 and not isinstance(index[0], tuple):
        array.flat[index[0]] = value
    else:
        array[index[0] if index and isinstance(index[0], tuple) else tuple(index)] = value


_OLD_METHODS: dict[str, Callable[..., Any]] = {
    "tostring": lambda array, order="C": array.tobytes(order),
    "ptp": np.ptp,
    "itemset": _itemset,
    "newbyteorder": lambda array, order="S": array.view(array.dtype.newbyteorder(order)),
}


class _OneNumber:
    """A one-element array inside a format: %s and %r show the array, %d and %f its number."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._array = array

    def __str__(self) -> str:
        return str(self._array)

    def __repr__(self) -> str:
        return repr(self._array)

    def __int__(self) -> int:
        return int(self._array.item())

    def __float__(self) -> float:
        return float(self._array.item())

    def __index__(self) -> int:
        item = self._array.item()
        if not isinstance(item, int):
            raise TypeError(f"a whole number was expected, got {item!r}")
        return item


def format_text(text: str, values: Any) -> str:
    """Text % values, where one-element arrays count as numbers, as in 2020."""
    try:
        return str(text % values)
    except TypeError:
        old = tuple(map(_wrapped, values)) if isinstance(values, tuple) else _wrapped(values)
        return str(text % old)


def _wrapped(value: Any) -> Any:
    return _OneNumber(value) if isinstance(value, np.ndarray) and value.size == 1 else value


def mend(tree: ast.Module) -> ast.Module:
    """The tree with those calls sent through the helpers. The helpers are made known as builtins."""
    for name, helper in ((CALL, call), (ATTRIBUTE, attribute), (FORMAT, format_text), (ASSIGN, assign), (SLICE, slice)):
        setattr(builtins, name, helper)
    mended = _Mender().visit(tree)
    assert isinstance(mended, ast.Module)
    return mended


def compile_program(source: bytes | str, path: str) -> types.CodeType:
    """Code of a program's file, mended. Raises: SyntaxError, as Python does."""
    return compile(mend(ast.parse(source, path)), path, "exec", dont_inherit=True)


class _ProgramLoader(importlib.machinery.SourceFileLoader):
    """Reads a module of the program's folder. No .pyc is read or written: ordinary Python would find mended code in it."""

    def get_code(self, fullname: str) -> types.CodeType:
        """The mended code."""
        path = self.get_filename(fullname)
        return compile_program(self.get_data(path), path)


_OURS = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep


class ProgramFinder:
    """Finds the modules that lie in the program's own folder, and has them mended too."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a source file in the folder; None for everything else."""
        folders = [self._folder] if path is None else [p for p in path if self._is_inside(p)]
        spec = importlib.machinery.PathFinder.find_spec(fullname, folders, target) if folders else None
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader or not self._is_inside(spec.origin or ""):
            return None
        spec.loader = _ProgramLoader(fullname, spec.loader.path)
        return spec

    def _is_inside(self, path: str) -> bool:
        """In the folder, and neither in an environment nor in a checkout of Millstream that happens to lie in it."""
        if (os.path.realpath(path) + os.sep).startswith(_OURS):
            return False
        inner = os.path.relpath(os.path.realpath(path), self._folder).split(os.sep)
        return inner[0] != os.pardir and "site-packages" not in inner


def install_in_notebook() -> None:
    """Inside IPython and Jupyter: mend the cells that follow."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and not any(isinstance(each, _CellMender) for each in shell.ast_transformers):
        shell.ast_transformers.append(_CellMender())


class _CellMender:
    """IPython's interface to a rewriting of cells."""

    def visit(self, tree: ast.Module) -> ast.Module:
        """The mended cell."""
        return mend(tree)
