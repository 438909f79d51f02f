"""NumpyArrayIterator: changed pictures of an array, batch by batch."""

import warnings
from typing import Any

import numpy as np

from millstream.keras.preprocessing.image.iterator import Iterator
from millstream.keras.preprocessing.image.pictures import resolve_format, save_batch
from millstream.util.export import export


@export("tf.keras.preprocessing.image.NumpyArrayIterator")
class NumpyArrayIterator(Iterator):
    """What ImageDataGenerator.flow returns: (x), (x, y) or (x, y, sample_weight) of each batch.

    Args: as flow's. x may be a pair (pictures, list of further arrays). Raises: ValueError for other lengths, ranks or subsets.
    """

    def __init__(
        self, x: Any, y: Any, image_data_generator: Any, batch_size: int = 32, shuffle: bool = False, sample_weight: Any = None,
        seed: int | None = None, data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
        subset: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.dtype = np.dtype(dtype or "float32")
        x, self.x_misc = _with_misc(x)
        _check_length(x, y, "`y` (labels)", "y.shape")
        _check_length(x, sample_weight, "`sample_weight`", "sample_weight.shape")
        if subset is not None:
            part = _part(x, y, subset, image_data_generator._validation_split)
            x, self.x_misc = x[part], [m[part] for m in self.x_misc]
            y = None if y is None else y[part]
            sample_weight = None if sample_weight is None else sample_weight[part]
        self.x, self.data_format = np.asarray(x, dtype=self.dtype), resolve_format(data_format)
        _check_pictures(self.x, self.data_format)
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        batch = self.image_data_generator._changed_batch(self.x[index_array].astype(self.dtype))
        if self.save_to_dir:
            save_batch(batch, index_array, self.data_format, self.save_to_dir, self.save_prefix, self.save_format, 10_000)
        x = [batch, *(m[index_array] for m in self.x_misc)] if self.x_misc else batch
        if self.y is None:
            return x
        weight = () if self.sample_weight is None else (self.sample_weight[index_array],)
        return x, self.y[index_array], *weight


def _with_misc(x: Any) -> tuple[Any, list[Any]]:
    """Pictures and further arrays of the same length. Raises: ValueError when lengths differ."""
    if not isinstance(x, (tuple, list)):
        return x, []
    first, more = x[0], x[1] if isinstance(x[1], list) else [x[1]]
    misc = [np.asarray(m) for m in more]
    if any(len(m) != len(first) for m in misc):
        lengths = [len(m) for m in misc]
        raise ValueError(
            f"All of the arrays in `x` should have the same length. Found a pair with: len(x[0]) = {len(first)}, len(x[?]) = {lengths}"
        )
    return np.asarray(first), misc


def _check_length(x: Any, other: Any, what: str, shape: str) -> None:
    if other is not None and len(x) != len(other):
        raise ValueError(
            f"`x` (images tensor) and {what} should have the same length. Found: x.shape = {np.shape(x)}, {shape} = {np.shape(other)}"
        )


def _part(x: Any, y: Any, subset: str, fraction: float) -> slice:
    """The rows of a subset: the first ones are for validation."""
    if subset not in {"training", "validation"}:
        raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')
    split = int(len(x) * fraction)
    if y is not None and not np.array_equal(np.unique(y[:split]), np.unique(y[split:])):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split. If your numpy arrays are sorted by the label, "
            "you might want to shuffle them."
        )
    return slice(None, split) if subset == "validation" else slice(split, None)


def _check_pictures(x: Any, data_format: str) -> None:
    if x.ndim != 4:
        raise ValueError(f"Input data in `NumpyArrayIterator` should have rank 4. You passed an array with shape {x.shape}")
    axis = 3 if data_format == "channels_last" else 1
    if x.shape[axis] not in {1, 3, 4}:
        warnings.warn(
            f'NumpyArrayIterator is set to use the data format convention "{data_format}" (channels on axis {axis}), i.e. expected either 1, 3, or 4 '
            f"channels on axis {axis}. However, it was passed an array with shape {x.shape} ({x.shape[axis]} channels).",
            stacklevel=3,
        )
