"""Arrays for fit, evaluate and predict: whatever users pass, as nested NumPy arrays of one length, floats in the default float type."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.keras.backend.config import floatx
from millstream.util import tree


class Batches(NamedTuple):
    """x, targets and sample weights: nested arrays, None where not given."""

    x: Any
    y: Any = None
    sample_weight: Any = None

    def packed(self) -> tuple[Any, ...]:
        """The tuple that a step gets: without trailing None."""
        if self.sample_weight is not None:
            return self.x, self.y, self.sample_weight
        return (self.x,) if self.y is None else (self.x, self.y)

    @property
    def samples(self) -> int:
        """How many samples."""
        return next(len(a) for a in tree.flatten(tuple(self)) if a is not None)


def as_arrays(value: Any, what: str) -> Any:
    """Nested arrays of arrays, tensors, lists of numbers, DataFrames, Series, and lists, tuples and dictionaries of these.

    Raises: ValueError or TypeError, naming `what` is wrong: strings, lists of unequal length, other objects.
    """
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and _holds_numbers(value):
        return _array(_rectangular(value, what), what)
    if isinstance(value, Mapping):
        return {k: as_arrays(v, f"{what}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError(f"{what} is an empty list: there is nothing to work on. Pass arrays with at least one sample.")
        return type(value)(as_arrays(v, f"{what}[{i}]") for i, v in enumerate(value)) if not hasattr(value, "_fields") else tuple(value)
    return _array(value, what)


def _holds_numbers(value: Any) -> bool:
    """Whether it is a (nested) list of numbers or strings, which stands for one array."""
    while isinstance(value, (list, tuple)) and len(value):
        value = value[0]
    return isinstance(value, (int, float, bool, str, bytes, np.generic))


def _rectangular(value: Any, what: str) -> Any:
    try:
        return np.array(value)
    except ValueError:
        raise ValueError(
            f"{what} is a ragged list: its rows have different lengths, e.g. {_lengths(value)}. Pad them to one length "
            "(tf.keras.preprocessing.sequence.pad_sequences), or make an array of it yourself."
        ) from None


def _lengths(value: Any) -> str:
    return ", ".join(str(len(v)) if isinstance(v, (list, tuple)) else "a number" for v in value[:3])


def _array(value: Any, what: str) -> Any:
    if isinstance(value, (Tensor, Variable)):
        value = value.numpy()
    elif hasattr(value, "to_numpy"):  # pandas: a Series is one column
        array = value.to_numpy()
        value = array[:, None] if array.ndim == 1 else array
    elif not isinstance(value, np.ndarray):
        if not hasattr(value, "__array__"):
            raise TypeError(
                f"{what} is {value!r} of type {type(value).__name__}; expected an array, a tensor, a list of numbers or a DataFrame."
            )
        value = np.asarray(value)
    return _numeric(value, what)


def _numeric(array: Any, what: str) -> Any:
    if array.dtype == object:
        array = _of_objects(array, what)
    if array.dtype.kind in "USO":
        sample = array.reshape(-1)[0] if array.size else ""
        sample = sample.item() if isinstance(sample, np.generic) else sample
        raise ValueError(
            f"{what} holds strings, such as {sample!r}; a model computes with numbers. Encode them first, for example as positions in a list of words."
        )
    if (array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8)) or array.dtype.name == "bfloat16":
        return array.astype(floatx())
    return array  # float64 as well: runners turn a batch at a time into floatx, which saves a copy of the whole data set


def _of_objects(array: Any, what: str) -> Any:
    """An array of Python objects as numbers. Raises: ValueError when they are none."""
    if array.size and isinstance(array.reshape(-1)[0], (str, bytes)):
        return array
    try:
        return np.array(array.tolist(), dtype=floatx())
    except (ValueError, TypeError):
        raise ValueError(
            f"{what} is an array of Python objects (dtype object) that are no numbers, or of rows of different lengths. Make it an array of one dtype."
        ) from None


def check_lengths(x: Any, y: Any, sample_weight: Any) -> int:
    """The number of samples. Raises: ValueError when arrays have none, or different numbers, or no dimensions."""
    sizes: dict[str, list[int]] = {}
    for name, part in (("x", x), ("y", y), ("sample_weight", sample_weight)):
        for array in tree.flatten(part):
            if array is not None:
                if not array.ndim:
                    raise ValueError(
                        f"{name} holds a single number without dimensions; expected arrays with the samples along the first axis."
                    )
                sizes.setdefault(name, []).append(len(array))
    found = {n for group in sizes.values() for n in group}
    if len(found) > 1:
        lines = "".join(f"\n  {name} sizes: {', '.join(map(str, group))}" for name, group in sizes.items())
        raise ValueError(f"Data cardinality is ambiguous:{lines}\nMake sure all arrays contain the same number of samples.")
    if not found or 0 in found:
        raise ValueError("Expected input data to be non-empty: there are no samples in it. Check the shapes of x and y.")
    return found.pop()


def batches(x: Any, y: Any = None, sample_weight: Any = None) -> Batches:
    """Arrays of anything, checked to be of one length."""
    made = Batches(as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight"))
    check_lengths(*made)
    return made


def split(data: Batches, validation_split: float) -> tuple[Batches, Batches]:
    """The first rows to train on and the last ones to check on. Raises: ValueError when one of the two would be empty."""
    n = data.samples
    at = int(np.floor(n * (1.0 - validation_split)))
    if at in (0, n):
        raise ValueError(
            f"Training data contains {n} samples, which is not sufficient to split it into a validation and training set as specified by "
            f"`validation_split={validation_split}`. Either provide more data, or a different value for the `validation_split` argument."
        )
    return _rows(data, slice(None, at)), _rows(data, slice(at, None))


def _rows(data: Batches, rows: slice) -> Batches:
    return Batches(*(tree.map_structure(lambda a: None if a is None else a[rows], part) for part in data))


def with_class_weights(data: Batches, class_weight: Mapping[int, float]) -> Batches:
    """The data with each sample's weight times that of its class.

    Raises: ValueError unless classes are 0 to n - 1, for several targets, and for targets of more than two dimensions.
    """
    if sorted(class_weight) != list(range(len(class_weight))):
        raise ValueError(
            f"Expected `class_weight` to be a dict with keys from 0 to one less than the number of classes, found {dict(class_weight)}. Give a weight for every class."
        )
    if data.y is None or tree.is_nested(data.y):
        raise ValueError("`class_weight` is only supported for Models with a single output; weight the samples with sample_weight instead.")
    if data.y.ndim > 2:
        raise ValueError("`class_weight` not supported for 3+ dimensional targets.")
    one_hot = data.y.ndim == 2 and data.y.shape[1] > 1
    classes = data.y.argmax(1) if one_hot else data.y.reshape(-1).astype("int64")
    if classes.size and (classes.min() < 0 or classes.max() >= len(class_weight)):
        raise ValueError(
            f"`class_weight` must contain all classes in the data. It has no weight for class {int(classes.max())}: it says {dict(class_weight)}."
        )
    table = np.array([class_weight[i] for i in range(len(class_weight))], floatx())
    weights = table[classes]
    return data._replace(
        sample_weight=weights
        if data.sample_weight is None
        else data.sample_weight * weights.reshape(-1, *[1] * (data.sample_weight.ndim - 1))
    )
