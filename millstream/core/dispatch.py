"""How a call of an op is carried out: at once on arrays, recorded on tapes, or added to the graph being traced.

Eager tensors are computed at once even inside a trace (that is constant folding); only traced tensors, variables
and stateful ops look at the trace. A Tensor subclass may take over by its `_dispatch` (traced and Keras tensors do).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from millstream.core.dtypes import OF_NUMPY, DType
from millstream.core.op import Op, refuse_kind
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
NO_ATTRS: dict[str, Any] = {}
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
    out = op.meaning(np, *[x._array for x in tensors], **attrs)
    return tuple(wrap(a) for a in out) if type(out) is tuple else wrap(out)


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
    return None


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
    """The quickest way to call an op with positional tensors: short for eager tensors of one dtype, `execute` for all else."""
    if op.variadic or op.stateful:
        return op
    if len(op.inputs) == 1:
        return _fast_unary(op)
    if len(op.inputs) == 2 and not op.mixed:
        return _fast_binary(op)
    return op


def _fast_unary(op: Op) -> Callable[..., Any]:
    meaning, kinds = op.meaning, op.kinds

    def call(x: Any, **attrs: Any) -> Any:
        if type(x) is not Tensor:
            return execute(op, (x,), attrs)
        array = x._array
        if kinds and array.dtype.kind not in kinds:
            refuse_kind(op, array.dtype)
        array = meaning(np, array, **attrs)
        if type(array) is tuple:
            out: Any = tuple([wrap(a) for a in array])
        else:
            out = _new(Tensor)
            out._array = array
        for tape in STATE.tapes:
            tape.record(op, (x,), attrs, out)
        return out

    return call


def _fast_binary(op: Op) -> Callable[..., Any]:
    meaning, kinds = op.meaning, op.kinds

    def call(x: Any, y: Any, **attrs: Any) -> Any:
        if type(x) is not Tensor or type(y) is not Tensor:
            return execute(op, (x, y), attrs)
        a, b = x._array, y._array
        if a.dtype is not b.dtype or (kinds and a.dtype.kind not in kinds):
            return execute(op, (x, y), attrs)
        array = meaning(np, a, b, **attrs)
        if type(array) is tuple:
            out: Any = tuple([wrap(v) for v in array])
        else:
            out = _new(Tensor)
            out._array = array
        for tape in STATE.tapes:
            tape.record(op, (x, y), attrs, out)
        return out

    return call


@contextmanager
def eagerly() -> Iterator[None]:
    """Carry ops out at once, unseen by tapes and traces: for initial values of variables (TensorFlow's `init_scope`)."""
    tapes, trace = STATE.tapes, STATE.trace
    STATE.tapes, STATE.trace = (), None
    try:
        yield
    finally:
        STATE.tapes, STATE.trace = tapes, trace
