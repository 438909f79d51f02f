"""Preprocessing layers of numbers and pictures: Rescaling, Resizing, CenterCrop, RandomFlip, RandomContrast, Normalization."""

from typing import Any

import numpy as np

from millstream.core.spec import TensorShape
from millstream.core.tensor import convert
from millstream.keras.layers.base import Layer
from millstream.ops.array.creation import cast
from millstream.ops.image import adjust, randomly
from millstream.ops.image.resizing import resize
from millstream.ops.image.sizes import crop_to_bounding_box
from millstream.ops.math.arithmetic import maximum, sqrt
from millstream.ops.random.draw import uniform
from millstream.util.export import export

_SPACE = "tf.keras.layers.experimental.preprocessing"


@export(f"{_SPACE}.PreprocessingLayer")
class PreprocessingLayer(Layer):
    """Base of layers whose state is computed from data by `adapt`, not learnt by training."""

    def adapt(self, data: Any, reset_state: bool = True) -> None:
        """Compute the state from data. Raises: NotImplementedError where a layer does not say how."""
        raise NotImplementedError(f"Layer {self.name} of class {type(self).__name__} has no state to adapt: override adapt.")


def batches_of(data: Any) -> list[Any]:
    """Arrays, or the batches of a data set, as arrays."""
    if hasattr(data, "element_spec"):
        return [(x[0] if isinstance(x, tuple) else x).numpy() for x in data]
    return [np.asarray(data.numpy() if hasattr(data, "numpy") else data)]


@export(f"{_SPACE}.Rescaling")
class Rescaling(Layer):
    """scale * x + offset. Args: scale; offset.

    >>> tf.keras.layers.experimental.preprocessing.Rescaling(1 / 255)(tf.constant([255.0])).numpy().tolist()
    [1.0]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        """Scaled."""
        x = cast(inputs, self._compute_dtype)
        return x * cast(self.scale, x.dtype) + cast(self.offset, x.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"scale": self.scale, "offset": self.offset, **super().get_config()}


@export(f"{_SPACE}.Resizing")
class Resizing(Layer):
    """Pictures [B, H, W, C] of another size. Args: height; width; interpolation, a method of tf.image.resize.

    >>> tf.keras.layers.experimental.preprocessing.Resizing(2, 3)(tf.ones((1, 4, 4, 3))).shape
    TensorShape([1, 2, 3, 3])
    """

    def __init__(self, height: int, width: int, interpolation: str = "bilinear", name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.target_height, self.target_width, self.interpolation = height, width, interpolation

    def call(self, inputs: Any) -> Any:
        """Resized."""
        return resize(inputs, [self.target_height, self.target_width], self.interpolation)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"height": self.target_height, "width": self.target_width, "interpolation": self.interpolation}
        return {**own, **super().get_config()}


def _covering(x: Any, height: int, width: int) -> Any:
    """Resized so that it just covers a size, and cut in the middle."""
    rows, columns = int(x.shape[1]), int(x.shape[2])
    tall = max(int(np.float32(rows * width) / np.float32(columns)), height)
    wide = max(int(np.float32(columns * height) / np.float32(rows)), width)
    whole = resize(x, [tall, wide])
    return crop_to_bounding_box(whole, int(0.5 * (tall - height)), int(0.5 * (wide - width)), height, width)


@export(f"{_SPACE}.CenterCrop")
class CenterCrop(Layer):
    """The middle of pictures [B, H, W, C]; smaller ones are enlarged first. Args: height; width.

    >>> tf.keras.layers.experimental.preprocessing.CenterCrop(2, 2)(tf.ones((1, 4, 4, 3))).shape
    TensorShape([1, 2, 2, 3])
    """

    def __init__(self, height: int, width: int, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.target_height, self.target_width = height, width

    def call(self, inputs: Any) -> Any:
        """Cropped."""
        top, left = int(inputs.shape[1]) - self.target_height, int(inputs.shape[2]) - self.target_width
        if top < 0 or left < 0:
            return _covering(inputs, self.target_height, self.target_width)
        return crop_to_bounding_box(inputs, top // 2, left // 2, self.target_height, self.target_width)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"height": self.target_height, "width": self.target_width, **super().get_config()}


_FLIPS = {"horizontal": (True, False), "vertical": (False, True), "horizontal_and_vertical": (True, True)}


@export(f"{_SPACE}.RandomFlip")
class RandomFlip(Layer):
    """Pictures [B, H, W, C] mirrored at random in training. Args: mode, "horizontal", "vertical" or both ("horizontal_and_vertical"); seed.

    Raises: ValueError for another mode.
    >>> tf.keras.layers.experimental.preprocessing.RandomFlip("horizontal")(tf.ones((1, 2, 2, 3)), training=True).shape
    TensorShape([1, 2, 2, 3])
    """

    def __init__(self, mode: str = "horizontal_and_vertical", seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        if mode not in _FLIPS:
            raise ValueError(f"RandomFlip layer {self.name} received an unknown mode argument {mode!r}; it is one of {', '.join(_FLIPS)}.")
        self.mode, self.seed = mode, seed

    def call(self, inputs: Any, training: Any = True) -> Any:
        """Flipped in training."""
        if not training:
            return inputs
        horizontal, vertical = _FLIPS[self.mode]
        x = randomly.random_flip_left_right(inputs, self.seed) if horizontal else inputs
        return randomly.random_flip_up_down(x, self.seed) if vertical else x

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"mode": self.mode, "seed": self.seed, **super().get_config()}


@export(f"{_SPACE}.RandomContrast")
class RandomContrast(Layer):
    """The contrast of pictures [B, H, W, C] changed at random in training, by one factor for a batch.

    Args: factor, a number or a pair: the contrast is multiplied by 1 - lower to 1 + upper; seed. Raises: ValueError outside [0, 1].
    >>> tf.keras.layers.experimental.preprocessing.RandomContrast(0.2)(tf.ones((1, 2, 2, 3)), training=True).shape
    TensorShape([1, 2, 2, 3])
    """

    def __init__(self, factor: Any, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.factor, self.seed = factor, seed
        self.lower, self.upper = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        if self.lower < 0 or self.upper < 0 or self.lower > 1:
            raise ValueError(f"RandomContrast layer {self.name}: factor cannot have negative values or a lower one above 1; got {factor}.")

    def call(self, inputs: Any, training: Any = True) -> Any:
        """Changed in training."""
        if not training:
            return inputs
        return adjust.adjust_contrast(inputs, uniform([], 1.0 - self.lower, 1.0 + self.upper, seed=self.seed))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"factor": self.factor, "seed": self.seed, **super().get_config()}


@export(f"{_SPACE}.Normalization")
class Normalization(PreprocessingLayer):
    """(x - mean) / deviation, each along the axes that are kept. Args: axis, those kept (None: none); mean; variance, instead of `adapt`.

    >>> layer = tf.keras.layers.experimental.preprocessing.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[5.0]])).numpy().tolist()
    [[3.0]]
    """

    def __init__(self, axis: Any = -1, dtype: Any = None, mean: Any = None, variance: Any = None, **kwargs: Any) -> None:
        super().__init__(dtype=dtype, **kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(f"Normalization layer {self.name}: mean and variance are given together or not at all.")
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.mean_val, self.variance_val = mean, variance
        self.mean: Any = None
        self.variance: Any = None
        self.count: Any = None

    def build(self, input_shape: Any) -> None:
        """Make mean, variance and count."""
        shape = TensorShape(input_shape).as_list()
        kept = sorted(a % len(shape) for a in self.axis)
        sizes = tuple(shape[a] for a in kept)
        self._broadcast = [shape[i] if i in kept else 1 for i in range(len(shape))]
        self._reduced = tuple(i for i in range(len(shape)) if i not in kept)
        self.mean = self.add_weight("mean", sizes, initializer="zeros", trainable=False)
        self.variance = self.add_weight("variance", sizes, initializer="ones", trainable=False)
        self.count = self.add_weight("count", (), "int64", "zeros", trainable=False)
        if self.mean_val is not None:
            self.mean.assign(np.broadcast_to(np.asarray(self.mean_val, self.dtype), sizes))
            self.variance.assign(np.broadcast_to(np.asarray(self.variance_val, self.dtype), sizes))
        self.built = True

    def adapt(self, data: Any, reset_state: bool = True) -> None:
        """Mean and variance of data: an array, or a data set of batches."""
        parts = [np.atleast_1d(b) for b in batches_of(data)]
        parts = [p[:, None] if p.ndim == 1 else p for p in parts]
        if not self.built:
            self._build_for(convert(parts[0].astype(self.dtype)))
        whole = np.concatenate(parts).astype(np.float64)
        self.mean.assign(whole.mean(self._reduced).astype(self.dtype))
        self.variance.assign(whole.var(self._reduced).astype(self.dtype))
        self.count.assign(np.int64(whole.size // max(int(np.prod(self.mean.shape)), 1)))

    def call(self, inputs: Any) -> Any:
        """Normalised."""
        from millstream.ops.array.shape import reshape

        x = cast(inputs, self._compute_dtype)
        if x.ndim == 1:
            x = x[:, None]
        mean, variance = (reshape(v.read_value(), self._broadcast) for v in (self.mean, self.variance))
        return (x - mean) / maximum(sqrt(variance), 1e-7)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "axis": self.axis}
