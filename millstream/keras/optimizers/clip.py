"""Gradients kept small before they are applied. Pairs (gradient, variable) in, pairs out."""

from collections.abc import Sequence
from typing import Any

from millstream.keras.backend.compose import clip, like, where
from millstream.keras.optimizers.slices import map_values
from millstream.ops.math.arithmetic import maximum, minimum, sqrt, square
from millstream.ops.math.comparison import greater
from millstream.ops.math.reduce import reduce_sum

Pairs = Sequence[tuple[Any, Any]]


def by_value(pairs: Pairs, limit: float | None) -> Pairs:
    """Each element between -limit and limit."""
    if limit is None:
        return pairs
    return [(map_values(lambda g: clip(g, -limit, limit), g), v) for g, v in pairs]


def by_norm(pairs: Pairs, limit: float | None) -> Pairs:
    """Each gradient scaled down to a Euclidean length of at most limit."""
    return pairs if limit is None else [(map_values(lambda g: _shorten(g, limit), g), v) for g, v in pairs]


def _shorten(gradient: Any, limit: float) -> Any:
    total = reduce_sum(square(gradient))
    positive = greater(total, like(0, total))
    norm = where(positive, sqrt(where(positive, total, like(1, total))), total)
    bound = like(limit, norm)
    return gradient * bound / maximum(norm, bound)


def by_global_norm(pairs: Pairs, limit: float | None) -> Pairs:
    """All gradients scaled by one number, so that together they have a Euclidean length of at most limit."""
    if limit is None or not pairs:
        return pairs
    squares = [reduce_sum(square(getattr(g, "values", g))) for g, _ in pairs]
    total = squares[0]
    for more in squares[1:]:
        total = total + more
    norm = sqrt(total)
    one, bound = like(1, norm), like(limit, norm)
    scale = bound * minimum(one / norm, one / bound) + (norm - norm)  # an infinite norm makes NaN, as it should
    return [(map_values(lambda g: g * like(scale, g), g), v) for g, v in pairs]
