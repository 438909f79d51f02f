"""Functional models: graphs of layers and tf functions, shared, nested, with several inputs and outputs; and their configurations."""

from typing import Any

import numpy as np
import pytest

import millstream as tf

L = tf.keras.layers
x = np.random.default_rng(0).uniform(-1, 1, (5, 4)).astype("float32")


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    tf.keras.backend.clear_session()


def test_tf_functions_and_operators_become_layers() -> None:
    i = tf.keras.Input((4,))
    out = tf.reshape(tf.concat([tf.exp(i) * 2.0 + 1.0, 1.0 - i[:, :2]], axis=-1), (-1, 3, 2)) / 4.0
    model = tf.keras.Model(i, [out, tf.reduce_sum(i, axis=1), i > 0.0])
    a, b, c = model(x)
    np.testing.assert_allclose(a.numpy(), np.concatenate([np.exp(x) * 2 + 1, 1 - x[:, :2]], 1).reshape(-1, 3, 2) / 4, rtol=1e-6)
    np.testing.assert_allclose(b.numpy(), x.sum(1), rtol=1e-5)
    np.testing.assert_array_equal(c.numpy(), x > 0)
    assert [layer.name for layer in model.layers][:3] == ["input_1", "tf.math.exp", "tf.math.multiply"]
    assert out.shape.as_list() == [None, 3, 2]


def test_functions_still_work_on_values_after_the_first_keras_tensor() -> None:
    tf.keras.Input((2,))
    assert tf.reduce_sum(tf.constant([1.0, 2.0])).numpy() == 3.0
    assert tf.nn.relu(-1.0).numpy() == 0.0


def test_names_as_tensorflow_gives_them() -> None:
    i = tf.keras.Input((4,))
    made = [tf.add(i, 1.0), i + 1.0, tf.square(i) - i, i**2, i[:, 0], i / 2.0, i > 1.0, tf.cast(i, tf.int32), -i, abs(i), i @ tf.ones((4, 2)),
            tf.expand_dims(i, -1), tf.maximum(i, 0.0), tf.matmul(i, tf.ones((4, 2))), tf.transpose(i), tf.sigmoid(i), tf.nn.softmax(i), i == 1.0]  # fmt: skip
    assert [t._keras_history.layer.name for t in made] == [
        "tf.math.add", "tf.__operators__.add", "tf.math.subtract", "tf.math.pow", "tf.__operators__.getitem", "tf.math.truediv", "tf.math.greater",
        "tf.cast", "tf.math.negative", "tf.math.abs", "tf.linalg.matmul", "tf.expand_dims", "tf.math.maximum", "tf.linalg.matmul_1",
        "tf.compat.v1.transpose", "tf.math.sigmoid", "tf.nn.softmax", "tf.__operators__.eq",
    ]  # fmt: skip


def test_keras_tensors_say_that_they_have_no_values() -> None:
    i = tf.keras.Input((4,), name="pixels")
    assert repr(i) == "<KerasTensor: shape=(None, 4) dtype=float32 (created by layer 'pixels')>"
    for use in (bool, len, float, np.asarray):
        with pytest.raises(TypeError, match="ymbolic Keras|Keras symbolic"):
            use(i)
    with pytest.raises(TypeError, match="unknown first dimension"):
        list(i)
    with pytest.raises(AttributeError, match="no values"):
        i.numpy()


def two_ends() -> Any:
    a, b = tf.keras.Input((4,), name="a"), tf.keras.Input((2,), name="b")
    shared = L.Dense(3, activation="tanh")
    h = L.Concatenate()([shared(a), shared(a * 2.0), b])
    return tf.keras.Model([a, b], {"left": L.Dense(1, name="left")(h), "right": L.Dense(2, name="right")(h)})


def test_several_inputs_and_outputs_by_place_and_by_name() -> None:
    model = two_ends()
    by_place, by_name = model([x, x[:, :2]]), model({"b": x[:, :2], "a": x})
    assert set(by_place) == {"left", "right"}
    np.testing.assert_array_equal(by_place["right"].numpy(), by_name["right"].numpy())
    assert model.input_names == ["a", "b"]
    assert [v.name for v in model.weights][:2] == ["dense/kernel:0", "dense/bias:0"]
    assert len(model.weights) == 6
    with pytest.raises(ValueError, match="Missing data for input 'b'"):
        model({"a": x})
    with pytest.raises(ValueError, match="expects 2 input"):
        model(x)


def test_models_are_layers() -> None:
    inner = tf.keras.Sequential([L.Dense(4, activation="relu", input_shape=(4,)), L.Dense(2)])
    i = tf.keras.Input((4,))
    model = tf.keras.Model(i, L.Dense(1)(inner(inner(i)[:, :1] * tf.ones((1, 4)))))
    assert model(x).shape == (5, 1)
    assert len(model.trainable_weights) == 6
    inner.trainable = False
    assert len(model.trainable_weights) == 2
    again = tf.keras.Input((4,))
    np.testing.assert_array_equal(tf.keras.Model(again, model(again))(x).numpy(), model(x).numpy())


def test_part_of_a_model_is_a_model() -> None:
    i = tf.keras.Input((4,))
    model = tf.keras.Model(i, L.Dense(1)(L.Dense(3, name="middle")(i)))
    part = tf.keras.Model(model.input, model.get_layer("middle").output)
    np.testing.assert_allclose(part(x).numpy(), model.get_layer(index=1)(x).numpy(), rtol=1e-6)


def test_unknown_sizes_stay_unknown() -> None:
    i = tf.keras.Input((None, 3))
    assert L.Dense(2)(i).shape.as_list() == [None, None, 2]
    assert tf.reduce_mean(i, axis=1).shape.as_list() == [None, 3]
    assert tf.keras.Input((2,), batch_size=7).shape.as_list() == [7, 2]


def test_configurations_bring_back_the_model() -> None:
    a, b = tf.keras.Input((4,)), tf.keras.Input((4,), name="b")
    h = L.Dense(3, activation="relu")(a)
    shared = L.Dense(3)
    z = tf.concat([shared(tf.nn.relu(h) + 1.0), shared(h) * b[:, :3]], axis=-1)
    model = tf.keras.Model([a, b], [L.Dense(2, name="o")(z), z])
    data = [x, x[::-1].copy()]
    wanted = model(data)
    for other in (
        tf.keras.Model.from_config(model.get_config()),
        tf.keras.models.model_from_json(model.to_json()),
        tf.keras.models.clone_model(model),
    ):
        other.set_weights(model.get_weights())
        for got, want in zip(other(data), wanted, strict=True):
            np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)


def test_add_loss_and_add_metric_of_tensors() -> None:
    i = tf.keras.Input((4,))
    out = L.Dense(2)(i)
    model = tf.keras.Model(i, out)
    model.add_loss(tf.reduce_mean(tf.square(out)))
    model.add_metric(tf.reduce_max(out), name="largest", aggregation="mean")
    model.compile("sgd")
    history = model.fit(x, epochs=2, verbose=0).history
    assert set(history) == {"loss", "largest"}
    assert history["loss"][1] < history["loss"][0]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda i: tf.keras.Model(i, tf.ones(2)), "Output tensors of a Functional model must be the output"),
        (lambda i: tf.keras.Model(tf.ones(2), i), "must come from `tf.keras.Input`"),
        (lambda i: tf.keras.Model(L.Dense(2)(i), i), "Input tensors to a model must come"),
        (lambda i: tf.keras.Model([i, i], i), "redundant"),
        (lambda i: tf.keras.Model(i, L.Dense(1)(tf.keras.Input((3,), name="far"))), 'Graph disconnected.*at layer "dense"'),
        (lambda i: tf.keras.Model(i, L.Dense(1, name="d")(L.Dense(1, name="d")(i))), 'The name "d" is used 2 times'),
        (lambda i: tf.keras.Model(i, i).get_layer("x"), "No such layer: x"),
        (lambda i: tf.keras.Model(i, i).get_layer(index=9), "only has 1 layers"),
        (L.Reshape((3,)), "total size"),
    ],
)
def test_wrong_graphs_are_explained(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){says}"):
        make(tf.keras.Input((4,)))
