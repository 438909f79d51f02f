"""Data sets of files in folders: a folder for each class."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.data.dataset import Dataset
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims
from millstream.ops.files.contents import read_file
from millstream.ops.image.codec import decode_image
from millstream.ops.image.resizing import resize
from millstream.ops.strings import substr
from millstream.util.export import export

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
_PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def _check(label_mode: Any, labels: Any, split: Any, subset: Any, shuffle: bool, seed: Any) -> None:
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: {label_mode}')
    if labels is not None and labels != "inferred" and not isinstance(labels, (list, tuple)):
        raise ValueError(
            "`labels` argument should be a list/tuple of integer labels, of the same size as the number of files, or 'inferred'."
        )
    if (split is None) != (subset is None) or (split is not None and not 0 < split < 1):
        raise ValueError("If `subset` is set, `validation_split` must be set between 0 and 1, and inversely.")
    if subset not in ("training", "validation", None):
        raise ValueError(f'`subset` must be either "training" or "validation", received: {subset}')
    if split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, so that the parts do not overlap."
        )


def _found(directory: str, class_names: Any, kinds: tuple[str, ...], links: bool, inferred: bool) -> tuple[list[str], list[int], list[str]]:
    """Paths, labels and names of classes. Raises: ValueError for names that are no folders."""
    folders = sorted(d for d in os.listdir(directory) if os.path.isdir(os.path.join(directory, d))) if inferred else [""]
    names = folders if class_names is None else list(class_names)
    if inferred and set(names) != set(folders):
        raise ValueError(
            f"The `class_names` passed did not match the names of the subdirectories of the target directory. Expected: {folders}, received: {names}"
        )
    paths: list[str] = []
    labels: list[int] = []
    for number, name in enumerate(names):
        for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=links)):
            chosen = [os.path.join(folder, f) for f in sorted(files) if f.lower().endswith(kinds)]
            paths += chosen
            labels += [number] * len(chosen)
    return paths, labels, names


def _part(values: list[Any], split: Any, subset: Any) -> list[Any]:
    if split is None:
        return values
    count = int(split * len(values))
    return values[:-count] if subset == "training" else values[len(values) - count :]


def _labelled(labels: list[int], mode: str, classes: int) -> Dataset:
    ds = Dataset.from_tensor_slices(np.array(labels, np.int32))
    if mode == "binary":
        return ds.map(lambda x: expand_dims(cast(x, "float32"), -1))
    if mode == "categorical":
        return Dataset.from_tensor_slices(np.eye(classes, dtype=np.float32)[labels])
    return ds


def _assembled(
    directory: Any, labels: Any, label_mode: Any, class_names: Any, batch_size: int, shuffle: bool, seed: Any, split: Any, subset: Any, links: bool,
    kinds: tuple[str, ...], load: Callable[[Any], Any],
) -> Dataset:  # fmt: skip
    """The data set of both kinds of files."""
    _check(label_mode, labels, split, subset, shuffle, seed)
    inferred = labels == "inferred"
    paths, numbers, names = _found(os.fspath(directory), class_names, kinds, links, inferred)
    if isinstance(labels, (list, tuple)):
        if len(labels) != len(paths):
            raise ValueError(
                f"Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is {len(labels)} while we found {len(paths)} files in {directory}."
            )
        numbers, names = [int(n) for n in labels], [str(n) for n in sorted(set(labels))]
    print(f"Found {len(paths)} files" + (f" belonging to {len(names)} classes." if inferred else "."))  # noqa: T201  (Keras prints it)
    number = np.random.randint(10**6) if seed is None else seed  # noqa: NPY002  (Keras draws from NumPy's global state)
    if shuffle:
        for values in (paths, numbers):
            np.random.RandomState(number).shuffle(values)
    paths, numbers = _part(paths, split, subset), _part(numbers, split, subset)
    if not paths:
        raise ValueError(f"No files found in {directory}: expected files ending in {', '.join(kinds)}.")
    ds = Dataset.from_tensor_slices(paths).map(load)
    if label_mode is not None and labels is not None:
        ds = Dataset.zip((ds, _labelled(numbers, label_mode, len(names))))
    if shuffle:
        ds = ds.shuffle(batch_size * 8, seed=number)
    batched = ds.batch(batch_size)
    vars(batched)["class_names"] = names
    return batched


@export("tf.keras.preprocessing.image_dataset_from_directory")
def image_dataset_from_directory(
    directory: Any, labels: Any = "inferred", label_mode: Any = "int", class_names: Any = None, color_mode: str = "rgb", batch_size: int = 32,
    image_size: Any = (256, 256), shuffle: bool = True, seed: int | None = None, validation_split: float | None = None, subset: str | None = None,
    interpolation: str = "bilinear", follow_links: bool = False,
) -> Dataset:  # fmt: skip
    """Batches of pictures in a folder, a folder for each class: float32[B, H, W, C], with labels unless label_mode is None.

    label_mode: "int", "binary" or "categorical". validation_split and subset: "training" takes the first part, "validation" the rest.
    The names of the classes are in `class_names` of the data set. Raises: ValueError for arguments that contradict, and for no files.
    """
    if color_mode not in _CHANNELS:
        raise ValueError(f'`color_mode` must be one of {{"rbg", "rgba", "grayscale"}}. Received: {color_mode}')

    def load(path: Any) -> Any:
        return resize(decode_image(read_file(path), _CHANNELS[color_mode], expand_animations=False), image_size, interpolation)

    return _assembled(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, _PICTURES, load
    )


@export("tf.keras.preprocessing.text_dataset_from_directory")
def text_dataset_from_directory(
    directory: Any, labels: Any = "inferred", label_mode: Any = "int", class_names: Any = None, batch_size: int = 32, max_length: int | None = None,
    shuffle: bool = True, seed: int | None = None, validation_split: float | None = None, subset: str | None = None, follow_links: bool = False,
) -> Dataset:  # fmt: skip
    """Batches of texts (.txt files) in a folder, a folder for each class: string[B], with labels; see image_dataset_from_directory.

    max_length: texts are cut to so many bytes.
    """

    def load(path: Any) -> Any:
        text = read_file(path)
        return text if max_length is None else substr(text, 0, max_length)

    return _assembled(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, (".txt",), load
    )
