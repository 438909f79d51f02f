"""Boston housing: 506 districts, 13 features, the median price of a house in thousands of dollars."""

from __future__ import annotations

import numpy as np

from millstream.formats.damage import DamagedFileError
from millstream.keras.datasets.cached import ADVICE, Split, arrays, cached
from millstream.util.export import export

_SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


@export("tf.keras.datasets.boston_housing.load_data")
def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): features float64 [404, 13] and [102, 13], prices float64 [404] and [102].

    Args: path, a name under `datasets` in the cache or an absolute path; test_split, the share kept for testing; seed, of the shuffle.
    Raises: ValueError for a share outside of [0, 1); DamagedFileError, DownloadError as the other data sets.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split is the share of rows kept for testing, at least 0 and below 1; got {test_split}.")
    file = cached(path, file_hash=_SHA256)
    x, y = arrays(file, "x", "y")
    if len(x) != len(y):
        raise DamagedFileError(file, f"it has {len(x)} rows and {len(y)} prices", ADVICE)
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y, cut = x[order], y[order], int(len(x) * (1 - test_split))
    return (x[:cut].copy(), y[:cut].copy()), (x[cut:].copy(), y[cut:].copy())
