"""x[key] as NumPy has it, with its gradient; what TensorFlow has besides; keys that are no keys."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph import interpreter
from millstream.graph.trace import trace
from millstream.util.errors import OperatorNotAllowedInGraphError

ARRAY = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
KEYS: list[Any] = [
    1, -2, slice(None), slice(None, None, -1), slice(5, None), slice(-9, None, -1), (0, 1), (0, 1, 2), (slice(None), 1), (slice(None), slice(3, None, -2)),
    (..., 0), (..., None, 1), (None, ...), (None, ..., None), (slice(None), slice(1, 1)), (slice(0, 0, -1),), (), ..., None, (1, ..., slice(None, None, 3)),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_key_is_numpys(key: Any) -> None:
    x, want = tf.constant(ARRAY), ARRAY[key]
    np.testing.assert_array_equal(x[key], want)
    np.testing.assert_array_equal(tf.Variable(ARRAY)[key], want)
    graph = trace(lambda v: v[key], ArraySpec((2, 3, 4), tf.float32))
    np.testing.assert_array_equal(interpreter.run(graph, [ARRAY])[0], want)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_gradient_goes_back_to_its_place(key: Any) -> None:
    x, weights = tf.constant(ARRAY), np.cos(np.arange(ARRAY[key].size)).reshape(ARRAY[key].shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(x[key] * tf.constant(weights))
    want = np.zeros_like(ARRAY)
    want[key] += weights
    np.testing.assert_array_equal(tape.gradient(total, x), want)


def test_scalar_tensors_are_indices() -> None:
    x, one = tf.constant(ARRAY), tf.constant(1)
    np.testing.assert_array_equal(x[one], ARRAY[1])
    np.testing.assert_array_equal(x[0, one:], ARRAY[0, 1:])
    np.testing.assert_array_equal(x[np.int64(1), np.array(2)], ARRAY[1, 2])
    np.testing.assert_array_equal(x[tf.Variable(1)], ARRAY[1])


def test_a_list_is_a_tuple() -> None:
    np.testing.assert_array_equal(tf.constant(ARRAY)[[0, 1]], ARRAY[0, 1])


def test_boolean_masks_choose() -> None:
    x = tf.constant(ARRAY)
    np.testing.assert_array_equal(x[x > 5], ARRAY[ARRAY > 5])
    np.testing.assert_array_equal(x[np.array([True, False])], ARRAY[[True, False]])


def test_a_traced_index_gathers() -> None:
    graph = trace(lambda v, i: v[:, i, 1], ArraySpec((2, 3, 4), tf.float32), ArraySpec((), tf.int32))
    np.testing.assert_array_equal(interpreter.run(graph, [ARRAY, np.int32(2)])[0], ARRAY[:, 2, 1])


def test_strings_keep_their_type() -> None:
    x = tf.constant(["a", "b"])
    assert x[1].dtype is tf.string
    assert x[1].numpy() == b"b"
    assert x[0, ...].numpy() == b"a"


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (5, tf.errors.InvalidArgumentError, "slice index 5 of dimension 0 out of bounds"),
        ((0, -4), tf.errors.InvalidArgumentError, "slice index -4 of dimension 1 out of bounds"),
        ((0, 0, 0, 0), tf.errors.InvalidArgumentError, "only 3 dims"),
        (slice(None, None, 0), tf.errors.InvalidArgumentError, "must be non-zero"),
        ((..., ...), tf.errors.InvalidArgumentError, "Multiple ellipses"),
        (1.0, TypeError, "valid indices, got 1.0"),
        ("a", TypeError, "valid indices, got 'a'"),
        (np.array([0, 1]), TypeError, "valid indices"),
        (slice(0, 1.5), TypeError, "valid indices"),
        (True, ValueError, "mask cannot be scalar"),
        (np.array([True, False, True]), ValueError, "incompatible"),
    ],
)
def test_wrong_key_is_explained(key: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tf.constant(ARRAY)[key]


def test_a_traced_bound_is_refused() -> None:
    with pytest.raises(OperatorNotAllowedInGraphError, match="no static size"):
        trace(lambda v, i: v[:i], ArraySpec((4,), tf.float32), ArraySpec((), tf.int32))


def test_a_traced_mask_is_refused() -> None:
    with pytest.raises(OperatorNotAllowedInGraphError, match="depends on values"):
        trace(lambda v: v[v > 0], ArraySpec((4,), tf.float32))


def test_slice_and_strided_slice() -> None:
    x = tf.constant(ARRAY)
    np.testing.assert_array_equal(tf.slice(x, [0, 1, 0], [2, -1, 2]), ARRAY[:2, 1:, :2])
    np.testing.assert_array_equal(tf.strided_slice(x, [0, -1, 0], [2, -3, 2], [1, -1, 1]), ARRAY[0:2, -1:-3:-1, 0:2])
    np.testing.assert_array_equal(tf.strided_slice(x, [1], [2], shrink_axis_mask=1), ARRAY[1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Expected size\[2\]"):
        tf.slice(x, [0, 1, 2], [1, 1, 5])
