"""matplotlib: names and arguments that 3.3 to 3.9 removed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from millstream.compat.shims.put_back import put_back

# Any, in this file: arguments are handed on to matplotlib.


def patch_style(style: ModuleType) -> None:
    """plt.style.use('seaborn-...'): the styles live on under 'seaborn-v0_8-...'."""
    new = [name for name in style.library if name.startswith("seaborn-v0_8")]
    for name in new:
        style.library.setdefault(name.replace("-v0_8", ""), style.library[name])


def patch_cm(cm: ModuleType) -> None:
    """cm.get_cmap and cm.register_cmap (gone in 3.9)."""
    import matplotlib as mpl

    def get_cmap(name: Any = None, lut: int | None = None) -> Any:
        chosen = name if hasattr(name, "resampled") else mpl.colormaps[name or mpl.rcParams["image.cmap"]]
        return chosen if lut is None else chosen.resampled(lut)

    put_back(cm, {"get_cmap": get_cmap, "register_cmap": lambda name=None, cmap=None: mpl.colormaps.register(cmap, name=name)})


def patch_figure(figure: ModuleType) -> None:
    """fig.gca(projection='3d') (gone in 3.6) and fig.canvas.set_window_title."""
    kind, gca = figure.Figure, figure.Figure.gca

    @functools.wraps(gca)
    def current_axes(self: Any, **options: Any) -> Any:
        return self.add_subplot(**options) if options else gca(self)

    kind.gca = current_axes
    import matplotlib.backend_bases as bases

    put_back(bases.FigureCanvasBase, {"set_window_title": lambda self, title: self.manager and self.manager.set_window_title(title)})


def patch_pyplot(pyplot: ModuleType) -> None:
    """plt.gca(projection=...), plt.grid(b=True), plt.hold (without effect since 2.0)."""
    put_back(pyplot, {"hold": lambda *_: None})
    gca = pyplot.gca
    pyplot.gca = lambda **options: pyplot.gcf().add_subplot(**options) if options else gca()  # type: ignore[attr-defined]
    pyplot.grid = _with_visible(pyplot.grid)  # type: ignore[attr-defined]
    from matplotlib import axes

    setattr(axes.Axes, "grid", _with_visible(axes.Axes.grid))  # noqa: B010 - to a checker a method is no variable


def _with_visible(grid: Callable[..., Any]) -> Callable[..., Any]:
    """grid(b=True) is grid(visible=True)."""

    @functools.wraps(grid)
    def draw(*args: Any, **options: Any) -> Any:
        if "b" in options:
            options["visible"] = options.pop("b")
        return grid(*args, **options)

    return draw
