"""Changed pictures of files: those of a folder with a folder per class, or those that a DataFrame names."""

import os
import warnings
from collections.abc import Iterator as Iterates
from typing import Any

import numpy as np

from millstream.keras.preprocessing.image.iterator import Iterator
from millstream.keras.preprocessing.image.pictures import img_to_array, load_img, resolve_format, save_batch
from millstream.util.export import export

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class _FileIterator(Iterator):
    """What both have in common: reading, changing, and the labels by class_mode."""

    allowed_class_modes: frozenset[str | None]
    classes: Any
    class_indices: dict[str, int]
    labels: Any = None
    sample_weight: Any = None
    filenames: list[str]
    _filepaths: list[str]

    def _set_up(
        self, generator: Any, target_size: Any, color_mode: str, class_mode: str | None, data_format: str | None, subset: str | None,
        interpolation: str, dtype: Any,
    ) -> None:  # fmt: skip
        """Keep what the batches need. Raises: ValueError for an unknown color mode, class mode or subset."""
        if color_mode not in _CHANNELS:
            raise ValueError(f'Invalid color mode: {color_mode}; expected "rgb", "rgba", or "grayscale".')
        if class_mode not in self.allowed_class_modes:
            raise ValueError(f"Invalid class_mode: {class_mode}; expected one of: {sorted(map(str, self.allowed_class_modes))}")
        if subset not in {None, "training", "validation"}:
            raise ValueError(f'Invalid subset name: {subset};expected "training" or "validation"')
        self.image_data_generator, self.target_size, self.color_mode = generator, tuple(target_size), color_mode
        self.class_mode, self.data_format, self.subset = class_mode, resolve_format(data_format), subset
        self.interpolation, self.dtype = interpolation, np.dtype(dtype or "float32")
        channels = _CHANNELS[color_mode]
        last = self.data_format == "channels_last"
        self.image_shape = (*self.target_size, channels) if last else (channels, *self.target_size)
        fraction = generator._validation_split
        self.split = {None: None, "validation": (0, fraction), "training": (fraction, 1)}[subset]

    def _save_as(self, folder: Any, prefix: str, kind: str) -> None:
        self.save_to_dir, self.save_prefix, self.save_format = folder, prefix, kind

    @property
    def filepaths(self) -> list[str]:
        """The paths of all pictures."""
        return self._filepaths

    def _picture(self, number: int) -> Any:
        img = load_img(self._filepaths[number], color_mode=self.color_mode, target_size=self.target_size, interpolation=self.interpolation)
        return img_to_array(img, self.data_format)

    def _get_batches_of_transformed_samples(self, index_array: Any) -> Any:
        batch = np.zeros((len(index_array), *self.image_shape), self.dtype)
        for i, number in enumerate(index_array):
            batch[i] = self._picture(number)
        batch = self.image_data_generator._changed_batch(batch)
        if self.save_to_dir:
            save_batch(batch, index_array, self.data_format, self.save_to_dir, self.save_prefix, self.save_format, 10_000_000)
        if self.class_mode is None:
            return batch
        weight = () if self.sample_weight is None else (self.sample_weight[index_array],)
        return batch, self._targets(batch, index_array), *weight

    def _targets(self, batch: Any, index_array: Any) -> Any:
        if self.class_mode == "input":
            return batch.copy()
        if self.class_mode == "multi_output":
            return [output[index_array] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[index_array]
        if self.class_mode in {"binary", "sparse"}:
            return np.array([self.classes[n] for n in index_array], self.dtype)
        found = np.zeros((len(batch), len(self.class_indices)), self.dtype)
        for i, n in enumerate(index_array):
            found[i, self.classes[n]] = 1.0
        return found


@export("tf.keras.preprocessing.image.DirectoryIterator")
class DirectoryIterator(_FileIterator):
    """What ImageDataGenerator.flow_from_directory returns; `class_indices` says which class has which number.

    Raises: ValueError for unknown modes; FileNotFoundError for a missing folder.
    """

    allowed_class_modes = frozenset(("categorical", "binary", "sparse", "input", None))

    def __init__(
        self, directory: Any, image_data_generator: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
        follow_links: bool = False, subset: str | None = None, interpolation: str = "nearest", dtype: Any = None,
    ) -> None:  # fmt: skip
        self._set_up(image_data_generator, target_size, color_mode, class_mode, data_format, subset, interpolation, dtype)
        self._save_as(save_to_dir, save_prefix, save_format)
        self.directory = os.fspath(directory)
        names = (
            list(classes) if classes else sorted(d for d in os.listdir(self.directory) if os.path.isdir(os.path.join(self.directory, d)))
        )
        self.num_classes, self.class_indices = len(names), {n: i for i, n in enumerate(names)}
        self.filenames, numbers = [], []
        for name in names:
            found = [os.path.join(name, f) for f in self._files_of(os.path.join(self.directory, name), follow_links)]
            self.filenames += found
            numbers += [self.class_indices[name]] * len(found)
        self.samples, self.classes = len(self.filenames), np.array(numbers, "int32")
        self._filepaths = [os.path.join(self.directory, f) for f in self.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")  # noqa: T201  (as Keras does)
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _files_of(self, folder: str, follow_links: bool) -> list[str]:
        """The picture files below a class's folder, relative to it; the part that is the subset's."""
        found = [os.path.relpath(p, folder) for p in valid_files(folder, self.white_list_formats, follow_links)]
        if self.split:
            found = found[int(self.split[0] * len(found)) : int(self.split[1] * len(found))]
        return found

    @property
    def labels_of_files(self) -> Any:
        """The number of each file's class."""
        return self.classes


def valid_files(folder: str, endings: Any, follow_links: bool) -> Iterates[str]:
    """The paths of files with one of these endings below a folder, in order."""
    for root, _, files in sorted(os.walk(folder, followlinks=follow_links), key=lambda found: found[0]):
        for name in sorted(files):
            if name.lower().endswith(endings):
                yield os.path.join(root, name)


@export("tf.keras.preprocessing.image.DataFrameIterator")
class DataFrameIterator(_FileIterator):
    """What ImageDataGenerator.flow_from_dataframe returns.

    Raises: TypeError for columns of other types than class_mode needs; ValueError for unknown modes.
    """

    allowed_class_modes = frozenset(("binary", "categorical", "input", "multi_output", "raw", "sparse", None))

    def __init__(
        self, dataframe: Any, directory: Any = None, image_data_generator: Any = None, x_col: str = "filename", y_col: Any = "class",
        weight_col: str | None = None, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        data_format: str | None = "channels_last", save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
        subset: str | None = None, interpolation: str = "nearest", dtype: Any = "float32", validate_filenames: bool = True,
    ) -> None:  # fmt: skip
        self._set_up(image_data_generator, target_size, color_mode, class_mode, data_format, subset, interpolation, dtype)
        self._save_as(save_to_dir, save_prefix, save_format)
        self.directory = os.fspath(directory or "")
        frame = dataframe.copy()
        self._check(frame, x_col, y_col, weight_col, classes)
        if validate_filenames:
            frame = self._existing(frame, x_col)
        by_class = class_mode not in {"input", "multi_output", "raw", None}
        if by_class:
            frame, classes = _of_classes(frame, y_col, classes)
            self.class_indices = {name: i for i, name in enumerate(classes)}
        if self.split:
            frame = frame.iloc[int(self.split[0] * len(frame)) : int(self.split[1] * len(frame))]
        self._read(frame, x_col, y_col, weight_col, by_class)
        self._report(validate_filenames, by_class)
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _read(self, frame: Any, x_col: str, y_col: Any, weight_col: str | None, by_class: bool) -> None:
        self.filenames = frame[x_col].tolist()
        self.samples = len(self.filenames)
        self._filepaths = [os.path.join(self.directory, f) for f in self.filenames]
        self.sample_weight = frame[weight_col].values if weight_col else None
        if by_class:
            self.classes = [self._numbers(label) for label in frame[y_col]]
        elif self.class_mode == "multi_output":
            self.labels = [np.array(frame[c].tolist()) for c in y_col]
        elif self.class_mode == "raw":
            self.labels = frame[y_col].values

    def _numbers(self, label: Any) -> Any:
        return [self.class_indices[x] for x in label] if isinstance(label, (list, tuple)) else self.class_indices[label]

    def _report(self, validated: bool, by_class: bool) -> None:
        what = "validated" if validated else "non-validated"
        classes = f" belonging to {len(self.class_indices)} classes" if by_class else ""
        print(f"Found {self.samples} {what} image filenames{classes}.")  # noqa: T201  (as Keras does)

    def _check(self, frame: Any, x_col: str, y_col: Any, weight_col: str | None, classes: Any) -> None:
        """Raises: TypeError when a column does not hold what class_mode needs, ValueError for too many classes."""
        mode = self.class_mode
        if mode == "multi_output" and not isinstance(y_col, (list, tuple)):
            raise TypeError(f'If class_mode="{mode}", y_col must be a list. Received {type(y_col).__name__}.')
        if not all(isinstance(v, str) for v in frame[x_col]):
            raise TypeError(f"All values in column x_col={x_col} must be strings.")
        if mode in {"binary", "sparse"} and not all(isinstance(v, str) for v in frame[y_col]):
            raise TypeError(f'If class_mode="{mode}", y_col="{y_col}" column values must be strings.')
        if mode == "binary" and len(set(classes or frame[y_col])) != 2:
            raise ValueError(f'If class_mode="binary" there must be 2 classes. Found {len(set(classes or frame[y_col]))}.')
        if mode == "categorical" and not all(isinstance(v, (str, list, tuple)) for v in frame[y_col]):
            raise TypeError(f'If class_mode="{mode}", y_col="{y_col}" column values must be type string, list or tuple.')
        if weight_col and frame[weight_col].dtype.kind not in "iuf":
            raise TypeError(f"Column weight_col={weight_col} must be numeric.")

    def _existing(self, frame: Any, x_col: str) -> Any:
        good = [self._is_picture(os.path.join(self.directory, name)) for name in frame[x_col]]
        if not all(good):
            warnings.warn(
                f'Found {good.count(False)} invalid image filename(s) in x_col="{x_col}". These filename(s) will be ignored.', stacklevel=4
            )
        return frame[good]

    def _is_picture(self, path: str) -> bool:
        return path.lower().endswith(self.white_list_formats) and os.path.isfile(path)


def _of_classes(frame: Any, y_col: str, classes: Any) -> tuple[Any, list[str]]:
    """The rows whose labels are among the classes, and the classes: as given, or all there are, sorted."""
    if classes:
        names = list(dict.fromkeys(classes))
        frame = frame.copy()
        frame[y_col] = [_kept(label, set(names)) for label in frame[y_col]]
    else:
        names = sorted({x for label in frame[y_col] for x in (label if isinstance(label, (list, tuple)) else (label,))})
    return frame.dropna(subset=[y_col]), names


def _kept(label: Any, names: set[str]) -> Any:
    if isinstance(label, (list, tuple)):
        return [x for x in label if x in names] or None
    return label if label in names else None
