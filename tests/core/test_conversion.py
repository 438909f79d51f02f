"""What Python's and NumPy's values become: dtypes, refusals, wrapping."""

from typing import Any

import numpy as np
import pytest

import millstream as tf


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "int32"), (2**31, "int64"), (-(2**63), "int64"), (1.5, "float32"), (True, "bool"), (1 + 2j, "complex128"), ("a", "string"), (b"a", "string"),
        ([1, 2**40], "int64"), ([1, 2.5], "float32"), ([1.0, True], "float32"), ([], "float32"), ((), "float32"), (range(3), "int32"), ([[True]], "bool"),
        (np.float64(1), "float64"), (np.zeros(2), "float64"), (np.zeros(2, "float16"), "float16"), (np.zeros(2, ">i4"), "int32"), (np.array(["a"]), "string"),
        ([np.float64(1)], "float64"), ([np.float16(1), 2.0], "float16"), ([1.0, np.float64(2)], "float32"), ([np.zeros(2), [1.0, 2.0]], "float64"), ([np.int64(1)], "int32"),
    ],
)  # fmt: skip
def test_the_dtype_that_a_value_gets(value: Any, dtype: str) -> None:
    assert tf.constant(value).dtype == dtype


@pytest.mark.parametrize("value", [[True, 1], [True, 1.5], [1, "a"], [1, None], ["a", 1.5], [1, 2j]])
def test_mixed_types_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="mixed types"):
        tf.constant(value)


@pytest.mark.parametrize("value", [[[1, 2], [3]], [[1], 2], [["a"], ["b", "c"]]])
def test_ragged_lists_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="non-rectangular"):
        tf.constant(value)


@pytest.mark.parametrize("value", [None, object(), {1: 2}, {1, 2}, np.array([1, None]), tf.float32])
def test_what_is_no_value(value: Any) -> None:
    with pytest.raises(ValueError, match="unsupported type|mixed types"):
        tf.constant(value)


@pytest.mark.parametrize(
    ("value", "dtype"), [(1.5, "int32"), ([1, 2.5], "int32"), ("a", "int32"), (["a"], "float32"), (1, "string"), ([1], "string"), (1, "bool"), (1j, "float32")]
)  # fmt: skip
def test_what_does_not_fit_the_dtype(value: Any, dtype: str) -> None:
    with pytest.raises(TypeError, match="Cannot convert .* to EagerTensor of dtype"):
        tf.constant(value, dtype)


@pytest.mark.parametrize(
    ("value", "dtype", "result"),
    [(300, "uint8", 44), (-1, "uint8", 255), (2**40 + 7, "int32", 7), (2**63, "uint64", 2**63), (True, "int32", 1), (True, "float32", 1.0), (1, "float16", 1.0)],
)  # fmt: skip
def test_numbers_that_are_brought_into_a_dtype(value: Any, dtype: str, result: Any) -> None:
    assert tf.constant(value, dtype).numpy() == result


@pytest.mark.parametrize("value", [2**63, 2**70, [2**63], 1e40, [1.0, 1e40]])
def test_numbers_too_large(value: Any) -> None:
    with pytest.raises(ValueError, match="out.of.range"):
        tf.constant(value)


def test_infinities_are_no_numbers_too_large() -> None:
    assert np.isinf(tf.constant([float("inf"), float("nan")]).numpy()).tolist() == [True, False]
    assert tf.constant(1e40, tf.float64).numpy() == 1e40
    assert np.isinf(tf.constant(1e10, tf.float16).numpy())


def test_strings_keep_every_byte() -> None:
    assert tf.constant(b"\xff\x00").numpy() == b"\xff\x00"
    assert tf.constant([b"\xff\x00", "é"]).numpy().tolist() == [b"\xff\x00", "é".encode()]
    assert tf.constant([], tf.string).numpy().dtype == object


def test_numpy_arrays_take_the_dtype_asked_for() -> None:
    assert tf.constant(np.array([1.9, -1.9]), tf.int32).numpy().tolist() == [1, -1]
    assert tf.constant(np.array([2, 0]), tf.bool).numpy().tolist() == [True, False]
    with pytest.raises(ValueError, match=r"tf\.string"):
        tf.constant(np.array([1]), tf.string)


def test_a_hint_is_followed_where_it_fits() -> None:
    assert tf.convert_to_tensor(1, dtype_hint=tf.float64).dtype == tf.float64
    assert tf.convert_to_tensor(1.5, dtype_hint=tf.int32).dtype == tf.float32
    assert tf.convert_to_tensor([1.5], dtype_hint=tf.int32).dtype == tf.float32


def test_tensors_are_not_converted_silently() -> None:
    x = tf.constant(1.0)
    assert tf.convert_to_tensor(x) is x
    with pytest.raises(ValueError, match="requested dtype int32"):
        tf.convert_to_tensor(x, tf.int32)


def test_lists_that_hold_tensors_are_stacked() -> None:
    assert tf.convert_to_tensor([[tf.constant(1.0), 2], [tf.Variable(3.0), 4]]).numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tf.convert_to_tensor([tf.constant(1.5)], tf.int32).numpy().tolist() == [1]


def test_arrays_are_copied() -> None:
    array = np.zeros(2)
    tensor, variable = tf.constant(array), tf.Variable(array)
    array[0] = 5
    assert tensor.numpy()[0] == 0
    assert variable.numpy()[0] == 0
    tensor.numpy()[0] = 7
    assert tensor.numpy()[0] == 0


@pytest.mark.parametrize("shape", ["a", 1.5, (2, 1.5), (2, "b")])
def test_shapes_are_whole_numbers(shape: Any) -> None:
    with pytest.raises(TypeError):
        tf.zeros(shape)


@pytest.mark.parametrize("make", [tf.zeros, tf.ones, lambda s: tf.fill(s, 1)])
@pytest.mark.parametrize("shape", [(-1,), (2, -1), [tf.constant(-1)]])
def test_shapes_are_not_negative(make: Any, shape: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be >= 0"):
        make(shape)
