"""TensorFlow 2.4's numbers for a test: a full set where there is one beside the checkout, otherwise the excerpt stored here."""

import json
import pathlib
from typing import Any

import numpy as np

import millstream as tf

_HERE = pathlib.Path(__file__).resolve()
_FULL = next((p / "shared/reference/tf2.4" for p in _HERE.parents if (p / "shared/reference/tf2.4").is_dir()), None)
_EXCERPT = _HERE.parent.parent / "reference" / "keras"


def load(part: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """(cases, arrays) of a part."""
    folder = _FULL or _EXCERPT
    with np.load(folder / f"{part}.npz") as data:
        arrays = {name: data[name] for name in data.files}
    return json.loads((folder / f"{part}.json").read_text())["cases"], arrays


def cotangent(out: Any) -> Any:
    """What the stored gradients are of: the sum of out times these numbers."""
    size = int(np.prod(out.shape))
    return tf.constant(np.cos(np.arange(size)).reshape(tuple(out.shape)), out.dtype)
