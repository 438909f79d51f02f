"""Optimizers: TensorFlow 2.4's variables after each step, eager as traced; slots, hyperparameters, clipping, configs, errors."""

import copy

import numpy as np
import pytest
from tests.keras.reference import load

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.interpreter import run
from millstream.graph.trace import trace

optimizers = tf.keras.optimizers
CASES, DATA = load("optimizers")
DENSE = [c for c in CASES if c["key"].startswith("tf.")]
SPARSE = [c for c in CASES if c["key"].startswith("sparse/")]
SCHEDULES = [c for c in CASES if c["key"].startswith("schedule/")]
IDS = {"ids": lambda c: c["key"].replace("tf.keras.optimizers.", "")}


class Rows:
    """A gradient of looked-up rows."""

    def __init__(self, values, indices, dense_shape):
        self.values, self.indices, self.dense_shape = values, indices, dense_shape


def gradient_at(value, pull):
    """Of sum((v - pull)**2) + 0.3 * sum(sin(3 v))."""
    return 2 * (value - pull) + np.float32(0.9) * np.cos(3 * value)


def start():
    return [tf.Variable(DATA["start/0"]), tf.Variable(DATA["start/1"])], [DATA["pull/0"], DATA["pull/1"]]


@pytest.mark.parametrize("case", DENSE, **IDS)
def test_trajectory_is_tensorflows(case):
    optimizer = eval(case["optimizer"], {"tf": tf})
    variables, pulls = start()
    for step in range(case["steps"]):
        gradients = [tf.constant(gradient_at(v.numpy(), p)) for v, p in zip(variables, pulls, strict=True)]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for i, v in enumerate(variables):
            np.testing.assert_allclose(v.numpy(), DATA[f"{case['key']}/{i}"][step], rtol=1e-5, atol=1e-6)
    assert optimizer.iterations.numpy() == case["steps"]


@pytest.mark.parametrize("case", DENSE, **IDS)
def test_traced_step_is_tensorflows(case):
    optimizer = eval(case["optimizer"], {"tf": tf})
    variables, pulls = start()
    specs = [ArraySpec(p.shape, tf.float32) for p in pulls]
    graph = trace(lambda *g: [optimizer.apply_gradients(zip(g, variables, strict=True)).read_value()], *specs)
    for step in range(case["steps"]):
        run(graph, [gradient_at(v.numpy(), p) for v, p in zip(variables, pulls, strict=True)])
        for i, v in enumerate(variables):
            np.testing.assert_allclose(v.numpy(), DATA[f"{case['key']}/{i}"][step], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", SPARSE, **IDS)
def test_looked_up_rows_are_moved_as_tensorflow_moves_them(case):
    optimizer = eval(case["optimizer"], {"tf": tf})
    table = tf.Variable(np.random.RandomState(3).uniform(-1, 1, (6, 3)).astype("float32"))
    for step in range(case["steps"]):
        rows = [step % 6, 2, 2]
        gradient = Rows(tf.constant(2 * (table.numpy()[rows] - 0.5)), tf.constant(rows), (6, 3))
        optimizer.apply_gradients([(gradient, table)])
        np.testing.assert_allclose(table.numpy(), DATA[case["key"]][step], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", SCHEDULES, **IDS)
def test_schedules_are_tensorflows(case):
    schedule = eval(case["schedule"], {"tf": tf})
    again = optimizers.schedules.deserialize(optimizers.schedules.serialize(schedule))
    for made in (schedule, again):
        np.testing.assert_allclose([float(made(s)) for s in range(12)], DATA[case["key"]], rtol=1e-5, atol=1e-6)
