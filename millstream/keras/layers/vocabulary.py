"""Preprocessing layers of words: StringLookup, IntegerLookup, CategoryEncoding, TextVectorization. They run on values, outside of traces."""

import re
from collections import Counter
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.tensor import Tensor, convert
from millstream.keras.layers.preprocessing import PreprocessingLayer, batches_of
from millstream.ops.hashing import fingerprint64
from millstream.ops.ragged import RaggedTensor
from millstream.util.export import export

_SPACE = "tf.keras.layers.experimental.preprocessing"
_PUNCTUATION = re.compile(r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']')


def _by_count(words: Any) -> list[Any]:
    """The most frequent first; of equals the later in order first."""
    counted = Counter(words)
    return [w for w, _ in sorted(counted.items(), key=lambda item: (item[1], item[0]), reverse=True)]


class _Lookup(PreprocessingLayer):
    """From values to their numbers: 0 is the mask's, then those of unknown values, then the vocabulary's."""

    def __init__(self, most: int | None, unknown: int, mask: Any, oov: Any, vocabulary: Any, invert: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if most is not None and most <= 1:
            raise ValueError(f"Layer {self.name}: the most entries must be more than 1, or None; got {most}.")
        self._most, self.num_oov_indices, self._mask, self._oov, self.invert = most, unknown, mask, oov, invert
        self._words: list[Any] = []
        self._numbers: dict[Any, int] = {}
        if vocabulary is not None:
            self.set_vocabulary(_lines(vocabulary) if isinstance(vocabulary, str) else vocabulary)

    def _plain(self, value: Any) -> Any:
        return value.decode() if isinstance(value, bytes) else value.item() if isinstance(value, np.generic) else value

    def _special(self) -> list[Any]:
        return ([] if self._mask is None else [self._mask]) + [self._oov] * self.num_oov_indices

    def set_vocabulary(self, vocab: Any) -> None:
        """The values, with or without those that stand for masks and unknown ones. Raises: ValueError for doubled or too many."""
        words = [self._plain(w) for w in (vocab.numpy() if isinstance(vocab, Tensor) else vocab)]
        special = self._special()
        if words[: len(special)] == special:
            words = words[len(special) :]
        doubled = [w for w, n in Counter(words).items() if n > 1]
        if doubled:
            raise ValueError(
                f"The passed vocabulary has at least one repeated term. Please uniquify your dataset. The repeated terms are {doubled}"
            )
        if self._most is not None and len(words) + len(special) > self._most:
            raise ValueError(
                f"Attempted to set a vocabulary larger than the maximum vocab size. Passed vocab size is {len(words) + len(special)}, max vocab size is {self._most}."
            )
        self._words = words
        self._numbers = {w: i + len(special) for i, w in enumerate(words)}
        if self._mask is not None:
            self._numbers[self._mask] = 0

    def get_vocabulary(self) -> list[Any]:
        """All values in the order of their numbers."""
        return self._special() + self._words

    def vocab_size(self) -> int:
        """How many numbers there are."""
        return len(self.get_vocabulary())

    def adapt(self, data: Any, reset_state: bool = True) -> None:
        """Take the values of data, the most frequent first."""
        found = [self._plain(v) for batch in batches_of(data) for v in batch.reshape(-1)]
        words = _by_count(w for w in found if w not in self._special())
        self.set_vocabulary(words if self._most is None else words[: self._most - len(self._special())])

    def _number(self, value: Any) -> int:
        found = self._numbers.get(value)
        if found is not None:
            return found
        first = 0 if self._mask is None else 1
        if not self.num_oov_indices:
            return -1
        return first + (fingerprint64(str(value).encode()) % self.num_oov_indices if self.num_oov_indices > 1 else 0)

    def call(self, inputs: Any) -> Any:
        """Numbers of values, int64; with invert, values of numbers."""
        array = np.asarray(convert(inputs)._array)
        table = self.get_vocabulary()
        out = np.empty(array.shape, self._value_dtype() if self.invert else np.int64)
        for place, value in np.ndenumerate(array):
            if self.invert:
                word = table[int(value)] if 0 <= int(value) < len(table) else self._oov
                out[place] = word.encode() if isinstance(word, str) else word
            else:
                out[place] = self._number(self._plain(value))
        return wrap(out)

    def _value_dtype(self) -> Any:
        return object if isinstance(self._oov, str) else np.int64


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]


@export(f"{_SPACE}.StringLookup")
class StringLookup(_Lookup):
    """Words to numbers. Args: max_tokens; num_oov_indices; mask_token; oov_token; vocabulary, words or a file of them; invert.

    >>> tf.keras.layers.experimental.preprocessing.StringLookup(vocabulary=["a", "b"])(tf.constant(["b", "z", ""])).numpy().tolist()
    [3, 1, 0]
    """

    def __init__(
        self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: Any = "", oov_token: str = "[UNK]", vocabulary: Any = None,  # noqa: S107  (a token of text, no secret)
        encoding: str | None = None, invert: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.encoding = encoding or "utf-8"
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, invert, **{"dtype": "string", **kwargs})

    def get_config(self) -> dict[str, Any]:
        """The arguments; the vocabulary is the layer's state."""
        own = {"invert": self.invert, "max_tokens": self._most, "num_oov_indices": self.num_oov_indices, "oov_token": self._oov}
        return {**super().get_config(), **own, "mask_token": self._mask, "encoding": self.encoding}


@export(f"{_SPACE}.IntegerLookup")
class IntegerLookup(_Lookup):
    """Whole numbers to places in a vocabulary. Args: max_values; num_oov_indices; mask_value; oov_value; vocabulary; invert.

    >>> tf.keras.layers.experimental.preprocessing.IntegerLookup(vocabulary=[5, 7])(tf.constant([7, 9, 0])).numpy().tolist()
    [3, 1, 0]
    """

    def __init__(
        self, max_values: int | None = None, num_oov_indices: int = 1, mask_value: int | None = 0, oov_value: int = -1, vocabulary: Any = None,
        invert: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(max_values, num_oov_indices, mask_value, oov_value, vocabulary, invert, **{"dtype": "int64", **kwargs})

    def get_config(self) -> dict[str, Any]:
        """The arguments; the vocabulary is the layer's state."""
        own = {"invert": self.invert, "max_values": self._most, "num_oov_indices": self.num_oov_indices, "oov_value": self._oov}
        return {**super().get_config(), **own, "mask_value": self._mask}


def _counted(numbers: Any, size: int, mode: str) -> Any:
    """Rows of numbers [B, any] as rows of marks or counts float32[B, size]."""
    out = np.zeros((len(numbers), size), np.float32)
    for i, row in enumerate(numbers):
        np.add.at(out[i], np.asarray(row, np.int64).reshape(-1), 1)
    return np.minimum(out, 1) if mode == "binary" else out


@export(f"{_SPACE}.CategoryEncoding")
class CategoryEncoding(PreprocessingLayer):
    """Rows of whole numbers as marks ("binary") or counts ("count"): [B, any] -> float32[B, max_tokens]. Args: max_tokens; output_mode.

    >>> tf.keras.layers.experimental.preprocessing.CategoryEncoding(max_tokens=4)([[1, 3, 3]]).numpy().tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, max_tokens: int | None = None, output_mode: str = "binary", sparse: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if output_mode not in ("binary", "count") or sparse:
            raise ValueError(f"Layer {self.name}: output_mode is 'binary' or 'count', and sparse False; got {output_mode!r}, {sparse}.")
        self.max_tokens, self.output_mode, self.sparse = max_tokens, output_mode, sparse

    def adapt(self, data: Any, reset_state: bool = True) -> None:
        """Take the largest number of data for the last there is."""
        if self.max_tokens is None:
            self.max_tokens = 1 + max(int(b.max()) for b in batches_of(data))

    def call(self, inputs: Any) -> Any:
        """Marks or counts. Raises: RuntimeError before `adapt` when max_tokens is not given."""
        if self.max_tokens is None:
            raise RuntimeError(f"Layer {self.name} does not know how many categories there are: pass max_tokens, or call adapt.")
        array = np.asarray(convert(inputs)._array)
        return wrap(_counted(array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1), self.max_tokens, self.output_mode))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "max_tokens": self.max_tokens, "output_mode": self.output_mode, "sparse": self.sparse}


@export(f"{_SPACE}.TextVectorization")
class TextVectorization(PreprocessingLayer):
    """Texts to the numbers of their words. string[B] or [B, 1] -> int64[B, length], or float32[B, words] for other output modes.

    Args: max_tokens; standardize, "lower_and_strip_punctuation", None or a function; split, "whitespace", None or a function; ngrams, a number
    or several; output_mode, "int", "binary" or "count"; output_sequence_length; pad_to_max_tokens; vocabulary. 0 fills up, 1 is an unknown word.
    >>> layer = tf.keras.layers.experimental.preprocessing.TextVectorization(output_sequence_length=3)
    >>> layer.adapt(["a b", "b!"])
    >>> layer.get_vocabulary(), layer(["b z"]).numpy().tolist()
    (['', '[UNK]', 'b', 'a'], [[2, 1, 0]])
    """

    def __init__(
        self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation", split: Any = "whitespace", ngrams: Any = None,
        output_mode: str = "int", output_sequence_length: int | None = None, pad_to_max_tokens: bool = True, vocabulary: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**{"dtype": "string", **kwargs})
        if output_mode not in ("int", "binary", "count"):
            raise ValueError(f"Layer {self.name}: output_mode is 'int', 'binary' or 'count'; got {output_mode!r}.")
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError(f"Layer {self.name}: output_sequence_length goes with output_mode 'int' alone.")
        self._max_tokens, self._standardize, self._split, self._output_mode = max_tokens, standardize, split, output_mode
        self._ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self._ngrams_arg, self._output_sequence_length, self._pad_to_max = ngrams, output_sequence_length, pad_to_max_tokens
        self._index = StringLookup(max_tokens, mask_token="" if output_mode == "int" else None, vocabulary=vocabulary)

    def build(self, input_shape: Any) -> None:
        """Nothing to make. Raises: ValueError for more than one text in a row."""
        if len(input_shape) == 2 and input_shape[1] not in (1, None) and self._split is not None:
            raise ValueError(f"Layer {self.name}: when splitting, texts are [batch] or [batch, 1]; got shape {tuple(input_shape)}.")
        self.built = True

    def _words(self, text: str) -> list[str]:
        """The words of a text, and their n-grams."""
        words = text.split() if self._split == "whitespace" else [text]
        if not self._ngrams:
            return words
        return [" ".join(words[i : i + n]) for n in self._ngrams for i in range(len(words) - n + 1)]

    def _rows(self, inputs: Any) -> list[list[str]]:
        x = convert(inputs)
        if callable(self._standardize):
            x = convert(self._standardize(x))
        array = np.asarray(x._array, object)
        texts = [t.decode() for t in (array.reshape(len(array), -1)[:, 0] if array.ndim > 1 else array)]
        if self._standardize == "lower_and_strip_punctuation":
            texts = [_PUNCTUATION.sub("", t.lower()) for t in texts]
        if callable(self._split):
            return [_listed(self._split(convert(t))) for t in texts]
        return [self._words(t) for t in texts]

    def adapt(self, data: Any, reset_state: bool = True) -> None:
        """Take the words of texts, the most frequent first."""
        words = _by_count(w for batch in batches_of(data) for row in self._rows(np.atleast_1d(batch)) for w in row if w)
        self.set_vocabulary(words if self._max_tokens is None else words[: self._max_tokens - len(self._index._special())])

    def set_vocabulary(self, vocab: Any, **counts: Any) -> None:
        """The words, in the order of their numbers."""
        self._index.set_vocabulary(vocab)

    def get_vocabulary(self) -> list[Any]:
        """All words in the order of their numbers."""
        return self._index.get_vocabulary()

    def count_params(self) -> int:
        """None: the vocabulary is no weight."""
        return 0

    def call(self, inputs: Any) -> Any:
        """Numbers of words, or marks or counts."""
        rows = [[self._index._number(w) for w in row] for row in self._rows(inputs)]
        if self._output_mode != "int":
            size = self._max_tokens if self._pad_to_max and self._max_tokens is not None else self._index.vocab_size()
            return wrap(_counted(rows, size, self._output_mode))
        length = self._output_sequence_length or max(map(len, rows), default=0)
        out = np.zeros((len(rows), length), np.int64)
        for i, row in enumerate(rows):
            out[i, : min(len(row), length)] = row[:length]
        return wrap(out)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """[B, length], or [B, words]."""
        from millstream.core.spec import TensorShape

        return TensorShape([input_shape[0], self._output_sequence_length if self._output_mode == "int" else self._max_tokens])

    def get_config(self) -> dict[str, Any]:
        """The arguments; the vocabulary is the layer's state."""
        own = {
            "max_tokens": self._max_tokens, "standardize": self._standardize, "split": self._split, "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode, "output_sequence_length": self._output_sequence_length, "pad_to_max_tokens": self._pad_to_max,
        }  # fmt: skip
        return {**super().get_config(), **own}


def _listed(words: Any) -> list[str]:
    """What a splitting function returned: a tensor or a row of a ragged one."""
    found = words.flat_values if isinstance(words, RaggedTensor) else convert(words)
    return [w.decode() for w in np.asarray(found._array, object).reshape(-1)]
