"""Data sets of folders: each folder in a folder is a class, its files are the samples."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.tensor import Tensor
from millstream.data.dataset import Dataset
from millstream.keras.preprocessing.image.file_iterators import valid_files
from millstream.ops.codecs import decode_image
from millstream.ops.files import read_file
from millstream.util.export import export

_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


@export("tf.keras.preprocessing.image_dataset_from_directory", "tf.keras.preprocessing.image.image_dataset_from_directory")
def image_dataset_from_directory(
    directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None, color_mode: str = "rgb",
    batch_size: int = 32, image_size: Any = (256, 256), shuffle: bool = True, seed: int | None = None, validation_split: float | None = None,
    subset: str | None = None, interpolation: str = "bilinear", follow_links: bool = False,
) -> Any:  # fmt: skip
    """A data set of (pictures [N, H, W, C], labels), values 0 to 255, float32 (uint8 with "nearest"); its `class_names` says what labels mean.

    Args: labels, "inferred" from the folders, or a list of numbers, one per file in order; label_mode, "int", "categorical", "binary" or
    None for none; validation_split with subset "training" or "validation" and a seed; interpolation, "bilinear" or "nearest".
    Raises: ValueError for other modes, or a folder without pictures.
    """
    if color_mode not in _CHANNELS:
        raise ValueError(f'`color_mode` must be one of {{"rbg", "rgba", "grayscale"}}. Received: {color_mode}')
    if interpolation not in _RESIZE:
        raise ValueError(f"interpolation is 'bilinear' or 'nearest'; got {interpolation!r}.")
    size, channels = (int(image_size[0]), int(image_size[1])), _CHANNELS[color_mode]
    dtype = np.uint8 if interpolation == "nearest" else np.float32

    def load(path: Any) -> Tensor:
        if not hasattr(path, "_array"):  # the data set asks for shapes before there is a path
            return wrap(np.zeros((*size, channels), dtype))
        picture = decode_image(read_file(path), channels, expand_animations=False)._array
        return wrap(_RESIZE[interpolation](np.asarray(picture, dtype), size))

    files = _Files(directory, labels, class_names, _PICTURES, follow_links, shuffle, seed)
    files.take(subset, validation_split)
    return files.dataset(load, label_mode, batch_size, shuffle)


@export("tf.keras.preprocessing.text_dataset_from_directory", "tf.keras.preprocessing.text.text_dataset_from_directory")
def text_dataset_from_directory(
    directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None, batch_size: int = 32,
    max_length: int | None = None, shuffle: bool = True, seed: int | None = None, validation_split: float | None = None,
    subset: str | None = None, follow_links: bool = False,
) -> Any:  # fmt: skip
    """A data set of (texts string [N], labels) of .txt files. Args: max_length, bytes; the others as image_dataset_from_directory's."""
    files = _Files(directory, labels, class_names, (".txt",), follow_links, shuffle, seed)
    files.take(subset, validation_split)

    def load(path: Any) -> Tensor:
        text = read_file(path)._array[()]
        made = np.empty((), object)
        made[()] = text if max_length is None else text[:max_length]
        return wrap(made)

    return files.dataset(load, label_mode, batch_size, shuffle)


class _Files:
    """Paths and labels of the files of a folder, shuffled alike."""

    def __init__(
        self, directory: Any, labels: Any, class_names: Any, endings: Sequence[str], follow: bool, shuffle: bool, seed: int | None
    ) -> None:
        self.folder = os.fspath(directory)
        self.paths, self.labels, self.class_names = _indexed(self.folder, labels, class_names, tuple(endings), follow)
        self.given_seed, self.shuffled = seed, shuffle
        self.seed = seed if seed is not None or not shuffle else int(np.random.randint(1_000_000))  # noqa: NPY002  (Keras draws from it)
        if not self.paths:
            raise ValueError(f"No files of the kinds {', '.join(endings)} found in directory {self.folder}.")
        print(f"Found {len(self.paths)} files belonging to {len(self.class_names)} classes.")  # noqa: T201  (as Keras does)
        if shuffle:
            for items in (self.paths, self.labels):
                np.random.RandomState(self.seed).shuffle(items)

    def take(self, subset: str | None, fraction: float | None) -> None:
        """Keep a subset: the last part is for validation. Raises: ValueError for half an order."""
        if (subset is None) != (not fraction):
            raise ValueError("`subset` and `validation_split` are given together, or neither.")
        if not fraction:
            return
        if not 0 < fraction < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1, received: {fraction}")
        if subset not in {"training", "validation"}:
            raise ValueError(f'`subset` must be either "training" or "validation", received: {subset}')
        if self.shuffled and self.given_seed is None:
            raise ValueError(
                "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that there is no overlap between the training and validation subset."
            )
        count = int(fraction * len(self.paths))
        part = slice(len(self.paths) - count, None) if subset == "validation" else slice(None, len(self.paths) - count)
        self.paths, self.labels = self.paths[part], self.labels[part]
        print(f"Using {len(self.paths)} files for {subset}.")  # noqa: T201  (as Keras does)

    def dataset(self, load: Callable[[Any], Tensor], mode: str | None, batch_size: int, shuffle: bool) -> Any:
        """Batches of loaded files with their labels."""
        samples = Dataset.from_tensor_slices(np.array(self.paths, object)).map(load)
        labels = _targets(np.array(self.labels, np.int32), mode, len(self.class_names))
        found = samples if labels is None else Dataset.zip((samples, Dataset.from_tensor_slices(labels)))
        if shuffle:
            found = found.shuffle(batch_size * 8, seed=self.seed)
        made = found.batch(batch_size)
        vars(made)["class_names"] = self.class_names
        return made


def _indexed(folder: str, labels: Any, class_names: Any, endings: tuple[str, ...], follow: bool) -> tuple[list[str], list[int], list[str]]:
    """(paths, labels, names of the classes) of a folder. Raises: ValueError when labels or names do not fit."""
    inferred = isinstance(labels, str)
    if inferred and labels != "inferred":
        raise ValueError(f"`labels` is 'inferred' or a list of numbers; got {labels!r}.")
    inside = sorted(d for d in os.listdir(folder) if os.path.isdir(os.path.join(folder, d)))
    names = inside if class_names is None else list(class_names)
    if inferred and set(names) != set(inside):
        raise ValueError(
            f"The `class_names` passed did not match the names of the subdirectories of the target directory. Expected: {inside}, but received: {names}"
        )
    if not inferred:
        paths = list(valid_files(folder, endings, follow))
        if len(paths) != len(labels):
            raise ValueError(
                f"Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is {len(labels)} while we found {len(paths)} files in {folder}."
            )
        return paths, [int(n) for n in labels], [str(n) for n in sorted(set(labels))]
    found = [(p, i) for i, name in enumerate(names) for p in valid_files(os.path.join(folder, name), endings, follow)]
    return [p for p, _ in found], [i for _, i in found], names


def _targets(labels: Any, mode: str | None, classes: int) -> Any:
    if mode is None:
        return None
    if mode == "int":
        return labels
    if mode == "categorical":
        return np.eye(classes, dtype=np.float32)[labels]
    if mode != "binary":
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: {mode}')
    if classes != 2:
        raise ValueError(f'When passing `label_mode="binary", there must exactly 2 classes. Found {classes}.')
    return labels.astype(np.float32)[:, None]


# ---------------------------------------------------------------------------------------------- resizing
def _nearest(picture: Any, size: tuple[int, int]) -> Any:
    """[H, W, C] -> [h, w, C]: each pixel is the one at its centre."""
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * old / n).astype(int), old - 1) for n, old in zip(size, picture.shape[:2], strict=True)
    )
    return picture[rows][:, columns]


def _bilinear(picture: Any, size: tuple[int, int]) -> Any:
    """[H, W, C] -> [h, w, C]: linear between the centres of pixels, without smoothing when it becomes smaller."""
    for axis, n in enumerate(size):
        old = picture.shape[axis]
        at = np.clip((np.arange(n, dtype=np.float32) + np.float32(0.5)) * np.float32(old / n) - np.float32(0.5), 0, old - 1)
        low = np.floor(at).astype(int)
        part = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        first, second = picture.take(low, axis), picture.take(np.minimum(low + 1, old - 1), axis)
        picture = first + (second - first) * part
    return picture


_RESIZE: dict[str, Callable[[Any, tuple[int, int]], Any]] = {"bilinear": _bilinear, "nearest": _nearest}
