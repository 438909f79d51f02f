"""Reuters: 11,228 newswires as word numbers, of 46 topics."""

from __future__ import annotations

from typing import Any

import numpy as np

from millstream.keras.datasets.cached import Split, arrays, cached
from millstream.keras.datasets.texts import Preparation, as_array, largest, renamed, shuffled, word_index
from millstream.util.export import export

_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"


# Any: nb_words, num_words' name in Keras 1.
@export("tf.keras.datasets.reuters.load_data")
def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): arrays of lists of word numbers (most frequent word: 1 + index_from), topics int64.

    Args: as `imdb.load_data`; test_split, the share of newswires kept for testing.
    Raises: DamagedFileError, DownloadError as the other data sets.
    """
    how = Preparation(renamed(num_words, kwargs), skip_top, maxlen, start_char, oov_char, index_from)
    file = cached(path, file_hash=_SHA256)
    x, y = arrays(file, "x", "y", objects=True)
    x, y = shuffled(x, y, np.random.RandomState(seed), file)
    texts, y = how.keep_short(how.begin(x), y)
    texts, cut = how.limit(texts, how.num_words or largest(texts)), int(len(texts) * (1 - test_split))
    return (as_array(texts[:cut]), y[:cut]), (as_array(texts[cut:]), y[cut:])


@export("tf.keras.datasets.reuters.get_word_index")
def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Word -> its number before index_from is added."""
    return word_index(path, _INDEX_MD5)
