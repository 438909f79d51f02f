"""tf.keras.preprocessing.sequence: lists of numbers made equally long, windows of time series, pairs of words."""

import json
import random
from collections.abc import Sequence as Items
from typing import Any

import numpy as np

from millstream.keras.utils.sequence import Sequence
from millstream.util.export import export

_EULER_GAMMA = 0.577


# ---------------------------------------------------------------------------------------------- padding
@export("tf.keras.preprocessing.sequence.pad_sequences", "tf.keras.utils.pad_sequences")
def pad_sequences(
    sequences: Any, maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre", truncating: str = "pre", value: Any = 0.0
) -> Any:
    """Sequences as rows [N, maxlen, ...] of one array, filled up with `value`, or cut.

    Args: maxlen, by default the longest's length; padding and truncating, "pre" or "post": at which end.
    Raises: ValueError for what are no sequences, samples of different shapes, or a value that the dtype cannot hold.
    >>> tf.keras.preprocessing.sequence.pad_sequences([[1], [2, 3, 4]]).tolist()
    [[0, 0, 1], [2, 3, 4]]
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    lengths = [_length(s) for s in sequences]
    width = max(lengths, default=0) if maxlen is None else maxlen
    sample = next((np.shape(s)[1:] for s, n in zip(sequences, lengths, strict=True) if n), ())
    _check_value(dtype, value)
    made = np.full((len(sequences), width, *sample), value, dtype=dtype)
    for i, sequence in enumerate(sequences):
        if lengths[i]:
            _fill(made[i], sequence, sample, i, padding, truncating)
    return made


def _length(sequence: Any) -> int:
    try:
        return len(sequence)
    except TypeError:
        raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {sequence}") from None


def _check_value(dtype: Any, value: Any) -> None:
    text = np.issubdtype(dtype, np.str_)
    if isinstance(value, str) and np.dtype(dtype) != np.dtype(object) and not text:
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\nYou should set `dtype=object` for variable length strings."
        )


def _fill(row: Any, sequence: Any, sample: tuple[int, ...], number: int, padding: str, truncating: str) -> None:
    width = len(row)
    if truncating == "pre":
        kept = sequence[-width:] if width else sequence[:0]
    elif truncating == "post":
        kept = sequence[:width]
    else:
        raise ValueError(f'Truncating type "{truncating}" not understood')
    array = np.asarray(kept, dtype=row.dtype)
    if array.shape[1:] != sample:
        raise ValueError(f"Shape of sample {array.shape[1:]} of sequence at position {number} is different from expected shape {sample}")
    if padding == "post":
        row[: len(array)] = array
    elif padding == "pre":
        row[width - len(array) :] = array
    else:
        raise ValueError(f'Padding type "{padding}" not understood')


# ---------------------------------------------------------------------------------------------- time series
@export("tf.keras.preprocessing.sequence.TimeseriesGenerator")
class TimeseriesGenerator(Sequence):
    """Batches (windows [N, length / sampling_rate, ...], targets [N, ...]): a window holds the steps before its target.

    Args: data, targets, of one length; length, of a window in steps; sampling_rate, every so many-th step; stride, between windows;
    start_index, end_index (included); shuffle, windows at random places; reverse, newest step first; batch_size.
    Raises: ValueError when lengths differ or no window fits.
    >>> x, y = tf.keras.preprocessing.sequence.TimeseriesGenerator(np.arange(9), np.arange(9), length=3, batch_size=2)[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3]], [3, 4])
    """

    def __init__(
        self, data: Any, targets: Any, length: int, sampling_rate: int = 1, stride: int = 1, start_index: int = 0,
        end_index: int | None = None, shuffle: bool = False, reverse: bool = False, batch_size: int = 128,
    ) -> None:  # fmt: skip
        if len(data) != len(targets):
            raise ValueError(
                f"Data and targets have to be of same length. Data length is {len(data)} while target length is {len(targets)}"
            )
        self.data, self.targets, self.length, self.sampling_rate, self.stride = data, targets, length, sampling_rate, stride
        self.start_index, self.end_index = start_index + length, len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed, as no part of the sequence would be left to "
                "be used as current step."
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)  # noqa: NPY002  (Keras draws from it)
        else:
            span = self.batch_size * self.stride
            first = self.start_index + span * index
            rows = np.arange(first, min(first + span, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """The arguments, data included, as plain data. Raises: TypeError for data that JSON cannot hold."""
        names = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse", "batch_size")
        return {"data": _as_json(self.data, "Data"), "targets": _as_json(self.targets, "Targets"), **{n: getattr(self, n) for n in names}}

    def to_json(self, **kwargs: Any) -> str:
        """The arguments as JSON."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def _as_json(values: Any, what: str) -> str:
    plain = values.tolist() if hasattr(values, "tolist") else values
    try:
        return json.dumps(plain)
    except TypeError as error:
        raise TypeError(f"{what} not JSON Serializable: {values}") from error


# ---------------------------------------------------------------------------------------------- pairs of words
@export("tf.keras.preprocessing.sequence.make_sampling_table")
def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> Any:
    """The chance [size] with which `skipgrams` keeps the word of each rank (0 is no word), by Zipf's law.

    >>> tf.keras.preprocessing.sequence.make_sampling_table(3, 0.1).round(3).tolist()
    [0.315, 0.315, 0.548]
    """
    rank = np.arange(size, dtype=np.float64)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + _EULER_GAMMA) + 0.5 - 1.0 / (12.0 * rank)
    wanted = sampling_factor * inverse
    return np.minimum(1.0, wanted / np.sqrt(wanted))


@export("tf.keras.preprocessing.sequence.skipgrams")
def skipgrams(
    sequence: Items[int], vocabulary_size: int, window_size: int = 4, negative_samples: float = 1.0, shuffle: bool = True,
    categorical: bool = False, sampling_table: Any = None, seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:  # fmt: skip
    """(pairs, labels): words near each other (1), and words with random ones (0). Random numbers are those of Python's `random`.

    Args: sequence, word numbers, 0 for none; negative_samples, random pairs per real one; categorical, labels [0, 1] and [1, 0];
    sampling_table, each word's chance to be kept.
    """
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    couples = [
        [word, other] for i, word in enumerate(sequence) if _keeps(word, sampling_table) for other in _near(sequence, i, window_size)
    ]
    labels: list[Any] = [yes] * len(couples)
    if negative_samples > 0:
        count = int(len(labels) * negative_samples)
        words = [c[0] for c in couples]
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [no] * count
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for items in (couples, labels):
            random.seed(seed)
            random.shuffle(items)
    return couples, labels


def _keeps(word: int, table: Any) -> bool:
    return bool(word) and (table is None or table[word] >= random.random())


def _near(sequence: Items[int], i: int, window: int) -> list[int]:
    places = range(max(0, i - window), min(len(sequence), i + window + 1))
    return [sequence[j] for j in places if j != i and sequence[j]]
