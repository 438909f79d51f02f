"""Views: how a value is read from memory: offset and strides, in elements, over a shape.

Reshape, transpose, broadcast and slice of something in memory are other views of it; they cost nothing. `gathered`
names the axis (at most one) whose index goes through the list of rows of the running batch.
"""

from dataclasses import dataclass, replace

Shape = tuple[int, ...]


def contiguous_strides(shape: Shape) -> Shape:
    """Row-major strides."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


@dataclass(frozen=True)
class View:
    """Element [i, j, ...] lies at offset + i * strides[0] + j * strides[1] + ..."""

    shape: Shape
    strides: Shape
    offset: int = 0
    gathered: int | None = None

    @staticmethod
    def whole(shape: Shape, gathered: bool = False) -> "View":
        """All of a row-major array; `gathered`: its rows are picked by the batch."""
        return View(shape, contiguous_strides(shape), 0, 0 if gathered else None)

    @property
    def is_whole(self) -> bool:
        """Whether it reads its memory row by row from the start (sizes of 1 have no stride)."""
        wanted = contiguous_strides(self.shape)
        same = all(n == 1 or s == w for n, s, w in zip(self.shape, self.strides, wanted, strict=True))
        return same and self.offset == 0 and self.gathered is None

    @property
    def is_contiguous(self) -> bool:
        """Whether it reads its memory row by row, from wherever it starts."""
        return replace(self, offset=0).is_whole

    def transpose(self, perm: Shape) -> "View":
        """Axes in another order."""
        gathered = None if self.gathered is None else perm.index(self.gathered)
        return View(tuple(self.shape[p] for p in perm), tuple(self.strides[p] for p in perm), self.offset, gathered)

    def broadcast(self, shape: Shape) -> "View":
        """Repeated along new axes and those of size 1."""
        extra = len(shape) - len(self.shape)
        kept = tuple(0 if n == 1 and w != 1 else s for n, s, w in zip(self.shape, self.strides, shape[extra:], strict=True))
        gathered = None if self.gathered is None else self.gathered + extra
        return View(tuple(shape), (0,) * extra + kept, self.offset, gathered)

    def slice(self, begin: Shape, shape: Shape, steps: Shape) -> "View | None":
        """Elements begin, begin + step, ...; None where the batch's rows themselves would be sliced."""
        g = self.gathered
        if g is not None and (begin[g], steps[g], shape[g]) != (0, 1, self.shape[g]):
            return None
        offset = self.offset + sum(b * s for b, s in zip(begin, self.strides, strict=True))
        return View(tuple(shape), tuple(s * k for s, k in zip(self.strides, steps, strict=True)), offset, g)

    def reshape(self, shape: Shape) -> "View | None":
        """The same elements in another shape, or None when that needs a copy."""
        if self.gathered is not None:
            return self._reshape_rows(shape)
        strides = _reshaped_strides(self.shape, self.strides, shape)
        return None if strides is None else replace(self, shape=tuple(shape), strides=strides)

    def _reshape_rows(self, shape: Shape) -> "View | None":
        """The batch's axis must stay the first, of the same size."""
        if self.gathered != 0 or not shape or shape[0] != self.shape[0]:
            return None
        rest = _reshaped_strides(self.shape[1:], self.strides[1:], shape[1:])
        return None if rest is None else replace(self, shape=tuple(shape), strides=(self.strides[0], *rest))


def _reshaped_strides(old: Shape, strides: Shape, new: Shape) -> Shape | None:
    """Strides of the new shape: runs of old axes that lie without gaps may be cut anew. Without elements, any will do."""
    if 0 in new:
        return contiguous_strides(new)
    runs = merged_axes(old, [strides])
    sizes = [(n, s[0]) for n, s in runs]
    out: list[int] = []
    for n in reversed(new):
        if n == 1:
            out.append(1)
            continue
        while sizes and sizes[-1][0] == 1:
            sizes.pop()
        if not sizes or (n and sizes[-1][0] % n):
            return None
        size, step = sizes.pop()
        out.append(step)
        sizes.append((size // n if n else 1, step * n))
    return tuple(reversed(out))


def merged_axes(shape: Shape, strides: list[Shape]) -> list[tuple[int, Shape]]:
    """The axes as (size, stride per operand), with axes of size 1 dropped and neighbours merged where all operands allow it."""
    merged: list[tuple[int, Shape]] = []
    for axis, n in enumerate(shape):
        steps = tuple(s[axis] for s in strides)
        if n == 1 and not any(isinstance(s, float) for s in steps):  # a gathered axis stays: even one row must be picked
            continue
        if merged and all(before == step * n for before, step in zip(merged[-1][1], steps, strict=True)):
            merged[-1] = merged[-1][0] * n, steps
        else:
            merged.append((n, steps))
    return merged
