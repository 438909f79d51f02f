"""Make ops.json and ops.npz: values and gradients of expressions, and random numbers. Run with TensorFlow 2.4: python make_ops.py.

A gradient is that of sum(out * cos(arange(out.size))). `random` cases are lines after set_seed, eagerly, and all of them
in one tf.function that is called twice.
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
EDGES = np.array([-np.inf, -3.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.5, 7.0, np.inf, np.nan], "float32")
X = np.linspace(-2, 2.5, 12).reshape(3, 4).astype("float32")
Y = np.linspace(0.3, 1.7, 4).astype("float32")
I = np.array([[2, 0], [1, 1]], "int32")

UNARY_EDGES = "abs sign floor ceil rint round square negative is_nan is_inf is_finite tanh sigmoid exp log log1p sqrt sin softplus reciprocal_no_nan".split()
NN_EDGES = "relu relu6 elu selu leaky_relu softsign".split()
EXPRESSIONS = [
    *[(f"tf.math.{n}(e)", {"e": EDGES}, ()) for n in UNARY_EDGES],
    *[(f"tf.nn.{n}(e)", {"e": EDGES[1:-2]}, ("e",)) for n in NN_EDGES],
    *[(f"tf.math.{n}(x, y)", {"x": X, "y": Y}, ("x", "y")) for n in ("multiply", "divide", "floormod", "maximum", "xlogy", "xdivy", "divide_no_nan")],
    *[(f"tf.math.{n}(x)", {"x": X}, ("x",)) for n in ("erfc", "log_sigmoid", "l2_normalize", "reduce_logsumexp", "cumulative_logsumexp", "expm1", "atan")],
    *[(f"tf.{n}(x, axis=[0, -1], keepdims=True)", {"x": X}, ("x",)) for n in ("reduce_prod", "reduce_min", "reduce_mean")],
    ("tf.math.xdivy([0., 2.], x[0, :2] * 0. + [0., 4.])", {"x": X}, ()), ("tf.pow(e, 2.0)", {"e": EDGES}, ("e",)), ("tf.maximum(e, 0.5)", {"e": EDGES}, ("e",)),
    ("tf.cast(e[1:-2], tf.int32)", {"e": EDGES}, ()), ("tf.cast(e[2:-2], tf.uint8)", {"e": EDGES}, ()), ("tf.saturate_cast(e, tf.int8)", {"e": EDGES[:-1]}, ()),
    ("x[1]", {"x": X}, ("x",)), ("x[::-2, 1:-1]", {"x": X}, ("x",)), ("x[..., tf.newaxis, -1]", {"x": X}, ("x",)), ("x[x > 0.5]", {"x": X}, ("x",)), ("x[5:, 0]", {"x": X}, ()),
    ("tf.gather(x, i, axis=1)", {"x": X, "i": I}, ("x",)), ("tf.gather(x[:2], i, axis=1, batch_dims=1)", {"x": X, "i": I}, ("x",)), ("tf.gather_nd(x, i)", {"x": X, "i": I}, ("x",)),
    ("tf.scatter_nd(i[:, :1], x[:2], [4, 4])", {"x": X, "i": I}, ("x",)), ("tf.where(x > 0, x, 0.)", {"x": X}, ("x",)), ("tf.where(x > 1)", {"x": X}, ()),
    ("tf.concat([x, x[:1]], 0)", {"x": X}, ("x",)), ("tf.split(x, [1, -1], axis=1)[1]", {"x": X}, ("x",)), ("tf.stack(tf.unstack(x, axis=1)[:2], axis=1)", {"x": X}, ("x",)),
    ("tf.pad(x, [[1, 0], [2, 1]], 'REFLECT')", {"x": X}, ("x",)), ("tf.tile(x, [2, 1])", {"x": X}, ("x",)), ("tf.roll(x, [1, -2], [0, 1])", {"x": X}, ("x",)),
    ("tf.repeat(x, [1, 0, 2], axis=0)", {"x": X}, ("x",)), ("tf.one_hot(i, 3, on_value=2.0)", {"i": I}, ()), ("tf.range(0, 1, 0.1)", {}, ()), ("tf.linspace(-3., 2., 7)", {}, ()),
    ("tf.sort(x, axis=0, direction='DESCENDING')", {"x": X}, ("x",)), ("tf.argsort(tf.constant([3, 1, 3, 1]), direction='DESCENDING')", {}, ()), ("tf.unique(tf.constant([5, 3, 5]))[1]", {}, ()),
    ("tf.math.top_k(x, 2)[0]", {"x": X}, ("x",)), ("tf.cumsum(x, axis=1, exclusive=True, reverse=True)", {"x": X}, ("x",)), ("tf.math.cumprod(x, axis=1)", {"x": X}, ("x",)),
    ("tf.math.reduce_std(x, axis=0)", {"x": X}, ("x",)), ("tf.reduce_mean(i)", {"i": I}, ()), ("tf.math.count_nonzero(i, axis=0)", {"i": I}, ()), ("tf.argmin(x, axis=1)", {"x": X}, ()),
    ("tf.clip_by_norm(x, 1.0, axes=[1])", {"x": X}, ("x",)), ("tf.clip_by_global_norm([x, y], 1.0)[0][1]", {"x": X, "y": Y}, ("x", "y")), ("tf.norm(x, ord=1, axis=1)", {"x": X}, ("x",)),
    ("tf.tensordot(x, y, 1)", {"x": X, "y": Y}, ("x", "y")), ("tf.einsum('ij,kj->ki', x, x)", {"x": X}, ("x",)), ("tf.linalg.det(x[:3, :3] + tf.eye(3))", {"x": X}, ("x",)),
    ("tf.nn.softmax_cross_entropy_with_logits(tf.one_hot([1, 0, 3], 4), x)", {"x": X}, ("x",)), ("tf.nn.sigmoid_cross_entropy_with_logits(tf.ones([3, 4]), x)", {"x": X}, ("x",)),
    ("tf.nn.weighted_cross_entropy_with_logits(tf.ones([3, 4]), x, 2.0)", {"x": X}, ("x",)), ("tf.nn.moments(x, [0])[1]", {"x": X}, ("x",)), ("tf.nn.bias_add(x, y)", {"x": X, "y": Y}, ("x", "y")),
    ("tf.nn.gelu(x, approximate=True)", {"x": X}, ("x",)), ("tf.math.confusion_matrix([0, 1, 1], [0, 0, 1])", {}, ()), ("tf.math.bincount(i)", {"i": I}, ()), ("tf.math.segment_max(x, [0, 0, 2])", {"x": X}, ("x",)),
    ("tf.bitcast(x[0], tf.int32)", {"x": X}, ()), ("tf.bitwise.right_shift([-8, 8], [1, 2])", {}, ()), ("tf.truncatemod([-7, 7], [2, -2])", {}, ()), ("tf.math.angle([-1., 1.])", {}, ()),
]  # fmt: skip
LINES = [
    "tf.random.uniform([5])", "tf.random.uniform([3], -2.0, 3.0)", "tf.random.uniform([5], maxval=10, dtype=tf.int32)", "tf.random.uniform([3], maxval=2**40, dtype=tf.int64)",
    "tf.random.uniform([3], dtype=tf.float64)", "tf.random.uniform([3], dtype=tf.float16)", "tf.random.normal([5])", "tf.random.normal([2, 2], 1.0, 0.5, dtype=tf.float64)",
    "tf.random.truncated_normal([9])", "tf.random.truncated_normal([5], dtype=tf.float64)", "tf.random.shuffle(tf.range(9))", "tf.random.categorical([[0.1, 2.0, -1.0]], 6)",
    "tf.random.uniform([2], seed=3)", "tf.random.uniform([2], seed=3)", "tf.random.normal([2], seed=3)", "tf.random.shuffle(tf.range(5), seed=3)", "tf.nn.dropout(tf.ones([8]), 0.4)",
    "tf.random.stateless_uniform([4], [1, 2])", "tf.random.stateless_normal([4], [1, 2])", "tf.random.stateless_uniform([4], [1, 2], None, None, tf.int32)",
    "tf.random.stateless_categorical([[0.1, 2.0]], 5, [1, 2])",
]  # fmt: skip


def evaluate(expression, inputs, gradients):
    tensors = {k: tf.constant(v) for k, v in inputs.items()}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([tensors[k] for k in gradients])
        out = eval(expression, {"tf": tf, **tensors})
        if gradients:
            weights = np.cos(np.arange(np.prod(out.shape, dtype=int))).reshape(out.shape)
            total = tf.reduce_sum(out * weights.astype(out.dtype.as_numpy_dtype))
    return out.numpy(), {k: tape.gradient(total, tensors[k]) for k in gradients}


def main():
    cases, arrays = [], {}
    for n, (expression, inputs, gradients) in enumerate(EXPRESSIONS):
        key = f"{n:03d}"
        arrays[f"{key}/out"], found = evaluate(expression, inputs, gradients)
        arrays.update({f"{key}/in/{k}": v for k, v in inputs.items()})
        arrays.update({f"{key}/grad/{k}": tf.convert_to_tensor(g).numpy() for k, g in found.items()})
        cases.append({"key": key, "expression": expression, "inputs": list(inputs), "gradients": list(gradients)})
    random = []
    for seed in (5, 0):
        tf.random.set_seed(seed)
        for i, line in enumerate(LINES):
            arrays[f"random/{seed}/eager/0/{i}"] = eval(line, {"tf": tf}).numpy()
        tf.random.set_seed(seed)
        traced = tf.function(lambda: [eval(line, {"tf": tf}) for line in LINES])
        for call in range(2):
            for i, x in enumerate(traced()):
                arrays[f"random/{seed}/function/{call}/{i}"] = x.numpy()
        random += [{"seed": seed, "mode": "eager", "calls": 1}, {"seed": seed, "mode": "function", "calls": 2}]
    np.savez_compressed(HERE / "ops.npz", **arrays)
    (HERE / "ops.json").write_text(json.dumps({"tensorflow": tf.__version__, "cases": cases, "lines": LINES, "random": random}, indent=1))


main()
