"""TensorFlow 2.4's numbers for the tests: those stored in tests/reference, and larger sets in the folder MILLSTREAM_REFERENCE if it is set."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import millstream as tf

_STORED = Path(__file__).parent.parent / "reference"


class Case:
    """One evaluated expression: its text and its arrays, by name."""

    def __init__(self, entry: dict[str, Any], text: str, data: dict[str, Any]) -> None:
        self.entry, self.text = entry, text
        prefix = entry["key"] + "/"
        self.arrays = {name[len(prefix) :]: array for name, array in data.items() if name.startswith(prefix)}

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def tensors(self, *names: str) -> dict[str, Any]:
        """The arrays of these names that there are, as tensors."""
        return {n: tf.constant(self.arrays[n]) for n in names if n in self.arrays}

    def evaluate(self, **names: Any) -> Any:
        """The text's value with these names."""
        return eval(self.text, {"tf": tf, **names})  # noqa: S307  (texts of our own files)


def _read(folder: Path, part: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    with np.load(folder / f"{part}.npz") as data:
        return json.loads((folder / f"{part}.json").read_text())["cases"], {name: data[name] for name in data.files}


def stored(part: str) -> list[Any]:
    """The project's own cases of a part, as parameters of a test."""
    entries, data = _read(_STORED, "keras")
    found = [Case(e, e["expression"], data) for e in entries if e["part"] == part]
    return [pytest.param(c, id=f"{c.entry['key']}-{_short(c.text)}") for c in found]


def larger(part: str, field: str) -> list[Any]:
    """The cases of the larger set that have a field, which is their text; none unless MILLSTREAM_REFERENCE names its folder."""
    folder = os.environ.get("MILLSTREAM_REFERENCE")
    if not folder:
        return []
    entries, data = _read(Path(folder), part)
    return [pytest.param(Case(e, e[field], data), id=f"{e['key']}-{_short(e[field])}") for e in entries if field in e]


def _short(text: str) -> str:
    return text.replace("tf.keras.", "").replace("optimizers.schedules.", "").split(".", 1)[-1]


def cotangent(out: Any) -> Any:
    """What the stored gradients are of: the sum of out times these numbers."""
    return tf.constant(np.cos(np.arange(int(np.prod(out.shape)))).reshape(tuple(out.shape)), out.dtype)


def close(got: Any, want: Any) -> None:
    """Equal to 1e-5 relative, 1e-6 absolute."""
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-5, atol=1e-6)
