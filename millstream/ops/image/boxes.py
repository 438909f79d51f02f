"""Boxes [N, 4] (y1, x1, y2, x2) chosen by score: non-maximum suppression. Sizes of results depend on values: eager only."""

from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.tensor import Tensor, convert
from millstream.util.errors import invalid
from millstream.util.export import export


def _areas(boxes: Any) -> Any:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _overlaps(boxes: Any, one: int) -> Any:
    """The share of intersection in union of one box with all."""
    low, high = np.maximum(boxes[:, :2], boxes[one, :2]), np.minimum(boxes[:, 2:], boxes[one, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    whole = _areas(boxes) + _areas(boxes[one]) - shared
    return np.where(whole > 0, shared / np.where(whole > 0, whole, 1), 0.0)


def _arrays(boxes: Any, scores: Any) -> tuple[Any, Any]:
    places, points = convert(boxes).numpy(), convert(scores).numpy()
    if places.ndim != 2 or places.shape[1] != 4 or points.shape != places.shape[:1]:
        raise invalid(f"boxes must be [N, 4] and scores [N]; got shapes {places.shape} and {points.shape}.")
    low, high = np.minimum(places[:, :2], places[:, 2:]), np.maximum(places[:, :2], places[:, 2:])
    return np.concatenate([low, high], 1), points


@export("tf.image.non_max_suppression")
def non_max_suppression(
    boxes: Any,
    scores: Any,
    max_output_size: Any,
    iou_threshold: float = 0.5,
    score_threshold: float = float("-inf"),
    name: str | None = None,
) -> Tensor:
    """Which boxes to keep, best first: each overlaps those before it by at most iou_threshold. int32[kept].

    >>> tf.image.non_max_suppression([[0.0, 0, 1, 1], [0, 0, 1, 1.1], [2, 2, 3, 3]], [0.9, 0.8, 0.7], 3).numpy().tolist()
    [0, 2]
    """
    return non_max_suppression_with_scores(boxes, scores, max_output_size, iou_threshold, score_threshold)[0]


@export("tf.image.non_max_suppression_with_scores")
def non_max_suppression_with_scores(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: float = 0.5, score_threshold: float = float("-inf"),
    soft_nms_sigma: float = 0.0, name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """As non_max_suppression, with the scores; soft_nms_sigma > 0 lowers the scores of overlapping boxes instead of dropping them.

    >>> tf.image.non_max_suppression_with_scores([[0.0, 0, 1, 1], [2, 2, 3, 3]], [0.5, 0.75], 2)[1].numpy().tolist()
    [0.75, 0.5]
    """
    if not 0 <= iou_threshold <= 1:
        raise invalid(f"iou_threshold must be in [0, 1]; got {iou_threshold}.")
    places, points = _arrays(boxes, scores)
    left = points.astype(np.float32)
    kept: list[int] = []
    values: list[float] = []
    while len(kept) < int(max_output_size) and left.size and left.max() > score_threshold:
        best = int(left.argmax())
        kept.append(best)
        values.append(float(left[best]))
        shared = _overlaps(places, best)
        if soft_nms_sigma > 0:
            left = np.where(shared <= iou_threshold, left * np.exp(-(shared**2) * 0.5 / soft_nms_sigma), -np.inf).astype(np.float32)
        else:
            left = np.where(shared > iou_threshold, -np.inf, left)
        left[best] = -np.inf
    return wrap(np.array(kept, np.int32)), wrap(np.array(values, points.dtype))
