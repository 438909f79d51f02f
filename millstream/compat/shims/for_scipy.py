"""SciPy: scipy.misc's image functions (gone in 1.2 and 1.3, by way of Pillow here), and names that moved."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from millstream.compat.shims.put_back import put_back

# Any, in this file: images of whatever dtype, files of whatever kind.


def misc() -> ModuleType:
    """scipy.misc as a module of its own."""
    made = ModuleType("scipy.misc")
    patch_misc(made)
    return made


def patch_misc(module: ModuleType) -> None:
    """imread, imsave, imresize, imrotate, toimage, fromimage, bytescale; face, ascent; comb, factorial, logsumexp."""
    put_back(
        module,
        {
            "imread": imread, "imsave": imsave, "imresize": imresize, "imrotate": imrotate, "toimage": toimage, "fromimage": fromimage,
            "bytescale": bytescale, "face": _face, "ascent": _ascent, "comb": _special("comb"), "factorial": _special("factorial"),
            "logsumexp": _special("logsumexp"),
        },
    )  # fmt: skip


def patch_integrate(integrate: ModuleType) -> None:
    """simps, trapz, cumtrapz."""
    put_back(integrate, {"simps": integrate.simpson, "trapz": integrate.trapezoid, "cumtrapz": integrate.cumulative_trapezoid})


def patch_signal(signal: ModuleType) -> None:
    """The windows that stood in scipy.signal itself."""
    names = ("blackman", "boxcar", "chebwin", "gaussian", "hamming", "hann", "kaiser", "triang")
    put_back(signal, {name: getattr(signal.windows, name) for name in names} | {"hanning": signal.windows.hann})


def bytescale(data: Any, cmin: Any = None, cmax: Any = None, high: int = 255, low: int = 0) -> Any:
    """The array as uint8, its values spread from low to high; uint8 comes back as it is."""
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    least = data.min() if cmin is None else cmin
    spread = (data.max() if cmax is None else cmax) - least
    scaled = (data - least) * ((high - low) / (spread or 1)) + low
    return (scaled.clip(low, high) + 0.5).astype(np.uint8)


def toimage(arr: Any, high: int = 255, low: int = 0, cmin: Any = None, cmax: Any = None, mode: str | None = None) -> Any:
    """A Pillow image of the array [H, W] or [H, W, 3 or 4]; values are spread as bytescale does. Channels may also stand first."""
    from PIL import Image

    data = bytescale(arr, cmin, cmax, high, low)
    if data.ndim == 3 and data.shape[2] not in (3, 4) and data.shape[0] in (3, 4):
        data = np.moveaxis(data, 0, -1)
    image = Image.fromarray(np.ascontiguousarray(data))
    return image if mode is None else image.convert(mode)


def fromimage(im: Any, flatten: bool = False, mode: str | None = None) -> Any:
    """The array of a Pillow image; flatten gives grey values in float32."""
    image = im if mode is None else im.convert(mode)
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return np.array(image.convert("F") if flatten else image)


def imread(name: Any, flatten: bool = False, mode: str | None = None) -> Any:
    """The array of an image file."""
    from PIL import Image

    with Image.open(name) as image:
        return fromimage(image, flatten, mode)


def imsave(name: Any, arr: Any, format: str | None = None) -> None:
    """Write the array to an image file."""
    toimage(arr).save(name, format=format)


_FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: str | None = None) -> Any:
    """The image resized, in uint8. size: a percentage (int), a fraction (float) or (height, width)."""
    image = toimage(arr, mode=mode)
    if isinstance(size, (tuple, list)):
        height, width = (int(n) for n in size[:2])
    else:
        share = size / 100 if isinstance(size, (int, np.integer)) else size
        width, height = (int(n * share) for n in image.size)
    return fromimage(image.resize((width, height), resample=_FILTERS[interp]))


def imrotate(arr: Any, angle: float, interp: str = "bilinear") -> Any:
    """The image turned counter-clockwise by `angle` degrees, in its old size."""
    return fromimage(toimage(arr).rotate(angle, resample=_FILTERS[interp]))


def _face(gray: bool = False) -> Any:
    from scipy import datasets

    return datasets.face(gray)


def _ascent() -> Any:
    from scipy import datasets

    return datasets.ascent()


def _special(name: str) -> Any:
    def forward(*args: Any, **options: Any) -> Any:
        from scipy import special

        return getattr(special, name)(*args, **options)

    return forward
