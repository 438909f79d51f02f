"""tf.lookup: tables from keys to values, looked up elementwise."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, int64, string
from millstream.core.tensor import Tensor, convert
from millstream.util.errors import FailedPreconditionError, invalid
from millstream.util.export import export


def _array(values: Any, dtype: Any) -> tuple[Any, DType]:
    x = convert(values, as_dtype(dtype)) if dtype is not None else convert(values)
    return np.asarray(x._array), x.dtype


class Initializer:
    """What fills a table: keys and values, arrays of one size."""

    def __init__(self, keys: Any, key_dtype: DType, values: Any, value_dtype: DType) -> None:
        self._keys, self._values, self.key_dtype, self.value_dtype = keys, values, key_dtype, value_dtype

    def initialize(self, table: Any) -> None:
        """Fill a table. Raises: TypeError when its dtypes differ."""
        if (table.key_dtype, table.value_dtype) != (self.key_dtype, self.value_dtype):
            raise TypeError(
                f"Invalid dtypes: the table maps {table.key_dtype.name} to {table.value_dtype.name}, "
                f"the initializer {self.key_dtype.name} to {self.value_dtype.name}."
            )
        table._fill(self._keys.reshape(-1).tolist(), self._values.reshape(-1).tolist())


@export("tf.lookup.KeyValueTensorInitializer")
class KeyValueTensorInitializer(Initializer):
    """Keys and values given as tensors. Raises: ValueError when their numbers differ."""

    def __init__(self, keys: Any, values: Any, key_dtype: Any = None, value_dtype: Any = None, name: str | None = None) -> None:
        (names, first), (found, second) = _array(keys, key_dtype), _array(values, value_dtype)
        if names.shape != found.shape:
            raise ValueError(f"keys and values have the same shape; got {names.shape} and {found.shape}.")
        super().__init__(names, first, found, second)


@export("tf.lookup.TextFileIndex")
class TextFileIndex:
    """What TextFileInitializer takes of a line: the whole of it, or its number."""

    WHOLE_LINE = -2
    LINE_NUMBER = -1


@export("tf.lookup.TextFileInitializer")
class TextFileInitializer(Initializer):
    """Keys and values read from the lines of a file: a column, the whole line or its number (TextFileIndex).

    Raises: OSError; InvalidArgumentError for a line without such a column.
    """

    def __init__(
        self, filename: Any, key_dtype: Any, key_index: int, value_dtype: Any, value_index: int, vocab_size: int | None = None,
        delimiter: str = "\t", name: str | None = None,
    ) -> None:  # fmt: skip
        with open(filename, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file][:vocab_size]
        columns = [_column(lines, i, as_dtype(t), delimiter) for i, t in ((int(key_index), key_dtype), (int(value_index), value_dtype))]
        super().__init__(columns[0], as_dtype(key_dtype), columns[1], as_dtype(value_dtype))


def _column(lines: list[str], index: int, dtype: DType, delimiter: str) -> Any:
    if index == TextFileIndex.LINE_NUMBER:
        return np.arange(len(lines))
    try:
        fields = [line if index == TextFileIndex.WHOLE_LINE else line.split(delimiter)[index] for line in lines]
    except IndexError:
        raise invalid(f"A line has no column {index}, its fields being cut at {delimiter!r}.") from None
    return np.array([f.encode() for f in fields], object) if dtype is string else np.array(fields).astype(dtype.numpy)


@export("tf.lookup.StaticHashTable")
class StaticHashTable:
    """A table that is filled once. Args: initializer; default_value, for keys that are not there.

    Raises: FailedPreconditionError for a key with two values.
    >>> table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
    >>> table.lookup(tf.constant(["b", "z"])).numpy().tolist()
    [2, -1]
    """

    def __init__(self, initializer: Any, default_value: Any, name: str | None = None) -> None:
        self.name = name or "hash_table"
        self.key_dtype, self.value_dtype = initializer.key_dtype, initializer.value_dtype
        self._default = convert(default_value, hint=self.value_dtype)
        if self._default.dtype is not self.value_dtype or self._default.ndim:
            raise TypeError(f"default_value must be a scalar {self.value_dtype.name}; got {default_value!r}.")
        self._entries: dict[Any, Any] = {}
        initializer.initialize(self)

    def _fill(self, keys: list[Any], values: list[Any]) -> None:
        for key, value in zip(keys, values, strict=True):
            if self._entries.setdefault(key, value) != value:
                raise FailedPreconditionError(None, None, f"HashTable has different value for same key. Key {key!r} has {value!r} too.")

    @property
    def default_value(self) -> Tensor:
        """The value of keys that are not there."""
        return self._default

    @property
    def resource_handle(self) -> "StaticHashTable":
        """Itself."""
        return self

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The values of keys, in their shape. Raises: TypeError for keys of another dtype."""
        from millstream.ops.sparse import SparseTensor

        if isinstance(keys, SparseTensor):
            return keys.with_values(self.lookup(keys.values))
        x = convert(keys, hint=self.key_dtype)
        if x.dtype is not self.key_dtype:
            raise TypeError(f"Signature mismatch. Keys must be dtype {self.key_dtype!r}, got {x.dtype!r}.")
        return self._looked_up(np.asarray(x._array))

    def _looked_up(self, array: Any) -> Tensor:
        other = self._default._array[()] if isinstance(self._default._array, np.ndarray) else self._default._array
        out = np.empty(array.shape, self.value_dtype.numpy)
        for place, key in np.ndenumerate(array):
            out[place] = self._entries.get(key if isinstance(key, bytes) else key.item(), other)
        return wrap(out if out.ndim or out.dtype == object else out[()])

    def __getitem__(self, keys: Any) -> Any:
        return self.lookup(keys)

    def size(self, name: str | None = None) -> Tensor:
        """How many keys there are: int64."""
        return wrap(np.int64(len(self._entries)))

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All keys and all values."""
        return self._column(self._entries.keys(), self.key_dtype), self._column(self._entries.values(), self.value_dtype)

    @staticmethod
    def _column(values: Iterable[Any], dtype: DType) -> Tensor:
        return wrap(np.array(list(values), dtype.numpy))


@export("tf.lookup.StaticVocabularyTable")
class StaticVocabularyTable:
    """A table of words to numbers; unknown words go to one of num_oov_buckets numbers after the known ones, by their hash.

    >>> words = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64))
    >>> tf.lookup.StaticVocabularyTable(words, 1).lookup(tf.constant(["b", "z"])).numpy().tolist()
    [1, 2]
    """

    def __init__(self, initializer: Any, num_oov_buckets: int, lookup_key_dtype: Any = None, name: str | None = None) -> None:
        if num_oov_buckets <= 0:
            raise ValueError(f"oov_buckets must be > 0; got {num_oov_buckets}.")
        self._table = StaticHashTable(initializer, convert(-1, int64), name)
        self.name, self.num_oov_buckets = self._table.name, int(num_oov_buckets)
        self.key_dtype, self.value_dtype = self._table.key_dtype, int64

    def size(self, name: str | None = None) -> Tensor:
        """How many numbers there are: known words and buckets."""
        return wrap(np.int64(int(self._table.size()) + self.num_oov_buckets))

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The numbers of words: int64, in their shape."""
        from millstream.ops.hashing import fingerprint64

        x = convert(keys, hint=self.key_dtype)
        found = np.array(self._table.lookup(x)._array)
        for place, key in np.ndenumerate(np.asarray(x._array)):
            if found[place] < 0:
                text = key if isinstance(key, bytes) else str(key).encode()
                found[place] = int(self._table.size()) + fingerprint64(text) % self.num_oov_buckets
        return wrap(found if found.ndim else found[()])

    def __getitem__(self, keys: Any) -> Any:
        return self.lookup(keys)
