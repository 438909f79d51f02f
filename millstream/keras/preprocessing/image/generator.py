"""ImageDataGenerator: pictures changed at random while a model trains. Random numbers come from NumPy's global generator."""

import warnings
from typing import Any

import numpy as np

from millstream.keras.backend.config import floatx
from millstream.keras.preprocessing.image import affine
from millstream.keras.preprocessing.image.array_iterator import NumpyArrayIterator
from millstream.keras.preprocessing.image.changes import apply_brightness_shift, apply_channel_shift, flip_axis, uniform
from millstream.keras.preprocessing.image.file_iterators import DataFrameIterator, DirectoryIterator
from millstream.keras.preprocessing.image.pictures import resolve_format
from millstream.util.export import export

_EPSILON = 1e-6  # keeps a flat picture from being divided by 0


@export("tf.keras.preprocessing.image.ImageDataGenerator")
class ImageDataGenerator:
    """Makes batches of changed and normalised pictures.

    Args: featurewise_*, samplewise_*, zca_*: normalisation (featurewise ones and ZCA need `fit`); rotation_range, shear_range: degrees;
    width_shift_range, height_shift_range: a fraction (below 1), pixels, or a list to choose from; brightness_range: (low, high);
    zoom_range: (low, high) or z for (1 - z, 1 + z); channel_shift_range; fill_mode, "nearest", "constant" (with cval), "reflect" or
    "wrap"; flips; rescale; preprocessing_function(picture) -> picture; data_format; validation_split; dtype.
    Raises: ValueError for ranges that are none.
    >>> x, y = np.zeros((8, 5, 5, 1)), np.arange(8)
    >>> batch, labels = next(tf.keras.preprocessing.image.ImageDataGenerator(rotation_range=20).flow(x, y, batch_size=4))
    >>> batch.shape, labels.shape
    ((4, 5, 5, 1), (4,))
    """

    def __init__(
        self, featurewise_center: bool = False, samplewise_center: bool = False, featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False, zca_whitening: bool = False, zca_epsilon: float = 1e-6, rotation_range: float = 0,
        width_shift_range: Any = 0.0, height_shift_range: Any = 0.0, brightness_range: Any = None, shear_range: float = 0.0,
        zoom_range: Any = 0.0, channel_shift_range: float = 0.0, fill_mode: str = "nearest", cval: float = 0.0, horizontal_flip: bool = False,
        vertical_flip: bool = False, rescale: float | None = None, preprocessing_function: Any = None, data_format: str | None = None,
        validation_split: float = 0.0, dtype: Any = None,
    ) -> None:  # fmt: skip
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization, self.samplewise_std_normalization = featurewise_std_normalization, samplewise_std_normalization
        self.zca_whitening, self.zca_epsilon = zca_whitening, zca_epsilon
        self.rotation_range, self.width_shift_range, self.height_shift_range = rotation_range, width_shift_range, height_shift_range
        self.brightness_range, self.shear_range, self.channel_shift_range = brightness_range, shear_range, channel_shift_range
        self.fill_mode, self.cval, self.horizontal_flip, self.vertical_flip = fill_mode, cval, horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format, self.dtype = resolve_format(data_format), np.dtype(dtype or floatx())
        self.row_axis, self.col_axis, self.channel_axis = (1, 2, 3) if self.data_format == "channels_last" else (2, 3, 1)
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(f"`validation_split` must be strictly between 0 and 1.  Received: {validation_split}")
        if brightness_range is not None and (not isinstance(brightness_range, (tuple, list)) or len(brightness_range) != 2):
            raise ValueError(f"`brightness_range should be tuple or list of two floats. Received: {brightness_range}")
        self._validation_split = validation_split
        self.zoom_range = _zoom_bounds(zoom_range)
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        self._settle()

    def _settle(self) -> None:
        """What one normalisation needs of another is switched on, with a warning."""
        if self.zca_whitening:
            self._switch("zca_whitening", "featurewise_center", True)
            self._switch("zca_whitening", "featurewise_std_normalization", False)
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization"):
                self._switch(f"{kind}_std_normalization", f"{kind}_center", True)

    def _switch(self, cause: str, name: str, value: bool) -> None:
        if bool(getattr(self, name)) is not value:
            setattr(self, name, value)
            warnings.warn(f"This ImageDataGenerator specifies `{cause}`, which overrides setting of `{name}`.", stacklevel=4)

    # ------------------------------------------------------------------ batches
    def flow(
        self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True, sample_weight: Any = None, seed: int | None = None,
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png", subset: str | None = None,
    ) -> NumpyArrayIterator:  # fmt: skip
        """Batches of an array of pictures [N, H, W, C]. Args: subset, "training" or "validation" of validation_split; save_to_dir, to look at."""
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size,
            shuffle,
            sample_weight,
            seed,
            self.data_format,
            save_to_dir,
            save_prefix,
            save_format,
            subset,
        )

    def flow_from_directory(
        self, directory: Any, target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None, class_mode: str | None = "categorical",
        batch_size: int = 32, shuffle: bool = True, seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "",
        save_format: str = "png", follow_links: bool = False, subset: str | None = None, interpolation: str = "nearest",
    ) -> DirectoryIterator:  # fmt: skip
        """Batches of a folder's pictures: each folder in it is a class."""
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, self.data_format, save_to_dir,
            save_prefix, save_format, follow_links, subset, interpolation, self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self, dataframe: Any, directory: Any = None, x_col: str = "filename", y_col: Any = "class", weight_col: str | None = None,
        target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None, class_mode: str | None = "categorical",
        batch_size: int = 32, shuffle: bool = True, seed: int | None = None, save_to_dir: Any = None, save_prefix: str = "",
        save_format: str = "png", subset: str | None = None, interpolation: str = "nearest", validate_filenames: bool = True, **kwargs: Any,
    ) -> DataFrameIterator:  # fmt: skip
        """Batches of the pictures that a pandas DataFrame names."""
        for name in ("has_ext", "sort", "drop_duplicates"):
            if name in kwargs:
                warnings.warn(f"{name} is deprecated and has no effect here.", DeprecationWarning, stacklevel=2)
        class_mode = "raw" if class_mode == "other" else class_mode
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes, class_mode, batch_size, shuffle, seed,
            self.data_format, save_to_dir, save_prefix, save_format, subset, interpolation, self.dtype, validate_filenames,
        )  # fmt: skip

    def _changed_batch(self, batch: Any) -> Any:
        """A batch, each picture changed at random and normalised; all of them at once where no code of the user's runs in between."""
        kind = type(self)
        ours = all(getattr(kind, n) is getattr(ImageDataGenerator, n) for n in ("get_random_transform", "apply_transform", "standardize"))
        if self.preprocessing_function is not None or not ours:
            for i, picture in enumerate(batch):
                changed = self.apply_transform(picture, self.get_random_transform(picture.shape))
                batch[i] = self.standardize(changed)
            return batch
        chosen = [self.get_random_transform(batch.shape[1:]) for _ in range(len(batch))]
        batch = self._map_batch(batch, chosen)
        for i, parameters in enumerate(chosen):
            batch[i] = self.standardize(self._after_map(batch[i], parameters))
        return batch

    def _map_batch(self, batch: Any, chosen: list[dict[str, Any]]) -> Any:
        """Rotations, shifts, shears and zooms of all pictures that have any."""
        height, width = batch.shape[self.row_axis], batch.shape[self.col_axis]
        maps = [affine.matrix_of(p, height, width) for p in chosen]
        which = [i for i, m in enumerate(maps) if m is not None]
        if which:
            axes = (0, self.row_axis, self.col_axis, self.channel_axis)
            pictures = np.transpose(batch[which], axes)
            made = affine.transform_batch(pictures, [maps[i] for i in which], self.fill_mode, self.cval)
            batch[which] = np.transpose(made, np.argsort(axes))
        return batch

    # ------------------------------------------------------------------ one picture
    def get_random_transform(self, img_shape: Any, seed: int | None = None) -> dict[str, Any]:
        """Random parameters for a picture of such a shape (without the batch)."""
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002  (the global generator)
        theta = uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        tx = _shift(self.height_shift_range, img_shape[self.row_axis - 1])
        ty = _shift(self.width_shift_range, img_shape[self.col_axis - 1])
        shear = uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        low, high = self.zoom_range
        zx, zy = (1, 1) if low == 1 and high == 1 else uniform(low, high, 2)
        across, down = (np.random.random() < 0.5 for _ in range(2))  # noqa: NPY002  (drawn even when no flip is wanted)
        shift, light = self.channel_shift_range, self.brightness_range
        return {
            "theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy,
            "flip_horizontal": across * self.horizontal_flip, "flip_vertical": down * self.vertical_flip,
            "channel_shift_intensity": uniform(-shift, shift) if shift != 0 else None,
            "brightness": uniform(light[0], light[1]) if light is not None else None,
        }  # fmt: skip

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> Any:
        """A picture changed as said: theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical, channel_shift_intensity, brightness."""
        parameters = {**affine.UNCHANGED, **transform_parameters}
        axes = (self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1)
        x = affine.apply_map(np.asarray(x), parameters, axes, self.fill_mode, self.cval)
        return self._after_map(x, parameters)

    def _after_map(self, x: Any, parameters: dict[str, Any]) -> Any:
        if parameters.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, parameters["channel_shift_intensity"], self.channel_axis - 1)
        if parameters.get("flip_horizontal", False):
            x = flip_axis(x, self.col_axis - 1)
        if parameters.get("flip_vertical", False):
            x = flip_axis(x, self.row_axis - 1)
        if parameters.get("brightness") is not None:
            x = apply_brightness_shift(x, parameters["brightness"])
        return x

    def random_transform(self, x: Any, seed: int | None = None) -> Any:
        """A picture changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: Any) -> Any:
        """A picture or batch normalised, in place where that is possible."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + _EPSILON
        if self.featurewise_center and self._is_fit("featurewise_center", self.mean):
            x -= self.mean
        if self.featurewise_std_normalization and self._is_fit("featurewise_std_normalization", self.std):
            x /= self.std + _EPSILON
        if self.zca_whitening and self._is_fit("zca_whitening", self.zca_whitening_matrix):
            flat = x.reshape(-1, np.prod(x.shape[-3:]))
            x = np.reshape(flat @ self.zca_whitening_matrix, x.shape)
        return x

    def _is_fit(self, what: str, value: Any) -> bool:
        if value is None:
            warnings.warn(
                f"This ImageDataGenerator specifies `{what}`, but it hasn't been fit on any training data. Fit it first by calling `.fit(numpy_data)`.",
                stacklevel=3,
            )
        return value is not None

    # ------------------------------------------------------------------ fit
    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Measure pictures [N, H, W, C] for the featurewise normalisations and ZCA.

        Args: augment, measure `rounds` changed copies. Raises: ValueError for another rank.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}")
        self._check_channels(x)
        if seed is not None:
            np.random.seed(seed)  # noqa: NPY002  (the global generator)
        if self.rescale:
            x *= self.rescale
        if augment:
            x = np.stack([self.random_transform(picture) for _ in range(rounds) for picture in x]).astype(self.dtype)
        if self.featurewise_center:
            self.mean = self._per_channel(np.mean, x)
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = self._per_channel(np.std, x)
            x /= self.std + _EPSILON
        if self.zca_whitening:
            self.zca_whitening_matrix = _whitening(x.reshape(len(x), -1), self.zca_epsilon)

    def _check_channels(self, x: Any) -> None:
        channels = x.shape[self.channel_axis]
        if channels not in {1, 3, 4}:
            warnings.warn(
                f'Expected input to be images (as Numpy array) following the data format convention "{self.data_format}" (channels on axis '
                f"{self.channel_axis}), i.e. expected either 1, 3 or 4 channels on axis {self.channel_axis}. However, it was passed an array with "
                f"shape {x.shape} ({channels} channels).",
                stacklevel=3,
            )

    def _per_channel(self, measure: Any, x: Any) -> Any:
        """A number per channel, so shaped that it broadcasts against a picture."""
        shape = [1, 1, 1]
        shape[self.channel_axis - 1] = x.shape[self.channel_axis]
        return np.reshape(measure(x, axis=(0, self.row_axis, self.col_axis)), shape)


def _zoom_bounds(zoom: Any) -> list[Any]:
    if isinstance(zoom, (float, int, np.floating, np.integer)):
        return [1 - zoom, 1 + zoom]
    if len(zoom) == 2 and all(isinstance(v, (float, int, np.floating, np.integer)) for v in zoom):
        return [zoom[0], zoom[1]]
    raise ValueError(f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom}")


def _shift(amount: Any, size: int) -> Any:
    """A random shift in pixels: of a list or a whole number's range one is chosen, with a random sign; of a float any number up to it."""
    if isinstance(amount, (float, np.floating)):
        if not amount:
            return 0
        shift = uniform(-amount, amount)
        return shift * size if amount < 1 else shift
    if not np.any(amount):
        return 0
    shift = np.random.choice(amount)  # noqa: NPY002  (the global generator)
    shift = shift * np.random.choice([-1, 1])  # noqa: NPY002  (the same)
    return shift * size if np.max(amount) < 1 else shift


def _whitening(flat: Any, epsilon: float) -> Any:
    """The ZCA matrix [F, F] of samples [N, F]: decorrelates features and changes pictures as little as possible."""
    _, s, vt = np.linalg.svd(flat / np.sqrt(len(flat)))
    lengths = np.zeros(len(vt), flat.dtype)
    lengths[: len(s)] = s
    return (vt.T / np.sqrt(lengths**2 + epsilon)) @ vt
