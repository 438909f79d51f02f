"""Shapes without values: a layer's call is traced with every unknown size set to one number, then to another; what differs is unknown."""

from collections.abc import Callable
from typing import Any

from millstream.core.dispatch import STATE
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.graph.trace import Trace
from millstream.keras.layers.context import fresh_call
from millstream.keras.layers.keras_tensor import KerasTensor
from millstream.util import tree

_STAND_INS = ((2, 3), (64, 65))  # the second pair for layers that need room, such as convolutions over unknown heights


def infer(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Keras tensors, without history, in the structure that call(*args, **kwargs) returns.

    Raises: what the call raises for sizes that cannot be right.
    """
    if all(x.shape.is_fully_defined() for x in tree.flatten([args, kwargs]) if isinstance(x, KerasTensor)):
        out, specs = _run(call, args, kwargs, 0)
        return tree.pack(out, [KerasTensor(s.shape, s.dtype) for s in specs])
    for i, (small, large) in enumerate(_STAND_INS):
        try:
            (out, first), (_, second) = _run(call, args, kwargs, small), _run(call, args, kwargs, large)
        except Exception:  # sizes too small for this layer, unless the larger ones fail too
            if i + 1 == len(_STAND_INS):
                raise
        else:
            return tree.pack(out, [_merge(a, b) for a, b in zip(first, second, strict=True)])
    raise AssertionError


def _merge(a: ArraySpec, b: ArraySpec) -> KerasTensor:
    return KerasTensor([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)], a.dtype)


def _run(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], stand_in: int) -> tuple[Any, list[ArraySpec]]:
    """What the call returns, and the specs of its leaves."""
    trace = Trace()

    def enter(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        return trace.input(ArraySpec(tuple(stand_in if n is None else n for n in x.shape), x.dtype))

    tapes, STATE.tapes = STATE.tapes, ()
    try:
        with fresh_call() as lossy, trace.active():
            out = call(*tree.map_structure(enter, args), **tree.map_structure(enter, kwargs))
    finally:
        STATE.tapes = tapes
        for layer in lossy:
            layer._losses.clear()
    return out, [_spec(x) for x in tree.flatten(out)]


def _spec(x: Any) -> ArraySpec:
    if not isinstance(x, (Tensor, Variable)):
        raise TypeError(
            f"A layer called on Keras tensors must return tensors; got {x!r} of type {type(x).__name__}. Check what its `call` returns."
        )
    return ArraySpec(tuple(n or 0 for n in x.shape), x.dtype)
