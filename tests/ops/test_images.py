"""tf.image: numbers that TensorFlow 2.4.4 gives, gradients, random changes, files of pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import millstream as tf

FOLDER = Path(__file__).parent.parent / "reference"
CASES = json.loads((FOLDER / "images.json").read_text())
with np.load(FOLDER / "images.npz") as stored:
    WANTED = {name: stored[name] for name in stored.files}


def _names() -> dict[str, Any]:
    inputs = {n: tf.constant(WANTED[f"in/{n}"]) for n in CASES["inputs"]}
    return {"tf": tf, "np": np, "I": tf.image, **inputs}


@pytest.mark.parametrize("case", CASES["cases"])
def test_values_are_tensorflows(case: str) -> None:
    tf.random.set_seed(3)
    got = np.asarray(eval(case, _names()))  # noqa: S307  (texts of our own file)
    want = WANTED[case]
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    scale = max(float(np.abs(want.astype("f8")).max(initial=0)), 1e-30)
    np.testing.assert_allclose(got.astype("f8"), want.astype("f8"), rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "area", "lanczos3"])
def test_resize_has_the_gradient_of_a_weighted_sum(method: str) -> None:
    x = tf.constant(np.random.RandomState(0).rand(4, 5, 1), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.image.resize(x, (6, 3), method))
    slope = tape.gradient(y, x)
    assert float(tf.reduce_sum(slope * x)) == pytest.approx(float(y), rel=1e-5)


def test_traced_changes_equal_eager_ones() -> None:
    x = tf.constant(np.random.RandomState(0).rand(5, 6, 3), tf.float32)

    def change(y: Any) -> Any:
        y = tf.image.stateless_random_flip_left_right(tf.image.resize(y, (8, 8)), (1, 2))
        return tf.image.stateless_random_crop(tf.image.adjust_hue(y, 0.2), (4, 5, 3), (3, 4))

    np.testing.assert_allclose(tf.function(change)(x).numpy(), change(x).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_keeps_every_value(channels: int) -> None:
    pixels = np.random.RandomState(1).randint(0, 256, (5, 4, channels)).astype(np.uint8)
    assert np.array_equal(tf.io.decode_image(tf.io.encode_png(pixels)).numpy(), pixels)


def test_jpeg_is_near_its_picture() -> None:
    pixels = np.tile(np.arange(0, 256, 4, dtype=np.uint8)[:, None, None], (1, 64, 3))
    read = tf.io.decode_jpeg(tf.io.encode_jpeg(pixels, quality=100), channels=3).numpy()
    assert np.abs(read.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ("tf.io.decode_image(b'nothing')", tf.errors.InvalidArgumentError, "Unknown image file format"),
        ("tf.image.resize(tf.ones((2, 2)), (1, 1))", ValueError, "must have 3 or 4 dimensions"),
        ("tf.image.resize(tf.ones((2, 2, 1)), (1, 1), 'cubic')", ValueError, "there are nearest, area"),
        ("tf.image.crop_to_bounding_box(tf.ones((2, 2, 1)), 1, 0, 2, 1)", ValueError, "height must be >= target"),
        ("tf.image.random_crop(tf.ones((2, 2, 1)), (3, 1, 1))", ValueError, "Need value.shape >= size"),
        ("tf.image.rgb_to_grayscale(tf.ones((2, 2, 1)))", tf.errors.InvalidArgumentError, "must have 3 channels"),
        ("tf.image.random_hue(tf.ones((2, 2, 3)), 0.7)", ValueError, "at most 0.5"),
    ],
)
def test_wrong_arguments_are_explained(call: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(call, {"tf": tf})  # noqa: S307
