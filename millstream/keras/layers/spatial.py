"""ZeroPadding, Cropping, UpSampling: layers that change space but compute next to nothing. x [N, spatial sizes ..., C]."""

from typing import Any

import numpy as np

from millstream.core.tensor import convert
from millstream.keras.layers.base import Layer
from millstream.keras.layers.core import data_format_of
from millstream.keras.layers.input_spec import InputSpec
from millstream.ops.array.gather import gather
from millstream.ops.array.indexing import take
from millstream.ops.array.join import pad
from millstream.ops.array.shape import broadcast_to, reshape
from millstream.util.export import export

_WORDS = {1: "one", 2: "two", 3: "3"}
Pairs = tuple[tuple[int, int], ...]


def _pairs(value: Any, rank: int, name: str) -> Pairs:
    """A number for all, one for each dimension, or a pair for each, as a pair for each. Raises: ValueError for another count."""
    if isinstance(value, int):
        return ((value, value),) * rank
    found = list(value)
    if len(found) != rank:
        raise ValueError(f"`{name}` should have {_WORDS[rank]} elements. Found: {value}")
    pairs = tuple((v, v) if isinstance(v, int) else tuple(int(n) for n in v) for v in found)
    if any(len(p) != 2 or min(p) < 0 for p in pairs):
        raise ValueError(f"`{name}` should be whole numbers of at least 0, or pairs of them. Found: {value}")
    return pairs  # type: ignore[return-value]


class _Spatial(Layer):
    """A layer over space."""

    rank = 2
    _has_format = True

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), **({"data_format": self.data_format} if self._has_format else {})}


class _ZeroPadding(_Spatial):
    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.padding = _pairs(padding, self.rank, "padding") if self.rank > 1 else _pair(padding, "padding")

    def call(self, inputs: Any) -> Any:
        """A margin of zeros around the inputs."""
        margins = [[0, 0] for _ in range(inputs.ndim)]
        for axis, pair in zip(self._axes, self.padding if self.rank > 1 else (self.padding,), strict=True):
            margins[axis] = list(pair)
        return pad(inputs, margins)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "padding": self.padding}


def _pair(value: Any, name: str) -> Any:
    """For one dimension: a number, or a pair."""
    pair = (value, value) if isinstance(value, int) else tuple(int(v) for v in value)
    if len(pair) != 2 or min(pair) < 0:
        raise ValueError(f"`{name}` should be a whole number of at least 0, or a pair of them. Found: {value}")
    return pair


@export("tf.keras.layers.ZeroPadding1D")
class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after sequences. Args: padding, a number or a pair."""

    rank = 1
    _has_format = False


@export("tf.keras.layers.ZeroPadding2D")
class ZeroPadding2D(_ZeroPadding):
    """Zeros around images. Args: padding: a number, (height, width), or ((top, bottom), (left, right)); data_format. Raises: ValueError otherwise.

    >>> tf.keras.layers.ZeroPadding2D((1, 2))(tf.ones((1, 2, 2, 1))).shape
    TensorShape([1, 4, 6, 1])
    """


@export("tf.keras.layers.ZeroPadding3D")
class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes. Args: padding: a number, three numbers, or three pairs; data_format."""

    rank = 3


class _Cropping(_Spatial):
    def __init__(self, cropping: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping = _pairs(cropping, self.rank, "cropping") if self.rank > 1 else _pair(cropping, "cropping")

    def call(self, inputs: Any) -> Any:
        """The inputs without their margin; nothing is left where it is all margin."""
        for axis, (before, after) in zip(self._axes, self.cropping if self.rank > 1 else (self.cropping,), strict=True):
            size = int(inputs.shape[axis])
            inputs = take(inputs, min(before, size), max(size - after, min(before, size)), axis)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "cropping": self.cropping}


@export("tf.keras.layers.Cropping1D")
class Cropping1D(_Cropping):
    """Sequences without their first and last steps. Args: cropping, a number or a pair."""

    rank = 1
    _has_format = False

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)


@export("tf.keras.layers.Cropping2D")
class Cropping2D(_Cropping):
    """Images without their margins. Args: cropping: a number, (height, width), or ((top, bottom), (left, right)); data_format.

    >>> tf.keras.layers.Cropping2D(((1, 0), (0, 2)))(tf.ones((1, 4, 4, 1))).shape
    TensorShape([1, 3, 2, 1])
    """

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


@export("tf.keras.layers.Cropping3D")
class Cropping3D(_Cropping):
    """Volumes without their margins. Args: cropping: a number, three numbers, or three pairs; data_format."""

    rank = 3


# ---------------------------------------------------------------------------------------------- larger images
class _UpSampling(_Spatial):
    def __init__(self, size: Any = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.size = size if self.rank == 1 else (size,) * self.rank if isinstance(size, int) else tuple(int(n) for n in size)
        if self.rank > 1 and len(self.size) != self.rank:
            raise ValueError(f"`size` should have {_WORDS[self.rank]} elements. Found: {size}")

    def call(self, inputs: Any) -> Any:
        """Every element several times along each spatial dimension."""
        factors = dict(zip(self._axes, (self.size,) if self.rank == 1 else self.size, strict=True))
        sizes = tuple(int(n) for n in inputs.shape)
        thin = [m for a, n in enumerate(sizes) for m in ((n, 1) if a in factors else (n,))]
        wide = [m for a, n in enumerate(sizes) for m in ((n, factors[a]) if a in factors else (n,))]
        return reshape(broadcast_to(reshape(inputs, thin), wide), [n * factors.get(a, 1) for a, n in enumerate(sizes)])

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "size": self.size}


@export("tf.keras.layers.UpSampling1D")
class UpSampling1D(_UpSampling):
    """Every step `size` times. Args: size."""

    rank = 1
    _has_format = False


@export("tf.keras.layers.UpSampling2D")
class UpSampling2D(_UpSampling):
    """Larger images. Args: size: a number or (rows, columns); data_format; interpolation, "nearest" or "bilinear". Raises: ValueError for another.

    >>> tf.keras.layers.UpSampling2D((2, 3))(tf.ones((1, 2, 2, 1))).shape
    TensorShape([1, 4, 6, 1])
    """

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any) -> None:
        super().__init__(size, data_format, **kwargs)
        if interpolation not in {"nearest", "bilinear"}:
            raise ValueError('`interpolation` argument should be one of `"nearest"` or `"bilinear"`.')
        self.interpolation = interpolation

    def call(self, inputs: Any) -> Any:
        """Pixels repeated, or mixed by their distance."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        for axis, factor in zip(self._axes, self.size, strict=True):
            inputs = _stretched(inputs, axis, factor)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "interpolation": self.interpolation}


def _stretched(x: Any, axis: int, factor: int) -> Any:
    """Linear interpolation along an axis; pixels are squares, whose middles count."""
    size = int(x.shape[axis])
    at = np.maximum((np.arange(size * factor) + 0.5) / factor - 0.5, 0.0)
    low = np.minimum(at.astype(np.int32), size - 1)
    share = convert((at - low).astype(x.dtype.numpy).reshape([-1 if a == axis else 1 for a in range(x.ndim)]))
    below, above = gather(x, low, axis=axis), gather(x, np.minimum(low + 1, size - 1), axis=axis)
    return below + (above - below) * share


@export("tf.keras.layers.UpSampling3D")
class UpSampling3D(_UpSampling):
    """Larger volumes. Args: size: a number or three; data_format."""

    rank = 3
