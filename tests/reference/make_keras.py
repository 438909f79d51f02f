"""Write keras.npz and keras.json: TensorFlow 2.4's numbers for losses, metrics, optimizers, schedules, activations, initializers.

Usage: python make_keras.py     with TensorFlow 2.4 (Python 3.8); the tests read the two files.
A case is text that a test evaluates with Millstream as `tf`; its arrays begin with the case's key:

    losses        y, p, w -> out, and grad: of sum(out * cos(0, 1, 2, ...)) to p
    metrics       <step>/0, /1, /w -> results [3, ...], after each update
    optimizers    start/<i>, gradient/<i> [5, ...] -> path/<i> [5, ...]: the variables after each step
    rows          the same for one table [6, 3] with gradients [5, 3, 3] of the rows `rows` [5, 3]
    schedules     out [14]: the rates of steps 0 to 13
    activations   x -> out, grad
    initializers  0, 1: two calls after set_seed(seed)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
K = "tf.keras."
arrays, cases = {}, []
random = np.random.RandomState(11)


def real(*shape: int) -> Any:
    return random.uniform(-2, 2, shape).astype("float32")


def simplex(*shape: int) -> Any:
    e = np.exp(real(*shape))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def zero_one(*shape: int) -> Any:
    return random.uniform(0.02, 0.98, shape).astype("float32")


def classes(high: int, *shape: int) -> Any:
    return random.randint(0, high, shape).astype("int64")


def one_hot(n: int, *shape: int) -> Any:
    return np.eye(n, dtype="float32")[classes(n, *shape)]


def keep(part: str, expression: str, key: str, **values: Any) -> None:
    cases.append({"part": part, "key": key, "expression": expression})
    arrays.update({f"{key}/{name}": np.asarray(value) for name, value in values.items()})


def cotangent(out: Any) -> Any:
    return tf.constant(np.cos(np.arange(int(np.prod(out.shape)))).reshape(out.shape), out.dtype)


# ------------------------------------------------------------------ losses
REAL = [
    "MeanSquaredError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "LogCosh",
    "Huber",
    "CosineSimilarity",
    "Poisson",
    "Hinge",
    "SquaredHinge",
]
LOSSES = [(f"{K}losses.{name}()", real(4, 3), zero_one(4, 3)) for name in REAL]
LOSSES += [
    (K + "losses.Huber(delta=0.3, reduction='sum')", real(4, 3), real(4, 3)),
    (K + "losses.CategoricalHinge()", one_hot(3, 4), real(4, 3)),
    (K + "losses.KLDivergence()", simplex(4, 3), simplex(4, 3)),
    (K + "losses.CosineSimilarity(axis=1)", real(4, 3, 2), real(4, 3, 2)),
    (K + "losses.BinaryCrossentropy()", classes(2, 4, 2).astype("float32"), zero_one(4, 2)),
    (K + "losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)", classes(2, 4, 2).astype("float32"), real(4, 2)),
    (K + "losses.CategoricalCrossentropy()", one_hot(3, 4), simplex(4, 3)),
    (K + "losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)", one_hot(3, 4), real(4, 3)),
    (K + "losses.CategoricalCrossentropy(from_logits=True)", zero_one(4, 3), real(4, 3)),  # labels that do not sum to 1
    (K + "losses.SparseCategoricalCrossentropy()", classes(3, 4), simplex(4, 3)),
    (K + "losses.SparseCategoricalCrossentropy()", classes(3, 4, 1), simplex(4, 3)),
    (K + "losses.SparseCategoricalCrossentropy(from_logits=True, reduction='none')", classes(3, 4, 2), real(4, 2, 3)),
]
for number, (text, y, p) in enumerate(LOSSES):
    for weighted in (False, True):
        w = random.uniform(0.5, 2, 4).astype("float32")
        expression = text + ("(y, p, sample_weight=w)" if weighted else "(y, p)")
        source = tf.constant(p)
        with tf.GradientTape() as tape:
            tape.watch(source)
            out = eval(expression, {"tf": tf, "y": tf.constant(y), "p": source, "w": tf.constant(w)})
        grad = tape.gradient(out, source, output_gradients=cotangent(out))
        keep("losses", expression, f"loss{number:02}{'w' * weighted}", y=y, p=p, w=w, out=out, grad=grad)


# ------------------------------------------------------------------ metrics
def binary() -> tuple[Any, ...]:
    return classes(2, 8), zero_one(8)


def labels() -> tuple[Any, ...]:
    return classes(2, 5, 3), zero_one(5, 3)


METRICS = [
    ("Mean()", lambda: (real(4),)), ("Sum()", lambda: (real(4),)), ("MeanTensor()", lambda: (real(4),)),
    ("Accuracy()", lambda: (classes(3, 5), classes(3, 5))), ("BinaryAccuracy()", lambda: (classes(2, 8, 1), zero_one(8, 1))), ("CategoricalAccuracy()", lambda: (one_hot(3, 5), simplex(5, 3))),
    ("SparseCategoricalAccuracy()", lambda: (classes(3, 5), simplex(5, 3))), ("TopKCategoricalAccuracy(k=2)", lambda: (one_hot(4, 5), simplex(5, 4))),
    ("SparseTopKCategoricalAccuracy(k=2)", lambda: (classes(4, 5), simplex(5, 4))), ("AUC(num_thresholds=7)", binary), ("AUC(curve='PR')", binary),
    ("AUC(summation_method='minoring', thresholds=[0.3, 0.8])", binary), ("AUC(curve='PR', summation_method='majoring')", binary),
    ("AUC(multi_label=True)", labels), ("AUC(curve='PR', multi_label=True, label_weights=[1., 2., 0.5])", labels), ("AUC(label_weights=[1., 2., 0.5])", labels),
    ("Precision()", binary), ("Recall(thresholds=[0.3, 0.6])", binary), ("Precision(top_k=2)", labels), ("Recall(class_id=1)", labels), ("Precision(top_k=2, class_id=0)", labels),
    ("TruePositives()", binary), ("FalseNegatives(thresholds=[0.2, 0.7])", binary), ("PrecisionAtRecall(0.5)", binary), ("RecallAtPrecision(0.5)", binary),
    ("SensitivityAtSpecificity(0.5)", binary), ("SpecificityAtSensitivity(0.5, num_thresholds=1)", binary), ("RootMeanSquaredError()", lambda: (real(4, 2), real(4, 2))),
    ("CosineSimilarity()", lambda: (real(4, 2), real(4, 2))), ("MeanIoU(num_classes=3)", lambda: (classes(3, 5), classes(3, 5))),
    ("MeanRelativeError(normalizer=[1., 0., 3.])", lambda: (real(3), real(3))), ("SparseCategoricalCrossentropy()", lambda: (classes(3, 5), simplex(5, 3))),
]  # fmt: skip
for number, (text, draw) in enumerate(METRICS):
    for weighted in (False, True):
        if weighted and ("multi_label" in text or "class_id" in text):
            continue  # TensorFlow refuses these weights
        metric, values, results = eval(K + "metrics." + text), {}, []
        for step in range(3):
            batch = draw()
            w = random.uniform(0.5, 2, len(batch[0])).astype("float32")
            tensors = [tf.constant(b) for b in batch]
            metric.update_state(*tensors, **({"sample_weight": w} if weighted else {}))
            results.append(metric.result().numpy())
            values.update({f"{step}/{i}": b for i, b in enumerate(batch)}, **({f"{step}/w": w} if weighted else {}))
        keep("metrics", K + "metrics." + text, f"metric{number:02}{'w' * weighted}", results=np.stack(results), **values)

# ------------------------------------------------------------------ optimizers
OPTIMIZERS = [
    "SGD(0.1)", "SGD(0.1, momentum=0.9)", "SGD(0.1, momentum=0.9, nesterov=True)", "SGD(lr=0.1, decay=0.1)", "SGD(0.1, clipnorm=0.5)", "SGD(0.1, clipvalue=0.2)",
    "SGD(0.1, global_clipnorm=0.5)", "SGD(tf.keras.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5))", "Adagrad(0.1)", "Adadelta(1.0)", "RMSprop(0.01)",
    "RMSprop(0.01, momentum=0.9)", "RMSprop(0.01, centered=True)", "RMSprop(0.01, momentum=0.5, centered=True)", "Adam(0.01)", "Adam(0.01, amsgrad=True, decay=0.1)", "Adamax(0.01)",
    "Nadam(0.01)", "Ftrl(0.1)", "Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.1, l2_shrinkage_regularization_strength=0.2, beta=0.1)",
    "Ftrl(0.1, learning_rate_power=-0.3)",
]  # fmt: skip
for number, text in enumerate(OPTIMIZERS):
    optimizer, shapes = eval(K + "optimizers." + text), ((2, 3), (4,))
    start, gradients = [real(*s) for s in shapes], [real(5, *s) for s in shapes]
    variables, path = [tf.Variable(s) for s in start], [[], []]
    for step in range(5):
        optimizer.apply_gradients([(tf.constant(g[step]), v) for g, v in zip(gradients, variables)])  # noqa: B905  (Python 3.8)
        for i, v in enumerate(variables):
            path[i].append(v.numpy())
    values = {f"{name}/{i}": part[i] for name, part in (("start", start), ("gradient", gradients), ("path", path)) for i in range(2)}
    keep("optimizers", K + "optimizers." + text, f"optimizer{number:02}", **values)
ROWS = [
    "SGD(0.1)",
    "SGD(0.1, momentum=0.9)",
    "Adagrad(0.1)",
    "RMSprop(0.01)",
    "RMSprop(0.01, momentum=0.9)",
    "Adam(0.01)",
    "Adam(0.01, amsgrad=True)",
    "Adamax(0.01)",
    "Nadam(0.01)",
    "Adadelta(1.0)",
    "Ftrl(0.1)",
]
for number, text in enumerate(ROWS):
    optimizer, start, gradients = eval(K + "optimizers." + text), real(6, 3), real(5, 3, 3)
    table, rows, path = tf.Variable(start), np.array([[s, 2, 2] for s in range(5)]), []
    for step in range(5):
        optimizer.apply_gradients([(tf.IndexedSlices(tf.constant(gradients[step]), tf.constant(rows[step]), [6, 3]), table)])
        path.append(table.numpy())
    keep("rows", K + "optimizers." + text, f"rows{number:02}", start=start, gradient=gradients, rows=rows, path=np.stack(path))

# ------------------------------------------------------------------ schedules, activations, initializers
S, E = K + "optimizers.schedules.", K + "experimental."
SCHEDULES = [
    S + "ExponentialDecay(0.1, 3, 0.5)", S + "ExponentialDecay(0.1, 3, 0.5, staircase=True)", S + "PiecewiseConstantDecay([3, 6], [0.1, 0.05, 0.01])",
    S + "PolynomialDecay(0.1, 8, 0.01, power=2.0)", S + "PolynomialDecay(0.1, 4, 0.01, cycle=True)", S + "InverseTimeDecay(0.1, 2, 0.5, staircase=True)", E + "CosineDecay(0.1, 10, alpha=0.2)",
    E + "CosineDecayRestarts(0.1, 3, alpha=0.01)", E + "CosineDecayRestarts(0.1, 3, t_mul=1.0, m_mul=0.5)", E + "LinearCosineDecay(0.1, 10, num_periods=1.5, alpha=0.1, beta=0.2)",
]  # fmt: skip
for number, text in enumerate(SCHEDULES):
    keep("schedules", text, f"schedule{number:02}", out=[float(eval(text)(s)) for s in range(14)])
ACTIVATIONS = [
    "elu(x)", "elu(x, 0.5)", "exponential(x)", "gelu(x)", "gelu(x, True)", "hard_sigmoid(x)", "linear(x)", "relu(x)", "relu(x, alpha=0.1)", "relu(x, max_value=1.5)", "relu(x, threshold=0.5)",
    "relu(x, alpha=0.1, max_value=1.0, threshold=0.5)", "selu(x)", "sigmoid(x)", "softmax(x)", "softmax(x, axis=0)", "softplus(x)", "softsign(x)", "swish(x)", "tanh(x)",
]  # fmt: skip
for number, text in enumerate(ACTIVATIONS):
    x = np.concatenate([real(2, 4), [[0, -9, 9, 3]]]).astype("float32")
    source = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(source)
        out = eval(K + "activations." + text, {"tf": tf, "x": source})
    grad = tape.gradient(out, source, output_gradients=cotangent(out))
    keep("activations", K + "activations." + text, f"activation{number:02}", x=x, out=out, grad=grad)
INITIALIZERS = ["RandomUniform(-1, 1)", "RandomUniform(0, 9, seed=3)", "RandomNormal()", "TruncatedNormal(seed=7)", "GlorotUniform()", "GlorotNormal(seed=1)", "HeUniform()", "HeNormal()", "LecunNormal()",
                "VarianceScaling(2., 'fan_out', 'untruncated_normal')", "Orthogonal(2.)", "Orthogonal(seed=2)", "Identity(2.)", "Constant([[1., 2.], [3., 4.], [5., 6.]])"]  # fmt: skip
for number, text in enumerate(INITIALIZERS):
    tf.random.set_seed(5)
    made = eval(K + "initializers." + text)
    keep("initializers", K + "initializers." + text, f"initializer{number:02}", **{"0": made((3, 2)), "1": made((3, 2))})

np.savez_compressed(HERE / "keras.npz", **arrays)
(HERE / "keras.json").write_text(json.dumps({"tensorflow": tf.__version__, "cases": cases}, indent=1) + "\n")
print(len(cases), "cases")
