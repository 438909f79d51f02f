"""Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28 grey pixels, ten kinds."""

from __future__ import annotations

import os

from millstream.formats.damage import DamagedFileError
from millstream.formats.idx import read_idx
from millstream.keras.datasets.cached import ADVICE, Array, Split, cached, paired
from millstream.keras.utils.download import DownloadError
from millstream.util.export import export

_SUBDIR = os.path.join("datasets", "fashion-mnist")
_IMAGES, _LABELS = "-images-idx3-ubyte.gz", "-labels-idx1-ubyte.gz"


@export("tf.keras.datasets.fashion_mnist.load_data")
def load_data() -> tuple[Split, Split]:
    """(x_train, y_train), (x_test, y_test): images uint8 [60000, 28, 28] of 0..255 and [10000, 28, 28], labels uint8 of 0..9.

    The four original files lie under `datasets/fashion-mnist` in the cache ($KERAS_HOME or ~/.keras).
    Raises: DamagedFileError when a file there is not whole; DownloadError when one is missing and cannot be fetched.
    """
    return _split("train", "training"), _split("t10k", "test")


def _split(prefix: str, split: str) -> Split:
    (images, path), (labels, _) = _read(prefix + _IMAGES), _read(prefix + _LABELS)
    return paired(images, labels, split, path)


def _read(name: str) -> tuple[Array, str]:
    """One of the four files and where it lies."""
    try:
        path = cached(name, _SUBDIR)
        return read_idx(path), path
    except DamagedFileError as error:
        raise DamagedFileError(error.path, error.reason, ADVICE) from error
    except DownloadError as error:
        names = ", ".join(prefix + kind for prefix in ("train", "t10k") for kind in (_IMAGES, _LABELS))
        raise DownloadError(f"{error}\nFashion-MNIST has four files, all in that folder: {names}.") from error
