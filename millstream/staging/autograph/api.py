"""tf.autograph: what is said about conversion, and to it."""

import ast
import os
import types
from collections.abc import Callable
from typing import Any

from millstream.staging.autograph.convert import SKIP, NotConvertibleError, is_convertible, rewritten
from millstream.util.export import export


@export("tf.autograph.experimental.do_not_convert")
def do_not_convert(func: Any = None) -> Any:
    """Decorator: the function itself, which is never rewritten."""
    if func is None:
        return do_not_convert
    target = func.__func__ if isinstance(func, types.MethodType) else func
    if hasattr(target, "__dict__"):
        setattr(target, SKIP, True)
    return func


@export("tf.autograph.experimental.set_loop_options")
def set_loop_options(**options: Any) -> None:
    """Nothing: hints for loops in traced functions."""


@export("tf.autograph.experimental.Feature")
class Feature:
    """Names of optional conversions; all of them are always made."""

    ALL, AUTO_CONTROL_DEPS, ASSERT_STATEMENTS, BUILTIN_FUNCTIONS = "ALL", "AUTO_CONTROL_DEPS", "ASSERT_STATEMENTS", "BUILTIN_FUNCTIONS"
    EQUALITY_OPERATORS, LISTS, NAME_SCOPES = "EQUALITY_OPERATORS", "LISTS", "NAME_SCOPES"


@export("tf.autograph.to_graph")
def to_graph(entity: Callable[..., Any], recursive: bool = True, experimental_optional_features: Any = None) -> Callable[..., Any]:
    """The converted form of a Python function. Raises: ValueError when it cannot be converted."""
    from millstream.staging.autograph.runtime import prepared

    _check(entity)
    made: Callable[..., Any] = prepared(getattr(entity, "python_function", entity))
    return made


@export("tf.autograph.to_code")
def to_code(entity: Callable[..., Any], recursive: bool = True, experimental_optional_features: Any = None) -> str:
    """The source of the converted form. Raises: ValueError when it cannot be converted.

    The text is Millstream's own: calls of `_ms` stand for control flow.
    """
    return ast.unparse(ast.fix_missing_locations(rewritten(_check(entity).__code__)))


def _check(entity: Any) -> types.FunctionType:
    function = getattr(entity, "python_function", entity)
    function = getattr(function, "__func__", function)
    if not is_convertible(function):
        raise ValueError(
            f"{entity!r} cannot be converted: it must be a Python function of your own, no generator, with its source at hand."
        )
    try:
        rewritten(function.__code__)
    except NotConvertibleError as error:
        raise ValueError(f"{entity!r} cannot be converted: {error}.") from None
    return function  # type: ignore[no-any-return]


@export("tf.autograph.set_verbosity")
def set_verbosity(level: int, alsologtostdout: bool = False) -> None:
    """How much is told of conversions; the variable AUTOGRAPH_VERBOSITY says the same."""
    os.environ["AUTOGRAPH_VERBOSITY"] = str(int(level))


@export("tf.autograph.trace")
def trace(*args: Any) -> None:
    """Print the arguments while a function is traced."""
    print(*args)  # noqa: T201  (that is what it is for)
