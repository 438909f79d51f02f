"""CIFAR-10: 50,000 + 10,000 colour photographs of 32x32 pixels, ten kinds."""

from __future__ import annotations

import os

import numpy as np

from millstream.keras.datasets.cached import Split, cached_folder
from millstream.keras.datasets.cifar import read_batch
from millstream.util.export import export

_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


@export("tf.keras.datasets.cifar10.load_data")
def load_data() -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): images uint8 [50000, 32, 32, 3] and [10000, 32, 32, 3], labels uint8 [N, 1] of 0..9.

    The batches lie under `datasets/cifar-10-batches-py` in the cache ($KERAS_HOME or ~/.keras); they may hold fewer images.
    Raises: DamagedFileError when a file there is not whole; DownloadError when there is none and none can be fetched.
    """
    folder = cached_folder("cifar-10-batches-py", _ORIGIN, _SHA256)
    batches = [read_batch(os.path.join(folder, f"data_batch_{i}"), "labels", "training") for i in range(1, 6)]
    x_train, y_train = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    x_test, y_test = read_batch(os.path.join(folder, "test_batch"), "labels", "test")
    return (x_train, y_train.astype(np.uint8)), (x_test, y_test.astype(np.uint8))
