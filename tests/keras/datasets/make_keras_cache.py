"""A small Keras cache of every data set: what the tests load, and what reference.json was made from.

python make_keras_cache.py FOLDER                      write the cache
python make_keras_cache.py FOLDER reference.json       and what the installed TensorFlow loads from it (made with 2.4.4)
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import pickle
import sys
from typing import Any

import numpy as np

CALLS = {
    "boston_housing": [{}, {"test_split": 0.4, "seed": 7}],
    "imdb": [{}, {"num_words": 12, "skip_top": 2}, {"maxlen": 7, "start_char": None}, {"oov_char": None, "num_words": 9, "index_from": 0}],
    "reuters": [
        {},
        {"num_words": 12, "test_split": 0.5},
        {"maxlen": 6, "seed": 3},
        {"start_char": None, "index_from": 0, "oov_char": None},
    ],
    "cifar100": [{}, {"label_mode": "coarse"}],
}


def ragged(random: np.random.RandomState, count: int) -> np.ndarray:
    made = np.empty(count, object)
    made[:] = [random.randint(1, 20, random.randint(2, 9)).tolist() for _ in range(count)]
    return made


def write_cache(folder: pathlib.Path) -> None:
    """datasets/ with all five, the same every time."""
    random, sets = np.random.RandomState(5), folder / "datasets"
    for name in ("cifar-10-batches-py", "cifar-100-python"):
        (sets / name).mkdir(parents=True, exist_ok=True)
    np.savez(sets / "boston_housing.npz", x=random.rand(20, 13), y=random.rand(20))
    np.savez(sets / "imdb.npz", x_train=ragged(random, 12), y_train=np.arange(12) % 2, x_test=ragged(random, 9), y_test=np.arange(9) % 2)
    np.savez(sets / "reuters.npz", x=ragged(random, 15), y=np.arange(15) % 4)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        _batch(random, sets / "cifar-10-batches-py" / name, {b"labels": 10})
    for name in ("train", "test"):
        _batch(random, sets / "cifar-100-python" / name, {b"fine_labels": 100, b"coarse_labels": 20})


def _batch(random: np.random.RandomState, path: pathlib.Path, kinds: dict[bytes, int]) -> None:
    labels = {key: random.randint(0, n, 4).tolist() for key, n in kinds.items()}
    path.write_bytes(pickle.dumps({b"data": random.randint(0, 256, (4, 3072)).astype(np.uint8), **labels}, protocol=2))


def facts(array: np.ndarray) -> list[Any]:
    """Dtype, shape and a hash of the values."""
    values = json.dumps(array.tolist()).encode()
    return [str(array.dtype), list(array.shape), hashlib.md5(values).hexdigest()]  # noqa: S324 - a short name for values


def loaded(datasets: Any) -> dict[str, list[Any]]:
    """facts of the four arrays for every call."""
    return {
        f"{name} {json.dumps(options)}": [facts(array) for split in getattr(datasets, name).load_data(**options) for array in split]
        for name, calls in CALLS.items()
        for options in calls
    }


def main(folder: pathlib.Path, reference: pathlib.Path) -> None:
    """Ask the installed TensorFlow. It knows the originals' checksums only, so its download is told to take what is there."""
    import tensorflow as tf

    write_cache(folder)
    for name in CALLS:
        sys.modules[f"tensorflow.python.keras.datasets.{name}"].get_file = lambda file, **_: str(folder / "datasets" / file)
    reference.write_text(json.dumps(loaded(tf.keras.datasets), indent=1) + "\n")


if __name__ == "__main__":
    write_cache(pathlib.Path(sys.argv[1])) if len(sys.argv) == 2 else main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
