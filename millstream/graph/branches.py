"""Python values through traced control flow: what of them are tensors that a node carries, and what must stay the same.

    state   a list of Python values: tensors, numbers, nested lists, tuples and dicts of them, TensorArrays, other objects
    slot    stands, in a template of the state, for a tensor that the node carries
Where two branches disagree on something that is no tensor, or on shape or dtype, tracing ends with an error that says so.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, NoReturn

import numpy as np

from millstream.core.dispatch import Hooks
from millstream.core.dtypes import bool_
from millstream.core.tensor import Tensor, convert
from millstream.graph.control import BodyTrace, emit_cond, spec_of

State = list[Any]
_NUMBERS = (bool, int, float)
_ARRAYS = (np.ndarray, np.generic)
_FIXED = (str, bytes, type(None), type)


class Undefined:
    """A variable without a value. Reading one raises UnboundLocalError."""

    __slots__ = ("name", "reason")

    def __init__(self, name: str, reason: str = "") -> None:
        self.name, self.reason = name, reason

    def refuse(self) -> NoReturn:
        """Raises: UnboundLocalError."""
        raise UnboundLocalError(f"cannot access local variable '{self.name}' where it is not associated with a value{self.reason}")


class StoppedError(BaseException):
    """Tracing control flow failed with `cause`. No exception that the user's own `except` may take for his: he would see it on values only."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause: BaseException = cause.whole() if isinstance(cause, StoppedError) else cause

    def whole(self) -> BaseException:
        """The cause, with all lines of the user's in its traceback."""
        outer, lines, joined = self.__traceback__, [], self.cause.__traceback__
        while outer is not None:
            lines.append(outer)
            outer = outer.tb_next
        for t in reversed(lines):
            joined = TracebackType(joined, t.tb_frame, t.tb_lasti, t.tb_lineno)
        return self.cause.with_traceback(joined)


class Slot:
    """A tensor that a node carries."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class Kept:
    """A value that is the same on all paths."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def is_array(x: Any) -> bool:
    """Whether this is a TensorArray: something whose elements can be given as one tensor."""
    return hasattr(x, "as_buffer")


def is_numeric(x: Any) -> bool:
    """Whether this can be carried as one tensor."""
    return isinstance(x, (Tensor, *_ARRAYS, *_NUMBERS))


def filled(template: Any, tensors: Sequence[Any]) -> Any:
    """The state of a template with these tensors in its slots; containers are new."""
    if isinstance(template, Slot):
        return tensors[template.index]
    if isinstance(template, Kept):
        return template.value
    if isinstance(template, _Buffer):
        return template.array.with_buffer(filled(template.slot, tensors))
    if isinstance(template, dict):
        return {k: filled(v, tensors) for k, v in template.items()}
    items = [filled(v, tensors) for v in template]
    if hasattr(template, "_fields"):
        return type(template)(*items)
    return tuple(items) if isinstance(template, tuple) else items


class _Buffer:
    """The template of a TensorArray."""

    __slots__ = ("array", "slot")

    def __init__(self, array: Any, slot: Any) -> None:
        self.array, self.slot = array, slot


# ---------------------------------------------------------------------------------------------- choices
class _Merge:
    """What two branches left behind, as one template and pairs of tensors."""

    def __init__(self, traces: Sequence[BodyTrace], ended: Sequence[bool]) -> None:
        self.traces, self.ended = traces, ended  # ended: the branch returned, so that nobody looks at what it has not set
        self.pairs: list[tuple[Tensor, Tensor]] = []

    def value(self, a: Any, b: Any, name: str, fill: bool) -> Any:
        """The template of one value. Raises: TypeError, ValueError where the branches disagree."""
        if a is b:
            return Kept(a)
        if isinstance(a, Undefined) or isinstance(b, Undefined):
            return self._of_one(a, b, name, fill)
        if is_array(a) and is_array(b):
            return _Buffer(a, self.value(_buffer_of(a, name), _buffer_of(b, name), name, fill))
        if isinstance(a, (list, tuple, Mapping)) and type(a) is type(b) and len(a) == len(b):
            return self._nested(a, b, name, fill)
        return self._leaf(a, b, name)

    def _of_one(self, a: Any, b: Any, name: str, fill: bool) -> Any:
        """A value that only one branch has: zeros stand for it on the other way where nobody looks at them, else it is lost."""
        if isinstance(a, Undefined) and isinstance(b, Undefined):
            return Kept(a)
        value, missing = (b, 0) if isinstance(a, Undefined) else (a, 1)
        if not fill and not self.ended[missing]:
            return Kept(Undefined(name, ": it is set in one branch of a condition on a tensor only; set it before, or in both"))
        other = self._zeros(value, missing)
        return self.value(*((other, value) if missing == 0 else (value, other)), name, fill)

    def _zeros(self, value: Any, missing: int) -> Any:
        if isinstance(value, (list, tuple)):
            items = [self._zeros(v, missing) for v in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if isinstance(value, dict):
            return {k: self._zeros(v, missing) for k, v in value.items()}
        if not is_numeric(value):
            return value
        with self.traces[1 - missing].running():
            spec = spec_of(convert(value))
        with self.traces[missing].running():
            return Hooks.zeros(spec)

    def _nested(self, a: Any, b: Any, name: str, fill: bool) -> Any:
        if isinstance(a, Mapping):
            if a.keys() != b.keys():
                raise TypeError(
                    f"'{name}' has the keys {list(a)} in one branch and {list(b)} in the other; a traced condition needs the same."
                )
            return {k: self.value(a[k], b[k], name, fill) for k in a}
        items = [self.value(x, y, name, fill) for x, y in zip(a, b, strict=True)]
        return type(a)(*items) if hasattr(a, "_fields") else type(a)(items)

    def _leaf(self, a: Any, b: Any, name: str) -> Any:
        simple = (*_NUMBERS, *_FIXED)
        if isinstance(a, simple) and type(a) is type(b) and repr(a) == repr(b):
            return Kept(a)
        if not all(is_numeric(x) or hasattr(x, "read_value") for x in (a, b)):
            raise TypeError(
                f"'{name}' is {_words(a)} in one branch and {_words(b)} in the other; under a condition on a tensor both must be tensors."
            )
        pair = self._converted(a, b)
        if spec_of(pair[0]) != spec_of(pair[1]):
            raise TypeError(f"'{name}' is {_words(a)} in one branch and {_words(b)} in the other; they must have one dtype and shape.")
        self.pairs.append(pair)
        return Slot(len(self.pairs) - 1)

    def _converted(self, a: Any, b: Any) -> tuple[Tensor, Tensor]:
        """Both as tensors, each made in its own branch; a Python number takes the other's dtype."""
        hints = [x.dtype if hasattr(x, "dtype") and not isinstance(x, _NUMBERS) else None for x in (b, a)]
        made = []
        for x, hint, trace in zip((a, b), hints, self.traces, strict=True):
            with trace.running():
                made.append(convert(x, hint=hint) if isinstance(x, _NUMBERS) and hint is not None else convert(x))
        return made[0], made[1]


def _words(x: Any) -> str:
    return f"a {x.dtype.name} tensor of shape {list(x.shape)}" if isinstance(x, Tensor) else f"{x!r}"


def _buffer_of(array: Any, name: str) -> Any:
    buffer = array.as_buffer()
    return Undefined(name) if buffer is None else buffer


def predicate(value: Any, what: str) -> Tensor:
    """A condition as a scalar bool tensor. Raises: TypeError, ValueError."""
    test = convert(value)
    if test.dtype is not bool_:
        raise TypeError(f"{what} must be a bool tensor; got {test.dtype.name}. Compare it with something.")
    if test.ndim:
        raise ValueError(f"{what} must be a scalar; got shape {list(test.shape)}. Use tf.reduce_all or tf.reduce_any.")
    return test


def choose(pred: Any, branches: Sequence[Callable[[], State]], names: Sequence[str], fill: Collection[int] = ()) -> State:
    """The state that one of two functions leaves behind, by a traced condition.

    fill: where zeros may stand for a missing value. A branch that sets the flag "_ms_done" has returned: zeros may stand for all that it has not set.
    """
    end = names.index("_ms_done") if "_ms_done" in names else None
    test = predicate(pred, "The condition")
    traces, results = [], []
    for branch in branches:
        trace = BodyTrace()
        with trace.running():
            results.append(branch())
        trace.keep_count()
        traces.append(trace)
    merge = _Merge(traces, [end is not None and r[end] is True for r in results])
    templates = [merge.value(a, b, n, i in fill) for i, (a, b, n) in enumerate(zip(*results, names, strict=True))]
    tensors = emit_cond(test, traces[0], [a for a, _ in merge.pairs], traces[1], [b for _, b in merge.pairs])
    return [filled(t, tensors) for t in templates]
