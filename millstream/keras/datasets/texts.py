"""What IMDB and Reuters share: texts as lists of word numbers, most frequent words first, prepared as the caller asks."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from millstream.formats.damage import DamagedFileError
from millstream.keras.datasets.cached import ADVICE, Array, cached

Texts = list[list[int]]


@dataclass(frozen=True)
class Preparation:
    """What is done to each text, with TensorFlow's names. Words below `skip_top` or from `num_words` on become `oov_char`."""

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int

    def begin(self, texts: Array) -> Texts:
        """Word numbers moved up by index_from, with start_char in front."""
        start = [] if self.start_char is None else [self.start_char]
        return [start + [w + self.index_from for w in text] for text in texts]

    def keep_short(self, texts: Texts, labels: Array) -> tuple[Texts, Array]:
        """Texts of fewer than maxlen words and their labels; all of them without a maxlen."""
        if not self.maxlen:
            return texts, labels
        kept = [i for i, text in enumerate(texts) if len(text) < self.maxlen]
        return [texts[i] for i in kept], labels[kept]

    def limit(self, texts: Texts, num_words: int) -> Texts:
        """Only words from skip_top up to num_words; others become oov_char, or are left out when that is None."""
        wanted = range(self.skip_top, num_words)
        if self.oov_char is None:
            return [[w for w in text if w in wanted] for text in texts]
        return [[w if w in wanted else self.oov_char for w in text] for text in texts]


def shuffled(texts: Array, labels: Array, random: np.random.RandomState, path: str) -> tuple[Array, Array]:
    """Both in one random order. Raises: DamagedFileError unless there is one label for each text."""
    if len(texts) != len(labels):
        raise DamagedFileError(path, f"it has {len(texts)} texts and {len(labels)} labels", ADVICE)
    order = np.arange(len(texts))
    random.shuffle(order)
    return texts[order], labels[order]


def largest(texts: Texts) -> int:
    """The largest word number; 0 when there is none."""
    return max((max(text) for text in texts if text), default=0)


def as_array(texts: Texts) -> Array:
    """An array of lists, of dtype object; of numbers [N, words] when all texts are of one length, as TensorFlow's."""
    if len({len(text) for text in texts}) <= 1:
        return np.array(texts)
    made: Array = np.empty(len(texts), object)
    made[:] = texts
    return made


# Any: these are arguments by names of Keras 1.
def renamed(num_words: int | None, others: dict[str, Any]) -> int | None:
    """num_words, which was once called nb_words. Raises: TypeError for any other argument."""
    if "nb_words" in others:
        logging.getLogger("tensorflow").warning("The `nb_words` argument in `load_data` has been renamed `num_words`.")
        num_words = others.pop("nb_words")
    if others:
        raise TypeError(f"Unrecognized keyword arguments: {others}")
    return num_words


def word_index(name: str, md5: str) -> dict[str, int]:
    """Word -> its number, from a JSON file in the cache. Raises: DamagedFileError, DownloadError."""
    path = cached(name, file_hash=md5)
    try:
        with open(path, encoding="utf-8") as file:
            index: dict[str, int] = json.load(file)
    except ValueError as error:
        raise DamagedFileError(path, f"it is no JSON ({error})", ADVICE) from error
    return index
