"""Write images.npz and images.json: what TensorFlow's functions on images return. Needs TensorFlow 2.4; see README.md."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).parent
METHODS = ["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"]


def cases() -> "list[str]":
    """Expressions in tf.image (I) and the inputs f, u, b: floats, bytes, a batch."""
    found = [f"I.resize({x}, {s}, '{m}', antialias={a})" for m in METHODS for x, s in (("f", (3, 4)), ("u", (7, 9))) for a in (False, True)]
    plain = "flip_left_right flip_up_down transpose rot90 per_image_standardization rgb_to_grayscale".split()
    found += [f"I.{name}({x})" for name in plain for x in "fub"]
    found += [f"I.rot90(b, {k})" for k in (-1, 2, 3)]
    found += [f"I.{name}(f)" for name in "rgb_to_hsv hsv_to_rgb rgb_to_yiq yiq_to_rgb rgb_to_yuv yuv_to_rgb".split()]
    adjusts = ("brightness", 0.3), ("contrast", 1.7), ("gamma", 0.6), ("hue", -0.7), ("saturation", 1.6)
    found += [f"I.adjust_{name}({x}, {by})" for name, by in adjusts for x in "fu"]
    for dtype in ("uint8", "int16", "float32", "float16"):
        found += [f"I.convert_image_dtype({x}, tf.{dtype}, {s})" for x in "fu" for s in (False, True)]
    found += ["I.central_crop(b, 0.77)", "I.resize_with_crop_or_pad(b, 4, 9)", "I.resize_with_pad(b, 9, 4)", "I.psnr(b, b * 0.9, 1.0)"]
    found += [f"I.extract_patches(b, [1, 3, 2, 1], [1, 2, 3, 1], [1, {r}, {r}, 1], '{p}')" for r in (1, 2) for p in ("VALID", "SAME")]
    boxes = "[[0.0, 0, 1, 1], [-0.2, 0.1, 1.3, 0.5], [0.9, 0.9, 0.1, 0.1]]"
    found += [f"I.crop_and_resize(b, {boxes}, [0, 1, 0], (5, 4), '{m}', 0.5)" for m in ("bilinear", "nearest")]
    found += [f"I.non_max_suppression(n[:, :4], n[:, 4], 10, 0.3, {t})" for t in (0.0, 0.4)]
    found += ["I.total_variation(b)", "I.sobel_edges(b)", "I.ssim(b, b * 0.9, 1.0, filter_size=5)"]
    randoms = (
        ("flip_left_right", ""),
        ("flip_up_down", ""),
        ("brightness", ", 0.4"),
        ("contrast", ", 0.3, 0.8"),
        ("hue", ", 0.3"),
        ("saturation", ", 0.3, 0.9"),
    )
    found += [f"I.random_{name}({x}{by}, seed={s})" for name, by in randoms for x in "fb" for s in (None, 5)]
    found += [f"I.stateless_random_{name}(f{by}, seed=(1, 2))" for name, by in randoms]
    return [*found, "I.random_crop(b, (2, 3, 4, 3), seed=7)", "I.stateless_random_crop(f, (3, 4, 3), (1, 3))"]


def main() -> None:
    """Evaluate and store."""
    r = np.random.RandomState(0)
    inputs = {
        "f": r.rand(5, 7, 3).astype("float32"), "u": (r.rand(6, 5, 3) * 255).astype("uint8"),
        "b": r.rand(2, 6, 8, 3).astype("float32"), "n": r.rand(20, 5).astype("float32"),
    }  # fmt: skip
    names = {"tf": tf, "np": np, "I": tf.image, **{k: tf.constant(v) for k, v in inputs.items()}}
    stored = {f"in/{k}": v for k, v in inputs.items()}
    for case in cases():
        tf.random.set_seed(3)
        stored[case] = np.asarray(eval(case, names))
    np.savez_compressed(FOLDER / "images.npz", **stored)
    (FOLDER / "images.json").write_text(json.dumps({"inputs": list(inputs), "cases": cases()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
