"""CIFAR-100: 50,000 + 10,000 colour photographs of 32x32 pixels, a hundred kinds in twenty groups."""

from __future__ import annotations

import os

from millstream.keras.datasets.cached import Split, cached_folder
from millstream.keras.datasets.cifar import read_batch
from millstream.util.export import export

_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
_SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


@export("tf.keras.datasets.cifar100.load_data")
def load_data(label_mode: str = "fine") -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): images uint8 [50000, 32, 32, 3] and [10000, 32, 32, 3], labels int64 [N, 1].

    Args: label_mode, "fine" for the hundred kinds, "coarse" for the twenty groups.
    Raises: ValueError for another label_mode; DamagedFileError, DownloadError as the other data sets.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of "fine", "coarse"; got {label_mode!r}.')
    folder = cached_folder("cifar-100-python", _ORIGIN, _SHA256)
    key = f"{label_mode}_labels"
    return read_batch(os.path.join(folder, "train"), key, "training"), read_batch(os.path.join(folder, "test"), key, "test")
