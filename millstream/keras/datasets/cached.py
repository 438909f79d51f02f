"""What the data sets share: finding them in the cache, and the checks that images and labels belong together."""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from millstream.formats.damage import DamagedFileError
from millstream.formats.npz import read_npz
from millstream.keras.utils.data_utils import get_file, locate

# Any: files written by others may hold another dtype than the original's uint8; they are handed on as they are.
Array = NDArray[Any]
Split = tuple[Array, Array]

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
ADVICE = "Move it away and it is downloaded again, or put a whole one in its place."


def cached(name: str, subdir: str = "datasets", file_hash: str | None = None) -> str:
    """Path of the file in the cache: the one that lies there, whatever its checksum, or the original, downloaded and checked."""
    path = locate(name, subdir)
    if os.path.exists(path):
        return path
    return get_file(name, ORIGIN + os.path.basename(name), file_hash=file_hash, cache_subdir=subdir)


def cached_folder(name: str, origin: str, file_hash: str) -> str:
    """Path of the folder in the cache; the archive at `origin` is downloaded and unpacked when there is none."""
    path = locate(name)
    return path if os.path.isdir(path) else get_file(name, origin, untar=True, file_hash=file_hash)


def arrays(path: str, *names: str, objects: bool = False) -> list[Array]:
    """The arrays of an .npz. Raises: DamagedFileError, with what to do about it."""
    try:
        return read_npz(path, names, objects=objects)
    except DamagedFileError as error:
        raise DamagedFileError(error.path, error.reason, ADVICE) from error


def paired(images: Array, labels: Array, split: str, path: str) -> Split:
    """The two as they came. Raises: DamagedFileError unless there is one label for each image and at least one image."""
    if images.ndim < 3 or labels.ndim < 1 or len(images) == 0 or len(images) != len(labels):
        reason = (
            f"its {split} images have shape {images.shape} and its {split} labels {labels.shape}; one label for each image was expected"
        )
        raise DamagedFileError(path, reason, ADVICE)
    return images, labels
