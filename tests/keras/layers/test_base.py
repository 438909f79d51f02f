"""The base of layers: building, names, weights, tracking, training mode, losses."""

from typing import Any

import numpy as np
import pytest

import millstream as tf

L = tf.keras.layers


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    tf.keras.backend.clear_session()


class Outer(L.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner = L.Dense(2)
        self.own = tf.Variable(1.0)
        self.many = {"b": L.Dense(1), "a": [L.Dense(3)]}

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight("w", (input_shape[-1],))
        self.fixed = self.add_weight(shape=(2,), trainable=False)

    def call(self, x: Any) -> Any:
        x = self.inner(x * self.w)
        return self.many["b"](self.many["a"][0](x))


def test_names_and_order_of_weights() -> None:
    layer = Outer()
    layer(np.zeros((2, 4)))
    assert [v.name for v in layer.weights] == [
        "Variable:0", "outer/w:0", "outer/dense/kernel:0", "outer/dense/bias:0", "outer/dense_2/kernel:0", "outer/dense_2/bias:0",
        "outer/dense_1/kernel:0", "outer/dense_1/bias:0", "outer/Variable:0",
    ]  # fmt: skip
    assert len(layer.trainable_weights) == 8
    assert len(layer.non_trainable_weights) == 1
    layer.trainable = False
    assert layer.trainable_weights == []
    assert layer.inner.trainable is False
    assert len(layer.non_trainable_weights) == 9


def test_layers_appended_later_are_found() -> None:
    layer = L.Layer()
    layer.blocks = []
    layer.blocks.append(L.Dense(2))
    layer.blocks[0](np.zeros((1, 3)))
    assert len(layer.weights) == 2
    layer.blocks = None
    assert layer.weights == []


def test_names_are_counted_until_the_session_is_cleared() -> None:
    assert [L.Dense(1).name, L.Dense(1).name, L.BatchNormalization().name, L.Dense(1, name="mine").name] == [
        "dense",
        "dense_1",
        "batch_normalization",
        "mine",
    ]
    tf.keras.backend.clear_session()
    assert L.Dense(1).name == "dense"


def test_double_input_is_cast_and_whole_numbers_too() -> None:
    layer = L.Dense(2)
    assert layer(np.zeros((1, 3))).dtype == tf.float32
    assert layer(np.zeros((1, 3), int)).dtype == tf.float32
    assert L.Dense(2, dtype="float64")(np.zeros((1, 3), "float32")).dtype == tf.float64


def test_weights_can_be_given_read_and_set() -> None:
    layer = L.Dense(2, weights=[np.ones((3, 2)), np.zeros(2)])
    assert layer(np.ones((1, 3))).numpy().tolist() == [[3.0, 3.0]]
    assert layer.count_params() == 8
    with pytest.raises(ValueError, match="length 1, but the layer was expecting 2"):
        layer.set_weights([np.ones((3, 2))])
    with pytest.raises(ValueError, match="not compatible"):
        layer.set_weights([np.ones((2, 3)), np.zeros(2)])
    with pytest.raises(ValueError, match="isn't built"):
        L.Dense(2).count_params()


def test_a_wrong_shape_names_layer_and_shapes() -> None:
    layer = L.Dense(2)
    layer(np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"layer dense .*axis -1.*value 3.*shape \(1, 5\)"):
        layer(np.zeros((1, 5)))


class Mode(L.Layer):
    seen: Any = "nothing"

    def call(self, x: Any, training: Any = None) -> Any:
        self.seen = training
        return x


class Holder(L.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.mode = Mode()

    def call(self, x: Any) -> Any:
        return self.mode(x)


def test_training_mode_reaches_inner_layers() -> None:
    mode, holder, x = Mode(), Holder(), np.ones((1, 1))
    for given, wanted in ((None, None), (True, True), (False, False)):
        mode(x, training=given)
        assert mode.seen is wanted
    holder(x, training=True)
    assert holder.mode.seen is True
    holder(x)
    assert holder.mode.seen is None
    tf.keras.backend.set_learning_phase(1)
    holder(x)
    assert holder.mode.seen == 1


def test_losses_are_those_of_the_last_call() -> None:
    class Penalty(L.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(tf.reduce_sum(x))
            return x

    layer = Penalty()
    for _ in range(2):
        layer(np.ones((2, 2)))
    assert [float(v) for v in layer.losses] == [4.0]
    dense = L.Dense(1, kernel_regularizer="l2", activity_regularizer="l1", kernel_initializer="ones")
    dense(np.ones((2, 3)))
    assert sorted(round(float(v), 4) for v in dense.losses) == [0.03, 0.03]
    with pytest.raises(ValueError, match="Call add_metric inside"):
        layer.add_metric(tf.ones(2), name="m")


def test_input_and_output_of_a_layer() -> None:
    dense = L.Dense(7)
    with pytest.raises(AttributeError, match="never been called"):
        dense.output_shape  # noqa: B018
    i = tf.keras.Input((4,))
    out = dense(i)
    assert (dense.input_shape, dense.output_shape) == ((None, 4), (None, 7))
    assert dense.input is i
    assert dense.output is out
    assert dense.get_output_at(0) is out
    dense(tf.keras.Input((4,), batch_size=3))
    with pytest.raises(AttributeError, match="multiple inbound nodes"):
        dense.output_shape  # noqa: B018


def test_layers_of_users_may_be_wrong_in_known_ways() -> None:
    class Forgetful(L.Layer):
        def __init__(self) -> None:
            self.size = 3

        def call(self, x: Any) -> Any:
            return x

    class ForgetfulModel(tf.keras.Model):
        def __init__(self) -> None:
            self.d = L.Dense(2)

    with pytest.raises(RuntimeError, match="super"):
        Forgetful()(np.ones(2))
    with pytest.raises(RuntimeError, match="forgot to call"):
        ForgetfulModel()
    with pytest.raises(AttributeError, match='Can\'t set the attribute "name"'):
        L.Dense(1).name = "x"


def test_add_weight_chooses_an_initializer_by_dtype() -> None:
    layer = L.Layer()
    assert layer.add_weight("i", (2,), "int32").numpy().tolist() == [0, 0]
    assert layer.add_weight("f", (2, 2)).dtype == tf.float32
    with pytest.raises(ValueError, match="initializer for variable s"):
        layer.add_weight("s", (1,), "string")
    with pytest.raises(ValueError, match="unknown size"):
        layer.add_weight("u", (None, 2))
