"""What CIFAR-10 and CIFAR-100 share: batches, pickled dictionaries of images [N, 3072] (channels, rows, columns) and label lists.

N images   C channels, 3   H, W 32
"""

from __future__ import annotations

from typing import Any

import numpy as np

from millstream.formats.damage import DamagedFileError
from millstream.formats.pickles import read_pickle
from millstream.keras.datasets.cached import ADVICE, Split, paired

_SHAPE = (3, 32, 32)


def read_batch(path: str, label_key: str, split: str) -> Split:
    """Images uint8 [N, H, W, C] and labels [N, 1] of one file. Raises: DamagedFileError."""
    try:
        batch = read_pickle(path)
        images, labels = _entry(batch, "data", path), np.reshape(_entry(batch, label_key, path), (-1, 1))
        images = np.reshape(images, (-1, *_SHAPE)).transpose(0, 2, 3, 1)
    except DamagedFileError as error:
        raise DamagedFileError(error.path, error.reason, ADVICE) from error
    except ValueError as error:
        raise DamagedFileError(path, f"its images are not of 3x32x32 values ({error})", ADVICE) from error
    return paired(images, labels, split, path)


# Any: what the pickle holds.
def _entry(batch: Any, key: str, path: str) -> Any:
    """The originals were written by Python 2: their keys are bytes."""
    held = {k.decode() if isinstance(k, bytes) else k: v for k, v in batch.items()} if isinstance(batch, dict) else {}
    if key not in held:
        raise DamagedFileError(path, f"it has no {key!r}; it holds {', '.join(map(str, held)) or 'something else'}")
    return held[key]
