"""TensorFlow 1's variables and optimizers, and members of variables."""

import pytest

import millstream as tf


def test_variables_change_by_rows_and_places() -> None:
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    v.scatter_update(tf.IndexedSlices([[9.0, 9.0]], [1]))
    v.scatter_nd_add([[0, 0]], [5.0])
    assert v.numpy().tolist() == [[6.0, 2.0], [9.0, 9.0]]
    assert v.gather_nd([[0, 1]]).numpy().tolist() == [2.0]
    v.scatter_mul(tf.IndexedSlices([[2.0, 3.0]], [0]))
    assert v.numpy().tolist() == [[12.0, 6.0], [9.0, 9.0]]


def test_scopes_prefix_names() -> None:
    with tf.compat.v1.variable_scope("a"), tf.compat.v1.variable_scope("b"):
        assert tf.compat.v1.get_variable("w", (2,)).name == "a/b/w:0"


def test_optimizers_of_tensorflow_1_need_a_function() -> None:
    w = tf.Variable(1.0)
    with pytest.raises(RuntimeError, match="should be a function"):
        tf.compat.v1.train.AdamOptimizer().minimize(w * w)
    with pytest.raises(RuntimeError, match="GradientTape"):
        tf.gradients(w, w)
    with pytest.raises(ValueError, match="must be fully defined"):
        tf.compat.v1.get_variable("w")


def test_a_model_forgets_the_states_of_its_layers() -> None:
    model = tf.keras.Sequential([tf.keras.layers.LSTM(2, stateful=True, batch_input_shape=(1, 3, 2))])
    first = model(tf.ones((1, 3, 2))).numpy()
    second = model(tf.ones((1, 3, 2))).numpy()
    model.reset_states()
    assert (first != second).all()
    assert model(tf.ones((1, 3, 2))).numpy().tolist() == first.tolist()
