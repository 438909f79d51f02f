"""How a call of an op is carried out: at once on arrays, recorded on tapes, or added to the graph being traced.

Eager tensors are computed at once even inside a trace (that is constant folding); only traced tensors, variables
and stateful ops look at the trace. A Tensor subclass may take over by its `_dispatch` (traced and Keras tensors do).
"""

import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import numpy as np

from millstream.core.dtypes import OF_NUMPY, DType
from millstream.core.op import Op, refuse_kind, set_call_maker, title_of
from millstream.core.quiet import RUN, quiet
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert, reader_of
from millstream.util.errors import OperandTypeError, OpError, invalid


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
NO_ATTRS: dict[str, Any] = {}  # what ops without attributes are recorded with; never changed
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
        explain(op, arrays, attrs, error)
    return tuple(wrap(a) for a in out) if type(out) is tuple else wrap(np.array(out, object) if type(out) is bytes else out)


def explain(op: Op, arrays: Sequence[Any], attrs: dict[str, Any], error: ValueError) -> NoReturn:
    """Raises: InvalidArgumentError where NumPy raised ValueError; in the shape rule's words, where the shapes were wrong."""
    if isinstance(error, OpError):
        raise error
    try:
        if op.infer_rule is not None:
            op.output_specs([ArraySpec(tuple(a.shape), OF_NUMPY[a.dtype]) for a in arrays], attrs)
    except OpError as told:
        raise told from None
    raise invalid(f"{error} [Op:{title_of(op)}]") from None


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


_PYTHON = (bool, int, float, complex, str, bytes, list, tuple)


def _check_same_dtype(op: Op, tensors: tuple[Any, ...], inputs: tuple[Any, ...]) -> None:
    first = tensors[0].dtype
    for i, x in enumerate(tensors):
        if x.dtype is not first:
            if isinstance(inputs[i], _PYTHON) or isinstance(inputs[0], _PYTHON):
                value, wanted = (inputs[i], first) if isinstance(inputs[i], _PYTHON) else (inputs[0], x.dtype)
                raise OperandTypeError(
                    None, None, f"Cannot convert {value!r} to EagerTensor of dtype {wanted.name}: write it as one, or use tf.cast."
                )
            title = title_of(op)
            raise invalid(
                f"cannot compute {title} as input #{i}(zero-based) was expected to be a {first.name} tensor "
                f"but is a {x.dtype.name} tensor [Op:{title}]; convert one of them with tf.cast."
            )


def fast_call(op: Op) -> Callable[..., Any]:
    """The quickest way to call an op: short for eager tensors of one dtype, `execute` for all else."""
    if op.variadic or op.stateful or not 1 <= len(op.inputs) <= 2 or (len(op.inputs) == 2 and op.mixed):
        return _any_number(op)
    return _generated(op)


def _any_number(op: Op) -> Callable[..., Any]:
    """A call with any number of inputs; eager tensors of one dtype go straight to the meaning."""
    meaning, slow, mixed, kinds = op.meaning, op.stateful, op.mixed, op.kinds

    def call(*inputs: Any, **attrs: Any) -> Any:
        arrays = [x._array for x in inputs if type(x) is Tensor]
        if slow or len(arrays) != len(inputs) or not (mixed or len({a.dtype for a in arrays}) < 2):
            return execute(op, inputs, attrs)
        if kinds and arrays[0].dtype.kind not in kinds:
            return execute(op, inputs, attrs)
        try:
            array = meaning(np, *arrays, **attrs)
        except ValueError as error:
            explain(op, arrays, attrs, error)
        out = tuple([wrap(a) for a in array]) if type(array) is tuple else wrap(array)
        for tape in STATE.tapes:
            tape.record(op, inputs, attrs, out)
        return out

    return call


# One function is generated per op, so that it has the op's own parameter names and no layer between call and array;
# its own names begin with _, which no parameter's does.
_READ = """
    if type({x}) is not Tensor:
        if type({x}) is not VARIABLE[0]:
            return execute(op, ({inputs}), {attrs})
        {x} = {x}.read_value()
        if type({x}) is not Tensor:
            return execute(op, ({inputs}), {attrs})
    _a = {x}._array
"""
_OTHER = """
    if type({y}) is Tensor:
        _b = {y}._array
        if _a.dtype is not _b.dtype:
            return execute(op, ({inputs}), {attrs})
    elif type({y}) is float and _a.dtype.kind == "f" or type({y}) is int and _a.dtype.char in "fdilq":
        try:
            _b = _a.dtype.type({y})
        except OverflowError:
            return execute(op, ({inputs}), {attrs})
        {y} = wrap(_b)
    else:
        if type({y}) is not VARIABLE[0]:
            return execute(op, ({inputs}), {attrs})
        {y} = {y}.read_value()
        if type({y}) is not Tensor or {y}._array.dtype is not _a.dtype:
            return execute(op, ({inputs}), {attrs})
        _b = {y}._array
"""
_KINDS = """
    if _a.dtype.kind not in "{kinds}":
        return execute(op, ({inputs}), {attrs})
"""
_RUN = """
    try:
{compute}
    except ValueError as _error:
        explain(op, ({arrays}), {attrs}, _error)
"""
_ONE = """
    _out = new(Tensor)
    _out._array = _result
"""
_SEVERAL = """
    if type(_result) is tuple:
        _out = tuple([wrap(_r) for _r in _result])
    else:
        _out = new(Tensor)
        _out._array = _result
"""
_RECORD = """
    for _tape in STATE.tapes:
        _tape.record(op, ({inputs}), {attrs}, _out)
    return _out
"""
# Python's own operators: on arrays they are NumPy's functions, on NumPy's scalars they cost a tenth of those.
_OPERATORS: dict[Any, Any] = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul, np.true_divide: operator.truediv, np.negative: operator.neg,
    np.less: operator.lt, np.less_equal: operator.le, np.greater: operator.gt, np.greater_equal: operator.ge,
}  # fmt: skip
_FOLDER = __file__.removesuffix("dispatch.py")  # so that tracebacks know generated frames as ours


def _generated(op: Op) -> Callable[..., Any]:
    function = _numpy_function(op)
    scope: dict[str, Any] = {
        "Tensor": Tensor, "execute": execute, "op": op, "new": _new, "STATE": STATE, "wrap": wrap, "np": np, "meaning": op.meaning,
        "function": function, "quietly": quiet(function) if function else None, "run": RUN, "VARIABLE": VARIABLE, "explain": explain, "NO_ATTRS": NO_ATTRS,
    }  # fmt: skip
    source = compile(_source(op, scope["function"]), f"{_FOLDER}<{op.name}>", "exec")
    exec(source, scope)  # noqa: S102  (templates filled with the op's own names)
    made: Callable[..., Any] = scope[op.name]
    made.__doc__, made.__module__ = op.__doc__, op.__module__
    return made


def _source(op: Op, direct: Any) -> str:
    """The function's text. Strings are left to `execute`: NumPy gives what it makes of two of them bare."""
    binary, kinds = len(op.inputs) == 2, op.kinds.replace("O", "")
    template = f"def {op.name}({', '.join(op.inputs)}, {'**attrs' if op.attrs else 'name=None'}):"
    template += _READ + (_OTHER if binary else "") + (_KINDS if kinds else "") + _RUN
    template += (_ONE if direct or (binary and not op.attrs) else _SEVERAL) + _RECORD
    return template.format(
        x=op.inputs[0],
        y=op.inputs[-1],
        inputs=f"{', '.join(op.inputs)},",
        attrs="attrs" if op.attrs else "NO_ATTRS",
        kinds=kinds,
        arrays="_a, _b" if binary else "_a,",
        compute=_computation(op, direct, "_a, _b" if binary else "_a"),
    )


def _computation(op: Op, direct: Any, arrays: str) -> str:
    """The lines that compute: NumPy's function itself where the meaning is nothing else, made quiet where the meaning is."""
    if direct is None:
        return f"        _result = meaning(np, {arrays}{', **attrs' if op.attrs else ''})"
    if not hasattr(op.meaning, "__wrapped__"):
        return f"        _result = function({arrays})"
    if RUN is None:
        return f"        _result = quietly({arrays})"
    return f"        _result = run(function, {arrays})\n    except RuntimeError:\n        _result = quietly({arrays})"


class _Recorder:
    """Stands for the array namespace to see whether a meaning is nothing but one function of it."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: (name, args)


def _numpy_function(op: Op) -> Any:
    """numpy.add for a meaning that is `return xp.add(x, y)`; None for all others."""
    if op.attrs:
        return None
    marks = tuple(object() for _ in op.inputs)
    try:
        result = op.meaning(_Recorder(), *marks)
    except Exception:  # noqa: BLE001  (a meaning that looks at its arguments)
        return None
    straight = type(result) is tuple and len(result) == 2 and result[1] == marks
    function = getattr(np, result[0], None) if straight else None
    return _OPERATORS.get(function, function)


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
