"""How a call of an op is carried out: at once on arrays, recorded on tapes, or added to the graph being traced.

Eager tensors are computed at once even inside a trace (that is constant folding); only traced tensors, variables
and stateful ops look at the trace. A Tensor subclass may take over by its `_dispatch` (traced and Keras tensors do).
"""

import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import numpy as np

from millstream.core.dtypes import OF_NUMPY, DType
from millstream.core.op import Op, refuse_kind, set_call_maker
from millstream.core.quiet import IGNORE, SETTING
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert, reader_of
from millstream.util.errors import invalid


class Tape(Protocol):
    """Something that wants to see every op that is carried out."""

    def record(self, op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any], output: Any) -> None:
        """Take note of one call."""


class _State(threading.local):
    """What is switched on in this thread."""

    tapes: tuple[Tape, ...] = ()
    trace: Any = None


class Hooks:
    """The ops that the floors below them need: gradients are added up, begin with ones, and default to zeros. Installed by the ops."""

    add: Callable[[Any, Any], Any]
    zeros: Callable[[ArraySpec], Any]
    ones: Callable[[ArraySpec], Any]
    zeros_like: Callable[[Any], Any]
    ones_like: Callable[[Any], Any]


STATE = _State()
VARIABLE: list[Any] = [None]  # the class of variables, which stands above this file
_new = object.__new__


def wrap(array: Any) -> Tensor:
    """A Tensor round an ndarray or NumPy scalar, unchecked."""
    out = _new(Tensor)
    out._array = array
    return out


def execute(op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    """Carry out any op on anything that can become tensors."""
    tensors = convert_inputs(op, inputs)
    for x in tensors:
        if x._dispatch is not None:
            return _record(op, tensors, attrs, _takeover(tensors)(op, tensors, attrs))
    if op.stateful and STATE.trace is not None:
        return _record(op, tensors, attrs, STATE.trace.emit(op, tensors, attrs))
    return _record(op, tensors, attrs, run_eagerly(op, tensors, attrs))


def run_eagerly(op: Op, tensors: tuple[Tensor, ...], attrs: dict[str, Any]) -> Any:
    """The meaning on NumPy arrays."""
    if op.kinds and tensors and tensors[0]._array.dtype.kind not in op.kinds:
        refuse_kind(op, tensors[0]._array.dtype)
    arrays = [x._array for x in tensors]
    try:
        out = op.meaning(np, *arrays, **attrs)
    except ValueError as error:
        refuse_shapes(error, *arrays)
    if type(out) is bytes:  # NumPy's functions of objects give a scalar string bare
        out = np.array(out, object)
    return tuple(wrap(a) for a in out) if type(out) is tuple else wrap(out)


def refuse_shapes(error: ValueError, *arrays: Any) -> NoReturn:
    """Raises: InvalidArgumentError in TensorFlow's words where NumPy could not broadcast; else the error itself."""
    if type(error) is ValueError and "broadcast" in str(error):
        shapes = " vs. ".join(f"[{','.join(map(str, np.shape(a)))}]" for a in arrays)
        raise invalid(f"Incompatible shapes: {shapes}") from None
    raise error


def _takeover(tensors: tuple[Any, ...]) -> Callable[..., Any]:
    """The `_dispatch` of highest priority: Keras tensors go before traced ones."""
    taken = max((x for x in tensors if x._dispatch is not None), key=lambda x: x._priority)
    handler: Callable[..., Any] = type(taken)._dispatch
    return handler


def _record(op: Op, tensors: tuple[Any, ...], attrs: dict[str, Any], output: Any) -> Any:
    for tape in STATE.tapes:
        tape.record(op, tensors, attrs, output)
    return output


def convert_inputs(op: Op, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs as tensors of one dtype (of any, for mixed ops). Raises: InvalidArgumentError when dtypes differ."""
    if op.mixed:
        return tuple([x if isinstance(x, Tensor) else convert(x) for x in inputs])
    hint = _common_dtype(inputs)
    tensors = tuple([x if isinstance(x, Tensor) else convert(x, hint=hint) for x in inputs])
    if len(tensors) > 1:
        _check_same_dtype(op, tensors, inputs)
    return tensors


def _common_dtype(inputs: tuple[Any, ...]) -> DType | None:
    for x in inputs:
        if isinstance(x, Tensor) or reader_of(x) is not None:
            return x.dtype  # type: ignore[no-any-return]
    for x in inputs:
        if isinstance(x, (np.ndarray, np.generic)):
            return OF_NUMPY.get(x.dtype)
    return convert(inputs[0]).dtype if len(inputs) > 1 else None  # Python values alone: the first one decides


def _check_same_dtype(op: Op, tensors: tuple[Any, ...], inputs: tuple[Any, ...]) -> None:
    first = tensors[0].dtype
    for i, x in enumerate(tensors):
        if x.dtype is not first:
            if isinstance(inputs[i], (bool, int, float, complex, str, list, tuple)):
                raise TypeError(f"Cannot convert {inputs[i]!r} to EagerTensor of dtype {first.name}: write it as one, or use tf.cast.")
            title = "".join(w.capitalize() for w in op.name.split("_"))
            raise invalid(
                f"cannot compute {title} as input #{i}(zero-based) was expected to be a {first.name} tensor "
                f"but is a {x.dtype.name} tensor [Op:{title}]; convert one of them with tf.cast."
            )


def fast_call(op: Op) -> Callable[..., Any]:
    """The quickest way to call an op: short for eager tensors of one dtype, `execute` for all else."""
    if len(op.inputs) == 1 and op.attrs and not (op.variadic or op.stateful):
        return _unary_with_attrs(op)
    if op.variadic or op.stateful or op.attrs or not 1 <= len(op.inputs) <= 2 or (len(op.inputs) == 2 and op.mixed):
        return _with_attrs(op)
    return _generated(op)


def _unary_with_attrs(op: Op) -> Callable[..., Any]:
    """A call with one tensor and attributes."""
    meaning, kinds = op.meaning, op.kinds

    def call(x: Any, **attrs: Any) -> Any:
        if type(x) is not Tensor or (kinds and x._array.dtype.kind not in kinds):
            return execute(op, (x,), attrs)
        array = meaning(np, x._array, **attrs)
        if type(array) is tuple:
            out: Any = tuple([wrap(a) for a in array])
        else:
            out = _new(Tensor)
            out._array = array
        for tape in STATE.tapes:
            tape.record(op, (x,), attrs, out)
        return out

    return call


def _with_attrs(op: Op) -> Callable[..., Any]:
    """A call with attributes; eager tensors of one dtype go straight to the meaning."""
    meaning, slow, mixed, kinds = op.meaning, op.stateful, op.mixed, op.kinds

    def call(*inputs: Any, **attrs: Any) -> Any:
        arrays = [x._array for x in inputs if type(x) is Tensor]
        if slow or len(arrays) != len(inputs) or not (mixed or len({a.dtype for a in arrays}) < 2):
            return execute(op, inputs, attrs)
        if kinds and arrays[0].dtype.kind not in kinds:
            return execute(op, inputs, attrs)
        array = meaning(np, *arrays, **attrs)
        out = tuple([wrap(a) for a in array]) if type(array) is tuple else wrap(array)
        for tape in STATE.tapes:
            tape.record(op, inputs, attrs, out)
        return out

    return call


# One function is generated per op, so that it has the op's own parameter names and no layer between call and array;
# its own names begin with _, which no parameter's does.
_UNARY = """
def {name}({x}, name=None):
    if type({x}) is not Tensor:
        if type({x}) is not VARIABLE[0]:
            return execute(op, ({x},), {{}})
        {x} = {x}.read_value()
        if type({x}) is not Tensor:
            return execute(op, ({x},), {{}})
    _r = {x}._array{check}
{compute}
    if type(_r) is tuple:
        _out = tuple([wrap(_a) for _a in _r])
    else:
        _out = new(Tensor)
        _out._array = _r
    for _tape in STATE.tapes:
        _tape.record(op, ({x},), {{}}, _out)
    return _out
"""
_BINARY = """
def {name}({x}, {y}, name=None):
    if type({x}) is VARIABLE[0]:
        {x} = {x}.read_value()
    if type({y}) is VARIABLE[0]:
        {y} = {y}.read_value()
    if type({x}) is Tensor:
        _a = {x}._array
        if type({y}) is Tensor:
            _b = {y}._array
            if _a.dtype is not _b.dtype:
                return execute(op, ({x}, {y}), {{}})
        elif type({y}) is float and _a.dtype.kind == "f" or type({y}) is int and _a.dtype.char in "fdilq":
            _b = _a.dtype.type({y})
            {y} = wrap(_b)
        else:
            return execute(op, ({x}, {y}), {{}})
    else:
        return execute(op, ({x}, {y}), {{}})
{check}    try:
{compute}
    except ValueError as _error:
        refuse_shapes(_error, _a, _b)
    _out = new(Tensor)
    _out._array = _r
    for _tape in STATE.tapes:
        _tape.record(op, ({x}, {y}), {{}}, _out)
    return _out
"""


_FOLDER = __file__.removesuffix("dispatch.py")  # so that tracebacks know generated frames as ours


def _generated(op: Op) -> Callable[..., Any]:
    direct = _numpy_function(op)
    x, y = (*op.inputs, "y")[:2]
    template = _UNARY if len(op.inputs) == 1 else _BINARY
    compute = _computation(op, direct is not None, "_r" if len(op.inputs) == 1 else "_a, _b")
    if len(op.inputs) == 2:
        compute = textwrap.indent(compute, "    ")
    source = template.format(name=op.name, x=x, y=y, compute=compute, check=_kind_check(op, x, y))
    scope: dict[str, Any] = {
        "Tensor": Tensor, "execute": execute, "op": op, "new": _new, "STATE": STATE, "wrap": wrap, "np": np, "meaning": op.meaning, "function": direct, "VARIABLE": VARIABLE, "refuse_shapes": refuse_shapes, "SETTING": SETTING, "IGNORE": IGNORE,
    }  # fmt: skip
    exec(compile(source, f"{_FOLDER}<{op.name}>", "exec"), scope)  # noqa: S102  (a template filled with the op's own names)
    made: Callable[..., Any] = scope[op.name]
    made.__doc__, made.__module__ = op.__doc__, op.__module__
    return made


def _computation(op: Op, direct: bool, arrays: str) -> str:
    """The lines that compute: NumPy's function itself where the meaning is nothing else, made quiet where the meaning is."""
    if not direct:
        return f"    _r = meaning(np, {arrays})"
    if not hasattr(op.meaning, "__wrapped__"):
        return f"    _r = function({arrays})"
    return (
        f"    _token = SETTING.set(IGNORE)\n    try:\n        _r = function({arrays})\n    finally:\n        SETTING.reset(_token)"
    )


def _kind_check(op: Op, x: str, y: str) -> str:
    """A line that sends inputs of a wrong kind to `execute`, which refuses them in words."""
    if not op.kinds:
        return ""
    kinds = op.kinds.replace("O", "")  # strings take the long way
    if len(op.inputs) == 1:
        return f"\n    if _r.dtype.kind not in {kinds!r}:\n        return execute(op, ({x},), {{}})"
    return f"    if _a.dtype.kind not in {kinds!r}:\n        return execute(op, ({x}, {y}), {{}})\n"


class _Recorder:
    """Stands for the array namespace to see whether a meaning is nothing but one function of it."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: (name, args)


def _numpy_function(op: Op) -> Any:
    """numpy.add for a meaning that is `return xp.add(x, y)`; None for all others."""
    marks = tuple(object() for _ in op.inputs)
    if hasattr(op.meaning, "__wrapped__") and SETTING is None:
        return None
    try:
        result = op.meaning(_Recorder(), *marks)
    except Exception:  # noqa: BLE001  (a meaning that looks at its arguments)
        return None
    straight = type(result) is tuple and len(result) == 2 and result[1] == marks
    return getattr(np, result[0], None) if straight else None


@contextmanager
def eagerly() -> Iterator[None]:
    """Carry ops out at once, unseen by tapes and traces: for initial values of variables (TensorFlow's `init_scope`)."""
    tapes, trace = STATE.tapes, STATE.trace
    STATE.tapes, STATE.trace = (), None
    try:
        yield
    finally:
        STATE.tapes, STATE.trace = tapes, trace


set_call_maker(fast_call)
