"""tf.keras.backend: where its functions differ from the ops of the same name; TensorFlow 2.4's numbers."""

from typing import Any

import numpy as np
import pytest

import millstream as tf

K = tf.keras.backend


def x() -> Any:
    return tf.reshape(tf.range(6.0), [2, 3])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("K.mean(tf.constant([True, False]))", 0.5), ("K.mean(tf.constant([1, 2]))", 1), ("K.var(x())", 2.9166667), ("K.std(x(), axis=1)", [0.8164966, 0.8164966]),
     ("K.all(x(), axis=1)", [False, True]), ("K.sum(x(), axis=1, keepdims=True)", [[3.0], [12.0]]), ("K.clip(x(), 3.0, 1.0)", [[3.0] * 3] * 2), ("K.clip(x(), None, 1.0)", [[0.0, 1.0, 1.0], [1.0] * 3]),
     ("K.arange(-3)", []), ("K.arange(1, 5, 2)", [1, 3]), ("K.argmax(x())", [2, 2]), ("K.repeat_elements(x(), 2, 1)[0]", [0, 0, 1, 1, 2, 2]), ("K.reverse(x(), 1)[0]", [2.0, 1.0, 0.0]),
     ("K.sqrt(tf.constant([-4.0, 4.0]))", [0.0, 2.0]), ("K.constant([1, 2])", [1.0, 2.0]), ("K.zeros((2,))", [0.0, 0.0]), ("K.one_hot([0, 2], 3)[1]", [0.0, 0.0, 1.0]),
     ("K.in_top_k(x(), tf.constant([0, 2]), 1)", [False, True]), ("K.switch(tf.constant(True), lambda: x(), lambda: -x())[0]", [0.0, 1.0, 2.0]), ("K.foldr(lambda a, b: a - b, x())", [3.0] * 3),
     ("K.map_fn(lambda a: a * 2, x())[1]", [6.0, 8.0, 10.0]), ("K.moving_average_update(tf.Variable(1.0), 2.0, 0.9)", 1.1), ("K.batch_flatten(tf.ones([2, 3, 4]))", np.ones((2, 12))),
     ("K.normalize_batch_in_training(x(), tf.ones([3]), tf.zeros([3]), [0])[1]", [1.5, 2.5, 3.5]), ("K.softmax(x())[0]", [0.09003057, 0.24472848, 0.66524094]),
     ("K.random_normal((3,), seed=1)", None), ("K.sparse_categorical_crossentropy(tf.constant([1, 0]), x())", [0.6931472, 1.0986123])],
)  # fmt: skip
def test_values(text: str, expected: Any) -> None:
    found = np.asarray(eval(text))  # noqa: S307
    if expected is None:
        tf.random.set_seed(5)
        expected = tf.random.normal((3,), seed=1).numpy()
        tf.random.set_seed(5)
        found = np.asarray(eval(text))  # noqa: S307
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.shape == np.shape(expected)


@pytest.mark.parametrize(
    ("left", "right", "axes", "shape"),
    [((2, 3, 4), (2, 4, 5), None, (2, 3, 5)), ((2, 3), (2, 3), None, (2, 1)), ((2, 3, 4), (2, 5, 4), 2, (2, 3, 5)), ((2, 3, 4), (2, 4), None, (2, 3)),
     ((2, 3), (2, 3, 5), (1, 1), (2, 5)), ((2, 3, 4, 5), (2, 5, 7), (3, 1), (2, 3, 4, 7))],
)  # fmt: skip
def test_batch_dot_multiplies_sample_by_sample(left: Any, right: Any, axes: Any, shape: Any) -> None:
    a, b = np.random.default_rng(1).normal(size=left), np.random.default_rng(2).normal(size=right)
    found = K.batch_dot(tf.constant(a), tf.constant(b), axes=axes).numpy()
    assert found.shape == shape
    first, second = (axes, axes) if isinstance(axes, int) else axes or (len(left) - 1, max(len(right) - 2, 1))
    for i in range(2):
        np.testing.assert_allclose(found[i].ravel(), np.tensordot(a[i], b[i], ((first - 1,), (second - 1,))).ravel(), rtol=1e-6)


def test_batch_dot_and_dot_of_tensors() -> None:
    assert K.dot(tf.ones([2, 3, 4]), tf.ones([5, 4, 6])).shape == (2, 3, 5, 6)
    with pytest.raises(ValueError, match="Cannot do batch_dot on inputs with shapes"):
        K.batch_dot(tf.ones([2, 3]), tf.ones([2, 4]))


def test_phases_and_scopes() -> None:
    assert (K.in_train_phase(1, 2), K.in_train_phase(1, 2, training=True), K.in_test_phase(1, lambda: 2)) == (2, 1, 1)
    with K.learning_phase_scope(1):
        assert K.in_train_phase(1, 2) == 1
    assert K.learning_phase() == 0


def test_keras_draws_its_op_seeds_from_numpy() -> None:
    tf.random.set_seed(5)
    np.random.seed(3)  # noqa: NPY002
    np.testing.assert_allclose(K.random_normal((3,)), [0.24821563, -0.42662564, 4.2519794], rtol=1e-5)
    np.testing.assert_allclose(K.random_uniform((3,)), [0.33404112, 0.13897765, 0.18553996], rtol=1e-6)


def test_settings() -> None:
    assert (K.floatx(), K.epsilon(), K.image_data_format()) == ("float32", 1e-7, "channels_last")
    K.set_floatx("float64")
    try:
        assert tf.keras.initializers.Zeros()((1,)).dtype == tf.float64
    finally:
        K.set_floatx("float32")
    with pytest.raises(ValueError, match="Unknown floatx type: int8"):
        K.set_floatx("int8")


def test_names_of_objects() -> None:
    from millstream.keras.backend.names import to_snake_case

    assert [to_snake_case(n) for n in ("Dense", "Conv2D", "MeanIoU", "LSTMCell", "_Own", "AUC")] == [
        "dense",
        "conv2d",
        "mean_io_u",
        "lstm_cell",
        "private__own",
        "auc",
    ]
