"""Iterator: batches of numbered samples, in order or shuffled by NumPy's global generator."""

import threading
from collections.abc import Iterator as Iterates
from typing import Any, Self

import numpy as np

from millstream.keras.utils.sequence import Sequence
from millstream.util.export import export


@export("tf.keras.preprocessing.image.Iterator")
class Iterator(Sequence):
    """Base class of picture iterators: endless by `next`, by number as a Sequence.

    Args: n, samples; batch_size; shuffle; seed, None or what, with the number of batches so far added, seeds NumPy before each batch.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index, self.total_batches_seen = 0, 0
        self.lock = threading.Lock()
        self.index_array: Any = None
        self.index_generator = self._flow_index()

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)  # noqa: NPY002  (the global generator)

    def _seed(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)  # noqa: NPY002  (the global generator)

    def __getitem__(self, index: int) -> Any:
        if index >= len(self):
            raise ValueError(f"Asked to retrieve element {index}, but the Sequence has length {len(self)}")
        self._seed()
        self.total_batches_seen += 1
        if self.index_array is None:
            self._set_index_array()
        return self._get_batches_of_transformed_samples(self.index_array[self.batch_size * index : self.batch_size * (index + 1)])

    def __len__(self) -> int:
        return (self.n + self.batch_size - 1) // self.batch_size

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self._set_index_array()

    def reset(self) -> None:
        """Begin with the first batch."""
        self.batch_index = 0

    def _flow_index(self) -> Iterates[Any]:
        self.reset()
        while True:
            self._seed()
            if self.batch_index == 0:
                self._set_index_array()
            first = 0 if self.n == 0 else (self.batch_index * self.batch_size) % self.n
            self.batch_index = self.batch_index + 1 if self.n > first + self.batch_size else 0
            self.total_batches_seen += 1
            yield self.index_array[first : first + self.batch_size]

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        with self.lock:
            numbers = next(self.index_generator)
        return self._get_batches_of_transformed_samples(numbers)

    def next(self) -> Any:
        """The next batch."""
        return self.__next__()

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        """The batch of these samples. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override _get_batches_of_transformed_samples(index_array).")
