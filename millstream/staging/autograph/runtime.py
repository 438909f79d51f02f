"""What converted functions call: Python's control flow for Python's values, nodes of the graph for tensors in a trace.

get, put    read and set everything that the statement may change; names: what it is called, for messages
"""

import functools
import operator
import types
from collections.abc import Callable
from typing import Any

from millstream.core.dispatch import STATE
from millstream.core.tensor import convert
from millstream.graph.branches import StoppedError, Undefined, choose
from millstream.ops.math.comparison import logical_not
from millstream.staging.autograph.builtins_ import OVERRIDES, is_traced, value_of
from millstream.staging.autograph.convert import CONVERTED, SKIP, NotConvertibleError, is_convertible
from millstream.staging.autograph.convert import converted as _converted
from millstream.staging.autograph.loops import for_, is_range, range_for_loop, while_

Get = Callable[[], list[Any]]
Put = Callable[[list[Any]], None]
Names = tuple[str, ...]


# ---------------------------------------------------------------------------------------------- values
def read(value: Any) -> Any:
    """A variable that may be unset. Raises: UnboundLocalError."""
    if value.__class__ is Undefined:
        value.refuse()
    return value


def result(value: Any) -> Any:
    """What a function returns."""
    return None if value.__class__ is Undefined else value


def peek(get: Callable[[], Any]) -> Any:
    """A global variable, which may not be there."""
    try:
        return get()
    except NameError:
        return Undefined("a global variable")


def attribute(owner: Callable[[], Any], name: str) -> Any:
    """An attribute, which may not be there."""
    try:
        return getattr(owner(), name, Undefined(name))
    except (NameError, AttributeError):
        return Undefined(name)


def store(owner: Callable[[], Any], name: str, value: Any) -> None:
    """Set an attribute, unless it is unset, or is what it was."""
    if attribute(owner, name) is value:
        return
    if value.__class__ is not Undefined:
        setattr(owner(), name, value)
    elif attribute(owner, name).__class__ is not Undefined:
        delattr(owner(), name)


def contents(get: Callable[[], Any]) -> Any:
    """A copy of a container, to be put back; other things themselves."""
    try:
        box = get()
    except (NameError, AttributeError):
        return Undefined("a container")
    if type(box) in (list, dict) or hasattr(box, "as_buffer"):
        return box.copy()
    return box


def refill(get: Callable[[], Any], value: Any) -> None:
    """Give a container the contents that it had."""
    if value.__class__ is Undefined:
        return
    try:
        box = get()
    except (NameError, AttributeError):
        return
    if box is value or box.__class__ is not value.__class__:
        return
    if type(box) is list:
        box[:] = value
    elif type(box) is dict:
        box.clear()
        box.update(value)
    elif hasattr(box, "as_buffer"):
        box.__dict__.update(value.copy().__dict__)


def converted(function: Any) -> Any:
    """A function that stands within a converted one: it has been converted with it."""
    if isinstance(function, types.FunctionType):
        setattr(function, CONVERTED, True)
    return function


# ---------------------------------------------------------------------------------------------- conditions
def if_(test: Any, then: Callable[[], Any], orelse: Callable[[], Any], get: Get, put: Put, names: Names) -> None:
    """If."""
    test = value_of(test)
    if not is_traced(test):
        (then if test else orelse)()
        return
    before = get()

    def branch(function: Callable[[], Any]) -> Callable[[], list[Any]]:
        def run() -> list[Any]:
            put(before)
            function()
            return get()

        return run

    fill = {i for i, n in enumerate(names) if n.startswith("_ms_")}
    try:
        after = choose(test, [branch(then), branch(orelse)], names, fill)
    except (Exception, StoppedError) as error:
        put(before)
        raise StoppedError(error) from error
    put(after)


def either(test: Any, then: Callable[[], Any], orelse: Callable[[], Any], watch: Get | None = None) -> Any:
    """A if test else b."""
    test = value_of(test)
    if not is_traced(test):
        return then() if test else orelse()
    return _one_of(test, then, orelse, "the value of the conditional expression", watch)


def _one_of(test: Any, then: Callable[[], Any], orelse: Callable[[], Any], what: str, watch: Get | None) -> Any:
    """The value of one of two expressions. watch: the variables that these may not change, though functions in them could."""
    before = watch() if watch else []
    try:
        found = choose(test, [lambda: [then()], lambda: [orelse()]], [what])[0]
    except (Exception, StoppedError) as error:
        raise StoppedError(error) from error
    if watch and any(a is not b for a, b in zip(before, watch(), strict=True)):
        raise StoppedError(TypeError(f"A function called in {what} changes a variable, under a condition on a tensor; call it before."))
    return found


def not_(value: Any) -> Any:
    """Not."""
    value = value_of(value)
    if not is_traced(value):
        return not value
    return logical_not(value)


def and_(*values: Callable[[], Any], watch: Get | None = None) -> Any:
    """And, which looks at the second value only where the first holds."""
    first = value_of(values[0]())
    if len(values) == 1:
        return first
    if not is_traced(first):
        return and_(*values[1:], watch=watch) if first else first
    return _one_of(first, lambda: _bool(and_(*values[1:], watch=watch)), lambda: first, "the value of `and`", watch)


def or_(*values: Callable[[], Any], watch: Get | None = None) -> Any:
    """Or, which looks at the second value only where the first does not hold."""
    first = value_of(values[0]())
    if len(values) == 1:
        return first
    if not is_traced(first):
        return first or or_(*values[1:], watch=watch)
    return _one_of(first, lambda: first, lambda: _bool(or_(*values[1:], watch=watch)), "the value of `or`", watch)


def _bool(value: Any) -> Any:
    return convert(value) if isinstance(value, bool) else value


_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "is": operator.is_, "is not": operator.is_not, "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}  # fmt: skip


def chain(left: Any, signs: tuple[str, ...], *rest: Callable[[], Any]) -> Any:
    """A < b < c: each value is computed once, and only while all comparisons hold."""
    right = rest[0]()
    held = _SIGNS[signs[0]](left, right)
    return held if len(rest) == 1 else and_(lambda: held, lambda: chain(right, signs[1:], *rest[1:]))


# ---------------------------------------------------------------------------------------------- calls
def call(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A call; functions of the user's are converted first."""
    if STATE.trace is None:
        return function(*args, **kwargs)
    override = OVERRIDES.get(function) if isinstance(function, (types.BuiltinFunctionType, type)) else None
    if override is not None:
        return override(*args, **kwargs)
    return _prepared(function, args, kwargs)(*args, **kwargs) if not _is_ours(function) else _call_ours(function, args, kwargs)


def call_for_loop(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A call that a for statement goes over: ranges may have a traced length there."""
    if STATE.trace is not None and is_range(function, args, kwargs):
        return range_for_loop(function, *args, **kwargs)
    return call(function, *args, **kwargs)


def _is_ours(function: Any) -> bool:
    module = getattr(function, "__module__", None) or ""
    return isinstance(module, str) and module.partition(".")[0] == "millstream"


def _call_ours(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """One of our functions (tf.map_fn, tf.cond, ...): the user's functions that it is given are converted."""
    if getattr(function, "__name__", "") in ("py_function", "numpy_function", "py_func"):  # they call Python on values
        return function(*args, **kwargs)
    given = [_prepared(a, (), {}) if isinstance(a, (types.FunctionType, types.MethodType)) else a for a in args]
    named = {k: _prepared(a, (), {}) if isinstance(a, (types.FunctionType, types.MethodType)) else a for k, a in kwargs.items()}
    return function(*given, **named)


def _prepared(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What is to be called instead of a function: its converted form where it has one."""
    if isinstance(function, types.MethodType):
        inner = _prepared(function.__func__, args, kwargs)
        return function if inner is function.__func__ else types.MethodType(inner, function.__self__)
    if isinstance(function, functools.partial):
        return functools.partial(_prepared(function.func, args, kwargs), *function.args, **function.keywords)
    if is_convertible(function):
        try:
            return _converted(function)
        except (NotConvertibleError, SyntaxError):
            return function
    method = getattr(type(function), "__call__", None)  # noqa: B004  (the method itself is wanted)
    if not isinstance(function, type) and is_convertible(method) and not hasattr(function, SKIP):
        return types.MethodType(_prepared(method, args, kwargs), function)
    return function


def prepared(function: Any) -> Any:
    """The converted form of a function, bound method or callable object of the user's; the thing itself where there is none."""
    return function if _is_ours(function) and not isinstance(function, types.MethodType) else _prepared(function, (), {})


__all__ = [
    "Undefined", "and_", "attribute", "call", "call_for_loop", "chain", "contents", "converted", "either", "for_", "if_", "not_", "or_",
    "peek", "prepared", "read", "refill", "result", "store", "while_",
]  # fmt: skip
