"""How what users give per output (losses, metrics, weights, targets) is brought into the structure of a model's outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from millstream.core.tensor import Tensor
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims
from millstream.util import tree


def pseudo_names(outputs: Any) -> list[str]:
    """Names for outputs of a model that names none: output_1, output_2, ...; of a dictionary its keys."""
    if isinstance(outputs, Mapping):
        return sorted(str(k) for k in outputs)
    return [f"output_{i + 1}" for i in range(len(tree.flatten(outputs)))]


def per_output(given: Any, outputs: Any, names: Sequence[str], what: str, share: bool = False) -> list[Any]:
    """What is given for each output: by name, by place, or (share) one for all; None for an output without.

    Raises: ValueError for a name that no output has, or a list of another length.
    """
    count = len(tree.flatten(outputs))
    if given is None:
        return [None] * count
    if isinstance(given, Mapping):
        unknown = [k for k in given if k not in names]
        if unknown:
            raise ValueError(
                f"Found unexpected keys that do not correspond to any Model output: {unknown}. Expected: {list(names)} as keys of {what}."
            )
        return [given.get(n) for n in names]
    if isinstance(given, (list, tuple)):
        return _by_place(list(given), count, what)
    if count > 1 and not share:
        raise ValueError(f"{what} is one array where the model has {count} outputs; give a list or a dictionary with one for each.")
    return [given] * count


def _by_place(given: list[Any], count: int, what: str) -> list[Any]:
    flat = given if len(given) == count else tree.flatten(given)
    if len(flat) != count:
        raise ValueError(
            f"{what} has {len(flat)} entries where the model has {count} outputs; give one for each output, None where there is none."
        )
    return flat


def mask_of(prediction: Any) -> Any:
    """The mask that a prediction carries, or None."""
    return prediction.__dict__.get("_keras_mask") if isinstance(prediction, Tensor) else None


def match(y_true: Any, y_pred: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Targets and weights with the predictions' dtype (floats of floats, whole numbers of whole ones) and, from [n], a second dimension."""
    if y_true.ndim == 1 and y_pred.ndim == 2:
        y_true = expand_dims(y_true, -1)
    both_float = y_true.dtype.is_floating and y_pred.dtype.is_floating
    if (both_float or (y_true.dtype.is_integer and y_pred.dtype.is_integer)) and y_true.dtype is not y_pred.dtype:
        y_true = cast(y_true, y_pred.dtype)
    if weight is not None:
        weight = cast(weight, y_pred.dtype)
        if weight.ndim == 1 and y_pred.ndim == 2:
            weight = expand_dims(weight, -1)
    return y_true, y_pred, weight


def apply_mask(y_pred: Any, weight: Any, mask: Any) -> Any:
    """The weights, 0 where masked."""
    if mask is None:
        return weight
    mask = cast(mask, y_pred.dtype)
    if weight is None:
        return mask
    while weight.ndim < mask.ndim:
        weight = expand_dims(weight, -1)
    while mask.ndim < weight.ndim:
        mask = expand_dims(mask, -1)
    return weight * mask
