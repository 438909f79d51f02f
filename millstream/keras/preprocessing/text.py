"""tf.keras.preprocessing.text: texts as numbers."""

import hashlib
import json
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from millstream.util.export import export

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


@export("tf.keras.preprocessing.text.text_to_word_sequence")
def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text. Args: filters, characters that count as `split`.

    >>> tf.keras.preprocessing.text.text_to_word_sequence("Hello, World!")
    ['hello', 'world']
    """
    text = input_text.lower() if lower else input_text
    return [w for w in text.translate({ord(c): split for c in filters}).split(split) if w]


@export("tf.keras.preprocessing.text.one_hot")
def one_hot(input_text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """A number in 1..n-1 per word, by Python's hash, which differs from process to process."""
    return hashing_trick(input_text, n, hash, filters, lower, split)


@export("tf.keras.preprocessing.text.hashing_trick")
def hashing_trick(text: str, n: int, hash_function: Any = None, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """A number in 1..n-1 per word. Args: hash_function, "md5", or a function; by default Python's hash, which differs from process to process."""
    chosen: Callable[[str], int] = _md5 if hash_function == "md5" else hash_function or hash
    return [int(chosen(w) % (n - 1) + 1) for w in text_to_word_sequence(text, filters, lower, split)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


@export("tf.keras.preprocessing.text.Tokenizer")
class Tokenizer:
    """Numbers the words of texts, the most frequent first; 0 is no word.

    Args: num_words, only numbers below it are used; filters, lower, split as of text_to_word_sequence; char_level, characters rather
    than words; oov_token, stands for unknown words, as number 1. Raises: TypeError for other arguments.
    >>> t = tf.keras.preprocessing.text.Tokenizer()
    >>> t.fit_on_texts(["a b a"])
    >>> t.texts_to_sequences(["b a c"])
    [[2, 1]]
    """

    def __init__(
        self, num_words: int | None = None, filters: str = FILTERS, lower: bool = True, split: str = " ", char_level: bool = False,
        oov_token: str | None = None, document_count: int = 0, **kwargs: Any,
    ) -> None:  # fmt: skip
        if "nb_words" in kwargs:
            warnings.warn("The `nb_words` argument in `Tokenizer` has been renamed `num_words`.", stacklevel=2)
            num_words = kwargs.pop("nb_words")
        if kwargs:
            raise TypeError("Unrecognized keyword arguments: " + str(kwargs))
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.document_count = char_level, oov_token, document_count
        self.word_counts: dict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = defaultdict(int)
        self.index_docs: dict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    # ------------------------------------------------------------------ learning the words
    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts (each a string, or a list of words) and number them."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for w in words:
                self.word_counts[w] = self.word_counts.get(w, 0) + 1
            for w in set(words):
                self.word_docs[w] += 1
        ranked = sorted(self.word_counts.items(), key=lambda item: item[1], reverse=True)
        names = ([] if self.oov_token is None else [self.oov_token]) + [w for w, _ in ranked]
        self.word_index = dict(zip(names, range(1, len(names) + 1), strict=True))
        self.index_word = {i: w for w, i in self.word_index.items()}
        for w, count in self.word_docs.items():
            self.index_docs[self.word_index[w]] = count

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many sequences each number is; needed for tfidf of numbers."""
        for sequence in sequences:
            self.document_count += 1
            for number in set(sequence):
                self.index_docs[number] += 1

    def _words(self, text: Any) -> Any:
        if isinstance(text, list):
            return [w.lower() for w in text] if self.lower else text
        if self.char_level:
            return text.lower() if self.lower else text
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    # ------------------------------------------------------------------ texts to numbers and back
    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of each text's known words."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """The same, one after the other."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = (self.word_index.get(w) for w in self._words(text))
            used = (n if n is not None and (not self.num_words or n < self.num_words) else unknown for n in numbers)
            yield [n for n in used if n is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence's numbers, with spaces between."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """The same, one after the other."""
        unknown = self.oov_token if self.oov_token in self.word_index else None
        for sequence in sequences:
            words = (self.index_word.get(n) if not self.num_words or n < self.num_words else unknown for n in sequence)
            named = (unknown if w is None else w for w in words)
            yield " ".join(w for w in named if w is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> Any:
        """A row per text, see sequences_to_matrix."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> Any:
        """A row [words] per sequence. mode: "binary", "count", "freq" (of the sequence) or "tfidf".

        Raises: ValueError while the number of words is unknown, for tfidf without documents, for another mode.
        """
        if not self.num_words and not self.word_index:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        width = self.num_words or len(self.word_index) + 1
        made = np.zeros((len(sequences), width))
        for row, sequence in zip(made, sequences, strict=True):
            counts: dict[int, int] = {}
            for n in sequence:
                if n < width:
                    counts[n] = counts.get(n, 0) + 1
            for n, count in counts.items():
                row[n] = self._entry(mode, n, count, len(sequence))
        return made

    def _entry(self, mode: str, number: int, count: int, length: int) -> float:
        if mode == "count":
            return count
        if mode == "freq":
            return count / length
        if mode == "binary":
            return 1
        if mode != "tfidf":
            raise ValueError("Unknown vectorization mode:", mode)
        rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(number, 0)))
        return float((1 + np.log(count)) * rarity)

    # ------------------------------------------------------------------ saving
    def get_config(self) -> dict[str, Any]:
        """Arguments and counts as plain data, tables as JSON."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        tables = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {**{n: getattr(self, n) for n in names}, **{n: json.dumps(getattr(self, n)) for n in tables}}

    def to_json(self, **kwargs: Any) -> str:
        """All of it as JSON, as tokenizer_from_json reads it."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@export("tf.keras.preprocessing.text.tokenizer_from_json")
def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer that `to_json` wrote."""
    config = json.loads(json_string)["config"]
    tables = {n: json.loads(config.pop(n)) for n in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
    made = Tokenizer(**config)
    made.word_counts, made.word_docs = OrderedDict(tables["word_counts"]), defaultdict(int, tables["word_docs"])
    made.index_docs = defaultdict(int, {int(k): v for k, v in tables["index_docs"].items()})
    made.index_word, made.word_index = {int(k): v for k, v in tables["index_word"].items()}, tables["word_index"]
    return made
