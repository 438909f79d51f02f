"""MNIST: 60,000 + 10,000 handwritten digits of 28x28 grey pixels."""

from __future__ import annotations

from millstream.keras.datasets.cached import Split, arrays, cached, paired
from millstream.util.export import export

_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


@export("tf.keras.datasets.mnist.load_data")
def load_data(path: str = "mnist.npz") -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): images uint8 [60000, 28, 28] of 0..255 and [10000, 28, 28], labels uint8 of 0..9.

    Args: path, a name under `datasets` in the cache ($KERAS_HOME or ~/.keras), or an absolute path.
    Raises: DamagedFileError when the file there is not whole; DownloadError when there is none and none can be fetched.
    """
    file = cached(path, file_hash=_SHA256)
    x_train, y_train, x_test, y_test = arrays(file, "x_train", "y_train", "x_test", "y_test")
    return paired(x_train, y_train, "training", file), paired(x_test, y_test, "test", file)
