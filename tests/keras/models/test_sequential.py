"""Sequential and subclassed models: when they are built, what shapes they know, what they hold."""

from typing import Any

import numpy as np
import pytest

import millstream as tf

L = tf.keras.layers


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    tf.keras.backend.clear_session()


def test_data_make_the_shape_known() -> None:
    model = tf.keras.Sequential([L.Flatten(), L.Dense(3)])
    assert model.inputs is None
    assert not model.built
    with pytest.raises(ValueError, match="have not yet been created"):
        model.weights  # noqa: B018
    with pytest.raises(ValueError, match="not yet been built"):
        model.summary()
    model(np.zeros((5, 2, 2)))
    assert (model.input_shape, model.output_shape, model.layers[0].output_shape) == ((5, 2, 2), (5, 3), (5, 4))
    model(np.zeros((6, 2, 2)))
    assert (model.input_shape, model.layers[0].output_shape) == ((None, 2, 2), (None, 4))
    assert [v.name for v in model.weights] == ["dense/kernel:0", "dense/bias:0"]
    assert repr(model.layers[1].output) == "<KerasTensor: shape=(None, 3) dtype=float32 (created by layer 'dense')>"


@pytest.mark.parametrize("first", [{"input_shape": (4,)}, {"input_dim": 4}, {"batch_input_shape": (None, 4)}])
def test_the_first_layer_may_say_the_shape(first: Any) -> None:
    model = tf.keras.Sequential([L.Dense(3, **first), L.Dense(2)])
    assert model.output_shape == (None, 2)
    assert len(model.weights) == 4
    model.pop()
    assert model.output_shape == (None, 3)
    model.add(L.Dense(5))
    assert model(np.zeros((1, 4))).shape == (1, 5)
    assert [layer.name for layer in model.layers] == ["dense", "dense_2"]


def test_an_input_may_come_first() -> None:
    for first in (tf.keras.Input((4,)), L.InputLayer(input_shape=(4,))):
        model = tf.keras.Sequential([first, L.Dense(2)])
        assert model.output_shape == (None, 2)
        assert len(model.layers) == 1


def test_build_makes_the_weights() -> None:
    model = tf.keras.Sequential([L.Dense(3)])
    with pytest.raises(ValueError, match="must provide an `input_shape`"):
        model.build()
    model.build((None, 4))
    assert model.count_params() == 15


def test_wrong_layers_are_refused() -> None:
    with pytest.raises(TypeError, match="must be an instance of class Layer. Found: 3"):
        tf.keras.Sequential([3])
    with pytest.raises(ValueError, match='Name "a" is already'):
        tf.keras.Sequential([L.Dense(1, name="a"), L.Dense(1, name="a")])
    with pytest.raises(TypeError, match="no layers"):
        tf.keras.Sequential().pop()
    with pytest.raises(ValueError, match="layer sequential.* is incompatible.*value 4"):
        tf.keras.Sequential([L.Dense(1, input_shape=(4,))])(np.zeros((1, 5)))


def test_configuration_and_clone() -> None:
    model = tf.keras.Sequential([L.Dense(3), L.BatchNormalization(), L.Lambda(lambda t: t * 2)])
    model(np.zeros((2, 4)))
    for other in (tf.keras.Sequential.from_config(model.get_config()), tf.keras.models.clone_model(model)):
        x = np.ones((2, 4))
        other(x)
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other(x).numpy(), model(x).numpy())


class Small(tf.keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = [L.Dense(3), L.Dense(2)]
        self.tail = tf.keras.Sequential([L.Dense(1)])
        self.scale = tf.Variable(1.0, name="scale")

    def call(self, x: Any, training: Any = None) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.tail(x) * self.scale


def test_a_subclass_holds_its_layers() -> None:
    model = Small()
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "sequential"]
    model(np.zeros((2, 4)))
    assert [v.name for v in model.weights] == [
        "small/dense/kernel:0", "small/dense/bias:0", "small/dense_1/kernel:0", "small/dense_1/bias:0", "dense_2/kernel:0", "dense_2/bias:0", "scale:0",
    ]  # fmt: skip
    assert model.get_layer("dense_1") is model.blocks[1]
    with pytest.raises(AttributeError, match="never been called"):
        model.output_shape  # noqa: B018
    with pytest.raises(NotImplementedError):
        model.get_config()


def test_a_subclass_can_be_built_by_a_shape() -> None:
    model = Small()
    model.build((None, 4))
    assert model.weights[0].name == "dense/kernel:0"
    with pytest.raises(ValueError, match="not one of the valid types"):
        Small().build(3)
    with pytest.raises(NotImplementedError, match="should implement a `call`"):
        tf.keras.Model()(np.zeros((1, 1)))


def test_gradients_flow_through_a_subclass() -> None:
    model = Small()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.ones((2, 4))))
    assert all(g is not None for g in tape.gradient(loss, model.trainable_variables))
