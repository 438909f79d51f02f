"""Metrics: TensorFlow 2.4's results after each update, eager as traced; names, state, configs, errors, and what "accuracy" means."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.interpreter import run
from millstream.graph.trace import trace
from millstream.keras.metrics import resolve
from tests.keras.reference import Case, close, larger, stored

metrics = tf.keras.metrics
CASES = stored("metrics") + larger("metrics", "metric")


def batches_of(case: Case) -> Iterator[list[Any]]:
    weighted = case.entry.get("weighted", True)
    for step in range(len(case["results"])):
        names = [f"{step}/{i}" for i in range(2)] + ([f"{step}/w"] if weighted else [])
        yield [case[n] for n in names if n in case.arrays]


def update(metric: Any, case: Case, batch: list[Any]) -> None:
    *arguments, weight = batch if len(batch) > _arguments(case) else [*batch, None]
    metric.update_state(*arguments, **({} if weight is None else {"sample_weight": weight}))


def _arguments(case: Case) -> int:
    return 2 if "0/1" in case.arrays else 1


@pytest.mark.parametrize("case", CASES)
def test_results_are_tensorflows(case: Case) -> None:
    metric = case.evaluate()
    for batch, expected in zip(batches_of(case), case["results"], strict=True):
        update(metric, case, [tf.constant(a) for a in batch])
        close(metric.result(), expected)


@pytest.mark.parametrize("case", CASES)
def test_traced_update_and_result_equal_eager(case: Case) -> None:
    metric, graph = case.evaluate(), None

    def step(*tensors: Any) -> Any:
        update(metric, case, list(tensors))
        return metric.result()

    for batch, expected in zip(batches_of(case), case["results"], strict=True):
        graph = graph or trace(step, *[ArraySpec(a.shape, tf.as_dtype(a.dtype)) for a in batch])
        close(run(graph, batch)[0], expected)


# ---------------------------------------------------------------------------------------------- state
def test_state_is_named_counted_reset_and_replaced() -> None:
    m = metrics.Mean()
    assert float(m(3.0)) == 3.0
    m.update_state([1.0, 2.0])
    assert float(m.result()) == 2.0
    assert [w.name for w in m.weights] == ["total:0", "count:0"]
    assert [float(w) for w in m.variables] == [6.0, 3.0]
    twin = copy.deepcopy(m)
    m.reset_states()
    assert (float(m.result()), float(twin.result())) == (0.0, 2.0)
    m.set_weights([4.0, 2.0])
    assert float(m.result()) == 2.0
    assert m.trainable_weights == []


def test_names_count_up_only_where_tensorflow_makes_them_up() -> None:
    tf.keras.backend.clear_session()
    assert [metrics.Precision().name, metrics.Precision().name, metrics.MeanIoU(2).name] == ["precision", "precision_1", "mean_io_u"]
    assert [metrics.Mean().name, metrics.Mean().name, metrics.LogCoshError().name] == ["mean", "mean", "logcosh"]


@pytest.mark.parametrize(
    ("shape", "weight", "state"),
    [((2, 3, 2), [1.0, 2.0], (19.5, 3.0)), ((2, 3), [1.0, 2.0], (27.0, 9.0)), ((2, 3, 2), [[1.0, 2.0, 0.0], [3.0, 1.0, 1.0]], (88.0, 16.0)),
     ((2, 3), [[1.0, 2.0, 3.0]], (34.0, 12.0)), ((2, 3), 2.0, (30.0, 12.0))],
)  # fmt: skip
def test_weights_of_a_mean_broadcast_as_tensorflows(shape: Any, weight: Any, state: Any) -> None:
    m = metrics.Mean()
    m.update_state(np.arange(np.prod(shape), dtype="float32").reshape(shape), sample_weight=weight)
    assert tuple(float(w) for w in m.weights) == state


def test_a_metric_of_ones_own() -> None:
    class Own(metrics.Metric):  # type: ignore[misc, name-defined]
        def __init__(self, name: str = "own", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign_add(tf.reduce_sum(y_true))

        def result(self) -> Any:
            return self.total

    m = Own()
    assert float(m([1.0, 2.0], [0.0, 0.0])) == 3.0
    assert Own.from_config({"name": "z"}).name == "z"
    with pytest.raises(TypeError, match="overrides update_state and result"):
        metrics.Metric()


# ---------------------------------------------------------------------------------------------- names, configs, errors
def test_names_and_configs() -> None:
    assert metrics.get("acc").__name__ == "accuracy"
    assert metrics.get("mse") is metrics.mean_squared_error is tf.keras.losses.mse
    assert metrics.get("cosine_similarity").__name__ == "cosine_proximity"
    config = metrics.serialize(metrics.BinaryAccuracy(threshold=0.3))
    assert config == {"class_name": "BinaryAccuracy", "config": {"name": "binary_accuracy", "dtype": "float32", "threshold": 0.3}}
    assert metrics.deserialize(config).get_config() == config["config"]
    again = metrics.AUC.from_config(metrics.AUC(num_thresholds=5, name="a").get_config())
    assert again.get_config() == metrics.AUC(num_thresholds=5, name="a").get_config()


def test_wrong_names_and_arguments_are_explained() -> None:
    with pytest.raises(ValueError, match="Unknown metric function: acuracy. Did you mean 'accuracy'"):
        metrics.get("acuracy")
    with pytest.raises(ValueError, match="Could not interpret metric function identifier: 3"):
        metrics.get(3)
    with pytest.raises(ValueError, match=r"Threshold values must be in \[0, 1\]. Invalid values: \[2.0\]"):
        metrics.Precision(thresholds=2.0)
    with pytest.raises(ValueError, match="Invalid AUC curve value"):
        metrics.AUC(curve="x")
    with pytest.raises(ValueError, match="MeanTensor does not have any result yet"):
        metrics.MeanTensor().result()
    with pytest.raises(tf.errors.InvalidArgumentError, match="predictions must be <= 1"):
        metrics.AUC()([0, 1], [2.0, 0.5])
    with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` out of bound"):
        metrics.MeanIoU(2)([0, 3], [0, 1])
    with pytest.raises(ValueError, match="Use categorical_accuracy for one-hot labels"):
        metrics.SparseCategoricalAccuracy()([[1.0, 0.0]], [[0.2, 0.8]])


@pytest.mark.parametrize(
    ("word", "labels", "predictions", "function"),
    [("accuracy", (8, 1), (8, 1), "binary_accuracy"), ("acc", (8, 1), (8, 3), "sparse_categorical_accuracy"), ("accuracy", (8,), (8, 3), "sparse_categorical_accuracy"),
     ("Accuracy", (8, 3), (8, 3), "categorical_accuracy"), ("crossentropy", (8, 1), (8, 1), "binary_crossentropy"), ("ce", (8, 3), (8, 3), "categorical_crossentropy"),
     ("mse", (8, 1), (8, 1), "mean_squared_error"), (None, (8, 1), (8, 1), None)],
)  # fmt: skip
def test_what_a_metrics_name_means_depends_on_the_shapes(word: Any, labels: Any, predictions: Any, function: Any) -> None:
    found = resolve(word, labels, predictions)
    if function is None:
        assert found is None
    else:
        assert (found._fn.__name__, found.name) == (function, word)


def test_resolve_takes_functions_and_metrics() -> None:
    def spread(y_true: Any, y_pred: Any) -> Any:
        return y_pred - y_true

    assert resolve(spread, (8, 1), (8, 1)).name == "spread"
    auc = metrics.AUC(name="auc")
    assert resolve(auc, (8, 1), (8, 1)) is auc
    assert resolve("AUC", (8, 1), (8, 1)).get_config()["num_thresholds"] == 200
