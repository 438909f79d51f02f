"""Losses: TensorFlow 2.4's values and gradients, eager as traced, weights and reductions, and what wrong input is told."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.interpreter import run
from millstream.graph.trace import trace
from tests.keras.reference import Case, close, cotangent, larger, stored

losses = tf.keras.losses
CASES = stored("losses") + [p for p in larger("losses", "expression") if "regularizer" not in p.values[0].text]


def inputs_of(case: Case) -> dict[str, Any]:
    made = {n: np.array(v, "float32") for n, v in case.entry.get("inputs", {}).items()}
    return {**{n: case[n] for n in ("y", "p", "w") if n in case.arrays}, **made}


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_are_tensorflows(case: Case) -> None:
    tensors = {n: tf.constant(a) for n, a in inputs_of(case).items()}
    source = tensors["z" if ", z" in case.text else "p"]
    with tf.GradientTape() as tape:
        tape.watch(source)
        out = case.evaluate(**tensors)
    close(out, case["out"])
    if "grad" in case.arrays:
        close(tape.gradient(out, source, output_gradients=cotangent(out)), case["grad"])


@pytest.mark.parametrize("case", CASES)
def test_traced_loss_equals_eager(case: Case) -> None:
    arrays = inputs_of(case)
    eager = case.evaluate(**{n: tf.constant(a) for n, a in arrays.items()})
    specs = [ArraySpec(a.shape, tf.as_dtype(a.dtype)) for a in arrays.values()]
    graph = trace(lambda *xs: case.evaluate(**dict(zip(arrays, xs, strict=True))), *specs)
    np.testing.assert_allclose(run(graph, list(arrays.values()))[0], eager.numpy(), rtol=1e-6, atol=1e-7)


# ---------------------------------------------------------------------------------------------- logits behind probabilities
def test_cross_entropies_use_the_logits_of_activations() -> None:
    p = tf.keras.activations.softmax(tf.constant([[1.0, 2.0, 30.0]]))
    assert losses.sparse_categorical_crossentropy([0], p).numpy().tolist() == [29.0]
    assert losses.CategoricalCrossentropy()([[1.0, 0, 0]], p).numpy() == 29.0
    assert losses.sparse_categorical_crossentropy([0], tf.constant(p.numpy())).numpy() == pytest.approx([16.118095], rel=1e-6)
    q = tf.keras.activations.sigmoid(tf.constant([[30.0], [-30.0]]))
    assert losses.BinaryCrossentropy()([[0.0], [1.0]], q).numpy() == 30.0


def test_from_logits_with_softmax_output_warns_and_uses_its_logits() -> None:
    p = tf.keras.activations.softmax(tf.constant([[1.0, 2.0, 30.0]]))
    with pytest.warns(UserWarning, match="does not represent logits"):
        assert losses.sparse_categorical_crossentropy([0], p, from_logits=True).numpy().tolist() == [29.0]


def test_traced_cross_entropy_finds_the_logits_of_a_plain_softmax_and_its_gradient() -> None:
    def loss_and_gradient(x: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = losses.sparse_categorical_crossentropy([0], tf.nn.softmax(x))
        return loss, tape.gradient(loss, x), losses.binary_crossentropy([[0.0, 1, 0]], tf.nn.sigmoid(x))

    graph = trace(loss_and_gradient, ArraySpec((1, 3), tf.float32))
    loss, gradient, binary = run(graph, [np.array([[1.0, 2.0, 30.0]], "float32")])
    assert loss.tolist() == [29.0]
    np.testing.assert_allclose(gradient, [[-1.0, 0.0, 1.0]], atol=1e-6)
    np.testing.assert_allclose(binary, [10.480063], rtol=1e-6)


# ---------------------------------------------------------------------------------------------- shapes, weights, reductions
def test_a_last_axis_of_one_is_dropped_by_the_classes_and_broadcast_by_the_functions() -> None:
    y, p = tf.constant([1.0, 2.0]), tf.constant([[1.0], [3.0]])
    assert losses.MeanSquaredError()(y, p).numpy() == 0.5
    assert losses.mse(y, p).numpy().tolist() == [0.5, 2.5]


@pytest.mark.parametrize(
    ("weight", "expected"), [([1.0, 2.0], [[1.0] * 3, [2.0] * 3]), ([[1.0], [2.0]], [[1.0] * 3, [2.0] * 3]), (3.0, [[3.0] * 3] * 2)]
)
def test_weights_broadcast_to_the_samples(weight: Any, expected: Any) -> None:
    loss = losses.MeanSquaredError(reduction="none")
    assert loss(tf.zeros([2, 3, 4]), tf.ones([2, 3, 4]), sample_weight=weight).numpy().tolist() == expected


def test_reductions() -> None:
    y, p = tf.zeros([2, 1]), tf.constant([[1.0], [3.0]])
    assert losses.MeanSquaredError(reduction="sum")(y, p).numpy() == 10.0
    assert losses.MeanSquaredError()(y, p).numpy() == 5.0
    assert losses.MeanSquaredError()(tf.zeros([0, 2]), tf.ones([0, 2])).numpy() == 0.0
    with pytest.raises(ValueError, match="Invalid Reduction Key foo"):
        losses.MeanSquaredError(reduction="foo")


def test_dtypes_are_tensorflows() -> None:
    assert losses.mse(tf.constant([1, 2]), tf.constant([1, 3])).dtype == tf.int32
    loss = losses.MeanSquaredError()(np.array([1.0, 2.0]), np.array([1.1, 3.0]))
    assert loss.dtype == tf.float64
    assert loss.numpy() == pytest.approx(0.5049999952316284, rel=1e-12)  # reduced in float32


# ---------------------------------------------------------------------------------------------- labels
@pytest.mark.parametrize("labels", [[0.0, 1.0], [[0], [1]], np.array([0, 1], "uint8"), [0, 1]])
def test_class_numbers_of_any_dtype_and_with_an_axis_of_one(labels: Any) -> None:
    found = losses.sparse_categorical_crossentropy(labels, [[0.5, 0.5], [0.1, 0.9]])
    np.testing.assert_allclose(found.numpy(), [0.6931472, 0.10536056], rtol=1e-6)


def test_one_hot_labels_for_a_sparse_loss_are_named() -> None:
    with pytest.raises(ValueError, match="Shape mismatch.*look one-hot: use categorical_crossentropy"):
        losses.SparseCategoricalCrossentropy()([[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.1, 0.9]])


def test_class_numbers_for_a_categorical_loss_are_named() -> None:
    with pytest.raises(ValueError, match=r"Shapes \(2,\) and \(2, 2\) are incompatible.*use sparse_categorical_crossentropy"):
        losses.categorical_crossentropy([0, 1], [[0.5, 0.5], [0.1, 0.9]])


def test_labels_out_of_range_and_shapes_that_do_not_match() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="label value of 2 which is outside the valid range of"):
        losses.sparse_categorical_crossentropy([0, 2], [[0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(ValueError, match="Shape mismatch"):
        losses.sparse_categorical_crossentropy([0, 1, 1], [[0.5, 0.5], [0.1, 0.9]])
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match="shapes"):
        losses.mse([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="logits and labels must have the same shape"):
        losses.BinaryCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.5]])


# ---------------------------------------------------------------------------------------------- names and configs
def test_names_and_configs() -> None:
    assert losses.get("MSE") is losses.mean_squared_error
    assert losses.get("KLDivergence").name == "kl_divergence"
    assert losses.get(None) is None
    assert losses.serialize(losses.Huber(2.0)) == {
        "class_name": "Huber",
        "config": {"reduction": "auto", "name": "huber_loss", "delta": 2.0},
    }
    assert losses.deserialize(losses.serialize(losses.Huber(2.0))).get_config()["delta"] == 2.0
    with pytest.raises(ValueError, match="Unknown loss function: categorical_crosentropy. Did you mean 'categorical_crossentropy'"):
        losses.get("categorical_crosentropy")
    with pytest.raises(ValueError, match="Could not interpret loss function identifier: 3"):
        losses.get(3)


def test_a_loss_of_ones_own_is_found_by_name() -> None:
    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred - y_true

    with tf.keras.utils.custom_object_scope({"Own": Own}):
        assert losses.get("Own")(tf.constant([1.0]), tf.constant([3.0])).numpy() == 2.0
    with pytest.raises(NotImplementedError, match="must override call"):
        losses.Loss()([1.0], [2.0])
