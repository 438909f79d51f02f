"""Writes convolutions.json and convolutions.npz: TensorFlow's convolutions and pooling, with gradients. Run with TensorFlow 2.4.

    python tests/reference/make_convolutions.py
Gradients are those of the sum of the output's elements times cos(0), cos(1), cos(2), ...
"""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
CASES = [
    ("tf.nn.conv2d(x, w, 1, 'SAME')", {"x": (2, 6, 5, 3), "w": (3, 3, 3, 4)}),
    ("tf.nn.conv2d(x, w, 2, 'SAME')", {"x": (2, 7, 6, 3), "w": (3, 2, 3, 4)}),
    ("tf.nn.conv2d(x, w, [1, 2, 3, 1], 'VALID')", {"x": (1, 8, 9, 2), "w": (3, 3, 2, 5)}),
    ("tf.nn.conv2d(x, w, 1, [[0, 0], [2, 1], [0, 3], [0, 0]])", {"x": (1, 5, 4, 2), "w": (3, 3, 2, 2)}),
    ("tf.nn.conv2d_transpose(x, w, [1, 8, 7, 3], 2, 'SAME')", {"x": (1, 4, 4, 2), "w": (3, 3, 3, 2)}),
    ("tf.nn.conv1d(x, w, 2, 'SAME')", {"x": (2, 9, 3), "w": (4, 3, 2)}),
    ("tf.nn.conv3d(x, w, [1, 1, 2, 1, 1], 'SAME')", {"x": (1, 3, 4, 4, 2), "w": (2, 2, 3, 2, 2)}),
    ("tf.nn.depthwise_conv2d(x, w, [1, 2, 2, 1], 'SAME')", {"x": (1, 6, 6, 3), "w": (3, 3, 3, 2)}),
    ("tf.nn.max_pool2d(x, 3, 2, 'SAME')", {"x": (2, 7, 6, 3)}),
    ("tf.nn.max_pool2d(tf.round(x) * x / x, 2, 1, 'VALID')", {"x": (1, 6, 6, 2)}),
    ("tf.nn.avg_pool2d(x, 3, 2, 'SAME')", {"x": (2, 7, 6, 3)}),
    ("tf.nn.avg_pool1d(x, 3, 1, 'SAME')", {"x": (1, 6, 2)}),
]  # fmt: skip


def main() -> None:
    """Evaluate and store."""
    random, entries, arrays = np.random.RandomState(0), [], {}
    for n, (text, shapes) in enumerate(CASES):
        key = f"{n:03d}"
        tensors = {k: tf.constant(random.randn(*s).astype(np.float32)) for k, s in shapes.items()}
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(list(tensors.values()))
            out = eval(text, {"tf": tf, **tensors})
            weights = np.cos(np.arange(int(np.prod(out.shape)))).reshape(tuple(out.shape))
            total = tf.reduce_sum(out * tf.constant(weights, out.dtype))
        found = {k: tape.gradient(total, v) for k, v in tensors.items()}
        arrays[f"{key}/out"] = out.numpy()
        arrays.update({f"{key}/in/{k}": v.numpy() for k, v in tensors.items()})
        arrays.update({f"{key}/grad/{k}": g.numpy() for k, g in found.items() if g is not None})
        entries.append(
            {"key": key, "expression": text, "inputs": list(tensors), "gradients": [k for k, g in found.items() if g is not None]}
        )
    np.savez_compressed(HERE / "convolutions.npz", **arrays)
    (HERE / "convolutions.json").write_text(json.dumps({"tensorflow": tf.__version__, "cases": entries}, indent=1) + "\n")


if __name__ == "__main__":
    main()
