"""IMDB: 25,000 + 25,000 film reviews as word numbers, labelled 0 (bad) or 1 (good)."""

from __future__ import annotations

from typing import Any

import numpy as np

from millstream.keras.datasets.cached import Split, arrays, cached
from millstream.keras.datasets.texts import Preparation, as_array, largest, renamed, shuffled, word_index
from millstream.util.export import export

_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_MD5 = "bfafd718b763782e994055a2d397834f"


# Any: nb_words, num_words' name in Keras 1.
@export("tf.keras.datasets.imdb.load_data")
def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): arrays of lists of word numbers (most frequent word: 1 + index_from), labels int64.

    Args: num_words, keep only so many most frequent words; skip_top, leave the most frequent out; maxlen, only shorter reviews;
    seed, of the shuffle; start_char, put before each review; oov_char, put for words left out; index_from, added to word numbers.
    Raises: ValueError when maxlen leaves nothing; DamagedFileError, DownloadError as the other data sets.
    """
    how = Preparation(renamed(num_words, kwargs), skip_top, maxlen, start_char, oov_char, index_from)
    file, random = cached(path, file_hash=_SHA256), np.random.RandomState(seed)
    x_train, y_train, x_test, y_test = arrays(file, "x_train", "y_train", "x_test", "y_test", objects=True)
    x_train, y_train = shuffled(x_train, y_train, random, file)
    x_test, y_test = shuffled(x_test, y_test, random, file)
    train, y_train = how.keep_short(how.begin(x_train), y_train)
    test, y_test = how.keep_short(how.begin(x_test), y_test)
    if not train or not test:
        raise ValueError(f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen.")
    words = how.num_words or largest(train + test)
    return (as_array(how.limit(train, words)), y_train), (as_array(how.limit(test, words)), y_test)


@export("tf.keras.datasets.imdb.get_word_index")
def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Word -> its number before index_from is added."""
    return word_index(path, _INDEX_MD5)
