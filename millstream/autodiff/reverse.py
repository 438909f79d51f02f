"""Reverse mode: from the record of what was computed to the gradients, by each op's own rule.

The rules are written with ops, so the same walk works on eager tensors, on traced ones (then it adds nodes), and
under another tape (second order).
"""

from collections.abc import Sequence
from typing import Any

from millstream.core.deferred import Deferred, now
from millstream.core.dispatch import Hooks
from millstream.core.op import Op
from millstream.core.variable import read_variable

# One op that was carried out: the op, its inputs, its attributes, and what the call returned (a tensor or a tuple of them).
Record = tuple[Op, tuple[Any, ...], dict[str, Any], Any]


def backprop(records: Sequence[Record], sources: Sequence[Any], targets: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """The gradient of sum(targets * seeds) to each source; None where no path leads there."""
    kept = {id(s) for s in sources}
    needed = _needed(records, kept)
    gradients: dict[int, Any] = {}
    for target, seed in zip(targets, seeds, strict=True):
        _accumulate(gradients, target, seed)
    for record in reversed(records):
        op, inputs, attrs, outputs = record
        if type(outputs) is tuple:
            cotangent = _cotangents(outputs, gradients)
        elif id(outputs) in kept:
            cotangent = gradients.get(id(outputs))
        else:
            cotangent = gradients.pop(id(outputs), None)
        if cotangent is None:
            continue
        if op is read_variable:  # each use of a variable has a reading of its own
            if id(inputs[0]) in needed:
                _accumulate(gradients, inputs[0], cotangent)
            continue
        if cotangent.__class__ is Deferred:
            cotangent = cotangent.value()
        _apply(op, inputs, attrs, outputs, cotangent, gradients, needed)
    return [now(gradients.get(id(s))) for s in sources]


def _needed(records: Sequence[Record], sources: set[int]) -> set[int]:
    """The ids of everything that depends on a source."""
    needed = set(sources)
    for _, inputs, _, outputs in records:
        for x in inputs:
            if id(x) in needed:
                if type(outputs) is tuple:
                    needed.update(map(id, outputs))
                else:
                    needed.add(id(outputs))
                break
    return needed


def _cotangents(outputs: tuple[Any, ...], gradients: dict[int, Any]) -> Any:
    """One gradient per output, zeros for those without; None when there is none at all."""
    found = [now(gradients.get(id(o))) for o in outputs]
    if all(g is None for g in found):
        return None
    return tuple([Hooks.zeros_like(o) if g is None else g for g, o in zip(found, outputs, strict=True)])


def _apply(
    op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any], outputs: Any, cotangent: Any, gradients: dict[int, Any], needed: set[int]
) -> None:
    if op.vjps is not None:
        for x, rule in zip(inputs, op.vjps, strict=True):
            if rule is not None and id(x) in needed:
                _accumulate(gradients, x, rule(cotangent, outputs, *inputs, **attrs))
    elif op.vjp_all_rule is not None:
        for x, gradient in zip(inputs, op.vjp_all_rule(cotangent, outputs, *inputs, **attrs), strict=True):
            if id(x) in needed:
                _accumulate(gradients, x, gradient)
    elif any(id(x) in needed for x in inputs):
        raise LookupError(
            f"No gradient defined for operation '{op.name}'. Put tf.stop_gradient round it, or give it one with tf.custom_gradient."
        )


def _accumulate(gradients: dict[int, Any], x: Any, gradient: Any) -> None:
    if gradient is None:
        return
    before = gradients.get(id(x))
    if before is None:
        gradients[id(x)] = gradient
    elif before.__class__ is Deferred and gradient.__class__ is Deferred and before.total is gradient.total:
        gradients[id(x)] = before.plus(gradient)
    else:
        gradients[id(x)] = Hooks.add(now(before), now(gradient))
