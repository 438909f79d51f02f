"""Metrics: TensorFlow 2.4's results after each of four updates, eager as traced; names, shapes, state."""

import numpy as np
import pytest
from tests.keras.reference import load

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.interpreter import run
from millstream.graph.trace import trace

metrics = tf.keras.metrics
CASES, DATA = load("metrics")


def batches_of(case):
    for step in range(case["updates"]):
        names = [f"{case['key']}/{step}/{i}" for i in range(case["arguments"])]
        weight = DATA[f"{case['key']}/{step}/w"] if case["weighted"] else None
        yield [DATA[n] for n in names], weight


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["key"] + c["metric"].removeprefix("tf.keras.metrics."))
def test_results_are_tensorflows(case):
    metric = eval(case["metric"], {"tf": tf})
    for step, (arguments, weight) in enumerate(batches_of(case)):
        metric.update_state(*[tf.constant(a) for a in arguments], **({} if weight is None else {"sample_weight": tf.constant(weight)}))
        np.testing.assert_allclose(metric.result().numpy(), DATA[f"{case['key']}/results"][step], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["key"] + c["metric"].removeprefix("tf.keras.metrics."))
def test_traced_update_and_result_equal_eager(case):
    metric = eval(case["metric"], {"tf": tf})
    graph = None
    for step, (arguments, weight) in enumerate(batches_of(case)):
        arrays = [*arguments, *([] if weight is None else [weight])]
        specs = [ArraySpec(a.shape, tf.as_dtype(a.dtype)) for a in arrays]
        graph = graph or trace(lambda *xs: metric(*xs), *specs)
        np.testing.assert_allclose(run(graph, arrays)[0], DATA[f"{case['key']}/results"][step], rtol=1e-5, atol=1e-6)
