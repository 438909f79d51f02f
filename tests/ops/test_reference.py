"""TensorFlow 2.4's values, gradients and random numbers: the project's own set, and the larger one in MILLSTREAM_REFERENCE if it is set."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.graph import interpreter
from millstream.graph.trace import trace
from millstream.ops.random import RandomShuffleStream

STORED = Path(__file__).parent.parent / "reference"
LARGER = os.environ.get("MILLSTREAM_REFERENCE", "")
# share of the largest magnitude of an array: linear algebra loses more digits
TOLERANCE = 1e-5
LOOSE = ("linalg", "matmul", "conv", "pool")
# not TensorFlow's numbers yet, or another part of the library
ELSEWHERE = ("gamma", "poisson", "keras", "image", "data_", "fit_dropout")
# TensorFlow 2.4 itself gives a wrong gradient here (a broadcasting atan2)
WRONG_THERE = ("051",)


def _read(folder: Path, part: str) -> tuple[dict[str, Any], dict[str, Any]]:
    with np.load(folder / f"{part}.npz") as data:
        return json.loads((folder / f"{part}.json").read_text()), {n: data[n] for n in data.files}


OWN, OWN_DATA = _read(STORED, "ops")
SLIDING, SLIDING_DATA = _read(STORED, "convolutions")


def _close(got: Any, want: Any, text: str) -> None:
    got = np.asarray(got)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    scale = float(np.abs(want[np.isfinite(want)]).max(initial=0.0))
    tolerance = TOLERANCE * (3 if any(w in text for w in LOOSE) else 1)
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * scale + 1e-30)


def _check(case: dict[str, Any], data: dict[str, Any]) -> None:
    tensors = {k: tf.constant(data[f"{case['key']}/in/{k}"]) for k in case["inputs"]}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([tensors[k] for k in case["gradients"]])
        out = tf.convert_to_tensor(eval(case["expression"], {"tf": tf, **tensors}))  # noqa: S307  (texts of our own files)
        if case["gradients"]:
            weights = np.cos(np.arange(int(np.prod(out.shape)))).reshape(tuple(out.shape))
            total = tf.reduce_sum(out * tf.constant(weights, out.dtype))
    _close(out, data[f"{case['key']}/out"], case["expression"])
    for k in case["gradients"]:
        _close(tape.gradient(total, tensors[k]), data[f"{case['key']}/grad/{k}"], case["expression"])


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c['key']}-{c['expression'][:40]}") for c in SLIDING["cases"]])
def test_convolutions_and_pooling(case: dict[str, Any]) -> None:
    _check(case, SLIDING_DATA)


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c['key']}-{c['expression'][:40]}") for c in OWN["cases"]])
def test_values_and_gradients_are_tensorflows(case: dict[str, Any]) -> None:
    _check(case, OWN_DATA)


def _same_numbers(got: Any, want: Any, line: str) -> None:
    got = np.asarray(got)
    assert got.dtype == want.dtype
    if "normal" in line or "dropout" in line:
        np.testing.assert_allclose(got, want, rtol=3e-6, atol=3e-7, err_msg=line)
    else:
        np.testing.assert_array_equal(got, want, err_msg=line)


def _run(lines: list[str], mode: str, calls: int, names: dict[str, Any]) -> list[list[Any]]:
    """The values of the lines: one call, or a trace of all of them run several times."""
    if mode == "eager":
        return [[np.asarray(eval(line, names)) for line in lines] for _ in range(calls)]  # noqa: S307
    graph = trace(lambda: [eval(line, names) for line in lines])  # noqa: S307
    return [interpreter.run(graph, []) for _ in range(calls)]


@pytest.mark.parametrize("case", OWN["random"], ids=lambda c: f"{c['seed']}-{c['mode']}")
def test_random_numbers_are_tensorflows(case: dict[str, Any]) -> None:
    tf.random.set_seed(case["seed"])
    for call, values in enumerate(_run(OWN["lines"], case["mode"], case["calls"], {"tf": tf})):
        for i, value in enumerate(values):
            _same_numbers(value, OWN_DATA[f"random/{case['seed']}/{case['mode']}/{call}/{i}"], OWN["lines"][i])


# ---------------------------------------------------------------------------------------------- the larger set
@pytest.mark.skipif(not LARGER, reason="MILLSTREAM_REFERENCE names no folder")
def test_larger_set_of_values_and_gradients() -> None:
    meta, data = _read(Path(LARGER), "ops")
    missing, wrong, ran = [], [], 0
    for case in meta["cases"]:
        try:
            _check(case, data)
            ran += 1
        except AttributeError as error:
            missing.append(str(error).split("attribute ")[-1])
        except AssertionError as error:
            ran += 1
            wrong += [] if case["key"] in WRONG_THERE else [f"{case['expression']}: {error}"]
    print(f"{ran} expressions ran, {len(missing)} name what does not exist: {sorted(set(missing))}")  # noqa: T201  (shown by pytest -s)
    assert not wrong, "\n".join(wrong)


@pytest.mark.skipif(not LARGER, reason="MILLSTREAM_REFERENCE names no folder")
def test_larger_set_of_random_numbers() -> None:
    meta, data = _read(Path(LARGER), "random")
    for case in meta["cases"]:
        if any(word in case["key"] for word in ELSEWHERE) or case["seed"] is None:
            continue
        tf.random.set_seed(case["seed"])
        if case["mode"] == "fit":
            stream = RandomShuffleStream.of_fit()
            np.testing.assert_array_equal([stream.order(case["count"]) for _ in range(case["epochs"])], data[case["key"]])
            continue
        names: dict[str, Any] = {"tf": tf}
        exec(case["setup"], names)
        for call, values in enumerate(_run(case["lines"], case["mode"], case["calls"], names)):
            for i, value in enumerate(values):
                _same_numbers(value, data[f"{case['key']}/{call}/{i}"], case["lines"][i])
