"""Reverse mode: from the record of what was computed to the gradients, by each op's own rule.

The rules are written with ops, so the same walk works on eager tensors, on traced ones (then it adds nodes), and
under another tape (second order).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from millstream.core.dispatch import Hooks
from millstream.core.op import Op
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor


class Record(NamedTuple):
    """One op that was carried out. `outputs` is what the call returned: a tensor or a tuple of tensors."""

    op: Op
    inputs: tuple[Any, ...]
    attrs: dict[str, Any]
    outputs: Any


def backprop(records: Sequence[Record], sources: Sequence[Any], targets: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
    """The gradient of sum(targets * seeds) to each source; None where no path leads there."""
    needed = _needed(records, sources)
    gradients: dict[int, Any] = {}
    for target, seed in zip(targets, seeds, strict=True):
        _accumulate(gradients, target, seed)
    kept = {id(s) for s in sources}
    for record in reversed(records):
        _step(record, gradients, needed, kept)
    return [gradients.get(id(s)) for s in sources]


def _needed(records: Sequence[Record], sources: Sequence[Any]) -> set[int]:
    """The ids of everything that depends on a source."""
    needed = {id(s) for s in sources}
    for record in records:
        for x in record.inputs:
            if id(x) in needed:
                needed.update(map(id, _as_tuple(record.outputs)))
                break
    return needed


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return outputs if type(outputs) is tuple else (outputs,)


def _step(record: Record, gradients: dict[int, Any], needed: set[int], kept: set[int]) -> None:
    outputs = _as_tuple(record.outputs)
    found = [gradients.get(id(o)) if id(o) in kept else gradients.pop(id(o), None) for o in outputs]
    if all(g is None for g in found) or not any(id(x) in needed for x in record.inputs):
        return
    if type(record.outputs) is tuple:
        cotangent: Any = tuple(_or_zeros(g, o) for g, o in zip(found, outputs, strict=True))
    else:
        cotangent = found[0]
    _apply(record, cotangent, gradients, needed)


def _or_zeros(gradient: Any, output: Tensor) -> Any:
    return gradient if gradient is not None else Hooks.zeros(ArraySpec(tuple(output.shape), output.dtype))


def _apply(record: Record, cotangent: Any, gradients: dict[int, Any], needed: set[int]) -> None:
    op, inputs = record.op, record.inputs
    if op.vjp_all_rule is not None:
        all_gradients = op.vjp_all_rule(cotangent, record.outputs, *inputs, **record.attrs)
        for x, gradient in zip(inputs, all_gradients, strict=True):
            if gradient is not None and id(x) in needed:
                _accumulate(gradients, x, gradient)
        return
    if op.vjps is None:
        raise LookupError(f"No gradient defined for operation '{op.name}'. Put tf.stop_gradient round it, or give it one with tf.custom_gradient.")
    for x, rule in zip(inputs, op.vjps, strict=True):
        if rule is not None and id(x) in needed:
            gradient = rule(cotangent, record.outputs, *inputs, **record.attrs)
            if gradient is not None:
                _accumulate(gradients, x, gradient)


def _accumulate(gradients: dict[int, Any], x: Any, gradient: Any) -> None:
    before = gradients.get(id(x))
    gradients[id(x)] = gradient if before is None else Hooks.add(before, gradient)
