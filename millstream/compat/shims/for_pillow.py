"""Pillow: the filters' old names (gone in 10) and the text sizes (gone in 10: boxes took their place)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from millstream.compat.shims.put_back import put_back

# Any, in this file: the functions hand their arguments on to Pillow's own.


def patch_image(image: ModuleType) -> None:
    """Image.ANTIALIAS, LINEAR, CUBIC and the constants that became enumerations."""
    put_back(image, {"ANTIALIAS": image.LANCZOS, "LINEAR": image.BILINEAR, "CUBIC": image.BICUBIC, "VERSION": "1.1.7"})
    for enumeration in ("Transpose", "Transform", "Resampling", "Dither", "Palette", "Quantize"):
        put_back(image, dict(getattr(image, enumeration).__members__))


def patch_draw(draw: ModuleType) -> None:
    """ImageDraw.Draw(...).textsize and multiline_textsize."""
    put_back(draw.ImageDraw, {"textsize": _textsize, "multiline_textsize": _multiline_textsize})


def patch_font(font: ModuleType) -> None:
    """font.getsize, getsize_multiline and getoffset."""
    for kind in (font.ImageFont, font.FreeTypeFont, font.TransposedFont):
        put_back(kind, {"getsize": _getsize, "getoffset": _getoffset})
    put_back(font.FreeTypeFont, {"getsize_multiline": _getsize_multiline})


def _size(box: tuple[float, float, float, float]) -> tuple[int, int]:
    """As before: from the origin to the far corner, whole pixels."""
    return int(box[2]), int(box[3])


def _textsize(self: Any, text: Any, font: Any = None, spacing: float = 4, **options: Any) -> tuple[int, int]:
    return _size(self.textbbox((0, 0), text, font, spacing=spacing, **options))


def _multiline_textsize(self: Any, text: Any, font: Any = None, spacing: float = 4, **options: Any) -> tuple[int, int]:
    return _size(self.multiline_textbbox((0, 0), text, font, spacing=spacing, **options))


def _getsize(self: Any, text: Any, *args: Any, **options: Any) -> tuple[int, int]:
    return _size(self.getbbox(text, *args, **options))


def _getoffset(self: Any, text: Any) -> tuple[int, int]:
    left, top, *_ = self.getbbox(text)
    return int(left), int(top)


def _getsize_multiline(
    self: Any, text: str, direction: Any = None, spacing: float = 4, features: Any = None, language: Any = None
) -> tuple[int, int]:
    sizes = [_getsize(self, line, direction=direction, features=features, language=language) for line in text.split("\n")]
    line_height = _getsize(self, "A")[1] + spacing
    return max(width for width, _ in sizes), int(len(sizes) * line_height - spacing)
