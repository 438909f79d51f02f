"""Joins, rows of tables, siblings and sinking: fewer kernels, the same values."""

import numpy as np
import pytest

import millstream as tf
from millstream.core.dtypes import float32, int32
from millstream.core.spec import ArraySpec
from millstream.graph.trace import trace
from millstream.runtime.executable import Executable

RANDOM = np.random.RandomState(0)


def compiled(function, *arrays):
    """The kinds of the groups in order, after checking the values against eager ones."""
    specs = [ArraySpec(x.shape, int32 if x.dtype == np.int32 else float32) for x in arrays]
    made = Executable(trace(function, *specs))
    wanted = function(*map(tf.constant, arrays))
    for got, value in zip(made(*arrays), wanted if isinstance(wanted, (list, tuple)) else [wanted], strict=True):
        np.testing.assert_allclose(got, value.numpy(), rtol=2e-5, atol=2e-6)
    return [g.kind for g in made.schedule.order]


def real(*shape):
    return RANDOM.randn(*shape).astype("float32")


def test_parts_are_computed_where_they_belong():
    kinds = compiled(lambda x, w: tf.concat([tf.tanh(x @ w), tf.reduce_sum(x, 1, keepdims=True)], 1), real(5, 4), real(4, 3))
    assert sorted(kinds) == ["contract", "join", "reduce"]


def test_joins_within_joins():
    def nested(x):
        a, b = tf.split(x, 2, 1)
        return tf.stack([tf.concat([tf.exp(a), a + b], 1), tf.concat([tf.sin(a), b * b], 1)])

    assert "call" not in compiled(nested, real(3, 8))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_value_in_two_places_is_copied(axis):
    assert "call" not in compiled(lambda x: [tf.stack([tf.exp(x), tf.exp(x), x], axis), tf.concat([x, tf.exp(x)], 0)], real(4, 5))


def test_a_result_that_is_also_a_part_owns_its_memory():
    def both(x):
        y = tf.exp(x)
        return [y, tf.concat([y, y + 1], 0)]

    compiled(both, real(4, 5))


def test_slices_and_their_gradients_need_no_python():
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.sin(x[:, 1:3])) + tf.reduce_sum(x[::-1, :2] ** 2) + tf.reduce_sum(tf.stack(tf.unstack(x, axis=1)) ** 3)
        return tape.gradient(total, x)

    assert "call" not in compiled(gradient, real(4, 5))


def steps(x, w):
    h = tf.zeros((3, 4))
    every = []
    for t in tf.unstack(x, axis=1):
        h = tf.tanh(t + tf.matmul(h, w))
        every.append(h)
    return tf.stack(every, axis=1)


def test_a_weight_of_many_steps_has_one_product_for_its_gradient():
    def gradient(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            total = tf.reduce_sum(steps(x, w) ** 2)
        return tape.gradient(total, [x, w])

    kinds = compiled(gradient, real(3, 6, 4), real(4, 4))
    assert kinds.count("contract") == 6 + 5 + 1  # forward, back through the states, the weight
    assert "call" not in kinds


def test_siblings_share_a_kernel():
    kinds = compiled(lambda x, y: tf.sigmoid(x) * tf.tanh(y) + tf.sigmoid(y[:, :]) * tf.exp(x), real(30, 40), real(30, 40))
    assert kinds == ["elementwise"]


def test_what_one_later_kernel_needs_is_computed_there():
    def late(x, w):
        y = tf.tanh(x)
        return [y, (y @ w) * (1 - y * y)]

    made = Executable(trace(late, ArraySpec((40, 40), float32), ArraySpec((40, 40), float32)))
    assert [len(g.nodes) for g in made.schedule.order] == [1, 3]
    compiled(late, real(40, 40), real(40, 40))


@pytest.mark.parametrize("width", [1, 5, 37])
def test_rows_are_taken_and_added_by_compiled_code(width):
    def table(x, ids):
        with tf.GradientTape() as tape:
            tape.watch(x)
            rows = tf.gather(x, ids)
            total = tf.reduce_sum(tf.sin(tf.transpose(rows, (1, 0, 2))))
        return [rows, tf.convert_to_tensor(tape.gradient(total, x))]

    kinds = compiled(table, real(7, width), RANDOM.randint(0, 7, (3, 4)).astype("int32"))
    assert kinds.count("rows") == 2
    assert "call" not in kinds


def test_numbers_outside_of_a_table_touch_nothing():
    made = Executable(trace(tf.gather, ArraySpec((4, 3), float32), ArraySpec((3,), int32)))
    table = real(4, 3)
    np.testing.assert_array_equal(made(table, np.array([9, 1, -5], "int32"))[0], [[0] * 3, table[1], [0] * 3])
