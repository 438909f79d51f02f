"""Operators of tensors: with numbers, lists, NumPy on either side; what they refuse."""

from typing import Any

import numpy as np
import pytest

import millstream as tf

INVALID = tf.errors.InvalidArgumentError
C = tf.constant


@pytest.mark.parametrize(
    ("expression", "dtype", "value"),
    [
        ("C(1.5) + 1", "float32", 2.5), ("1 + C(1.5)", "float32", 2.5), ("1 - C([1, 2])", "int32", [0, -1]), ("C(1) + True", "int32", 2), ("True + C(1)", "int32", 2),
        ("C(7) / 2", "float64", 3.5), ("7 / C(2)", "float64", 3.5), ("C(-7) // 2", "int32", -4), ("C(-7) % 3", "int32", 2), ("C(7.5) // 2", "float32", 3.0),
        ("2 ** C(3)", "int32", 8), ("C(2.0) ** 0.5", "float32", np.float32(2.0) ** 0.5), ("-C([1])", "int32", [-1]), ("abs(C(-3))", "int32", 3),
        ("~C(True)", "bool", False), ("C(True) & False", "bool", False), ("C(6) & 3", "int32", 2), ("C([True]) | False", "bool", [True]),
        ("C(1) + 2**40", "int32", 1), ("C(1, tf.int64) + 2**40", "int64", 2**40 + 1), ("C(200, tf.uint8) + C(100, tf.uint8)", "uint8", 44),
        ("C([[1.0, 2.0]]) @ C([[1.0], [2.0]])", "float32", [[5.0]]), ("[1] * C(3)", "int32", [3]), ("C('a') + 'b'", "string", b"ab"), ("'c' + C(['a'])", "string", [b"ca"]),
        ("C(1.0) / 0", "float32", np.inf), ("C(3e38) * 10.0", "float32", np.inf), ("C([3e38]) + C([3e38])", "float32", [np.inf]), ("C(2**31 - 1) + 1", "int32", -(2**31)),
    ],
)  # fmt: skip
def test_value_and_dtype(expression: str, dtype: str, value: Any) -> None:
    made = eval(expression, {"C": C, "tf": tf})  # noqa: S307  (the text stands above)
    assert made.dtype == dtype
    assert made.numpy().tolist() == value if dtype != "string" or made.ndim else made.numpy() == value


@pytest.mark.parametrize(
    ("expression", "dtype", "value"),
    [
        ("C([1.0]) + A([1.0])", "float32", [2.0]), ("A([1.0]) + C([1.0])", "float32", [2.0]), ("C([1]) + A([1.5])", "int32", [2]), ("A([1.5]) + C([1])", "int32", [2]),
        ("C(1.0) + np.float64(1.0)", "float32", 2.0), ("np.float64(3.0) * C(2.0)", "float32", 6.0), ("A([True]) + C([1.0])", "float32", [2.0]),
        ("A([[1.0, 2.0]]) @ C([[1.0], [2.0]])", "float32", [[5.0]]), ("A([1, 2]) < C([2, 2])", "bool", [True, False]), ("A([1, 2]) == C([2, 2])", "bool", [False, True]),
        ("A([2.0]) ** C([3.0])", "float32", [8.0]), ("A([6.0]) / C([4.0])", "float32", [1.5]), ("A([2.0]) - tf.Variable([0.5])", "float32", [1.5]), ("tf.Variable([2]) * A([2])", "int32", [4]),
    ],
)  # fmt: skip
def test_numpy_on_either_side_gives_a_tensor_of_the_tensors_dtype(expression: str, dtype: str, value: Any) -> None:
    made = eval(expression, {"C": C, "tf": tf, "np": np, "A": np.array})  # noqa: S307  (the text stands above)
    assert tf.is_tensor(made)
    assert made.dtype == dtype
    assert made.numpy().tolist() == value


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "**", "<", ">=", "=="])
def test_dtypes_do_not_mix(operator: str) -> None:
    with pytest.raises((INVALID, TypeError)):
        eval(f"x {operator} y", {"x": C([1]), "y": C([1.0])})  # noqa: S307


@pytest.mark.parametrize("kind", [INVALID, TypeError])
@pytest.mark.parametrize(
    "use",
    [lambda: C(1) + 1.5, lambda: 1.5 + C(1), lambda: tf.add(C(1), 1.5), lambda: C(1.0) + "a", lambda: [1.5] + C([1]), lambda: C(True) + 1],  # noqa: RUF005
)
def test_a_python_value_that_does_not_fit_is_caught_either_way(use: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"Cannot convert .* to EagerTensor of dtype|Cannot convert"):
        use()


@pytest.mark.parametrize("kind", [INVALID, ValueError])
@pytest.mark.parametrize("use", [lambda a, b: a + b, lambda a, b: a * b, tf.maximum, tf.add, lambda a, b: a < b])
def test_shapes_that_do_not_broadcast_are_caught_either_way(use: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"Incompatible shapes: \[2,3\] vs. \[2\]"):
        use(tf.zeros((2, 3)), tf.zeros(2))


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: tf.stack([tf.zeros(2), tf.zeros(3)]), "Shapes of all inputs must match"), (lambda: tf.where([True, False], tf.zeros(2), tf.zeros(3)), "Incompatible shapes"),
        (lambda: tf.pow(C(2), -1), "negative integer powers"), (lambda: C(1) // 0, "division by zero"), (lambda: tf.nn.softmax(C([1, 2])), "floating"),
        (lambda: tf.reshape(tf.zeros(6), (4, 2)), "6 values, but the requested shape has 8"), (lambda: tf.zeros((2, 3)) @ tf.zeros((2, 3)), "Matrix size-incompatible"),
    ],
)  # fmt: skip
def test_numpys_own_errors_do_not_leak(use: Any, message: str) -> None:
    with pytest.raises(INVALID, match=message) as caught:
        use()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_equality() -> None:
    assert (C([1, 2]) == None) is False  # noqa: E711  (the operator is what is tested)
    assert (C([1, 2]) != None) is True  # noqa: E711
    unequal = C([1, 2]) == C([1, 2, 3])
    assert (unequal.dtype, unequal.numpy()) == (tf.bool, False)
    assert (C([1, 2]) != [1, 2, 3]).numpy()
    with pytest.raises(TypeError):
        _ = C([1, 2]) == "a"


def test_integers_do_not_warn_where_they_overflow(recwarn: pytest.WarningsRecorder) -> None:
    for x in (C(2**31 - 1), C([2**31 - 1])):
        assert (x + 1).numpy() == -(2**31)
        assert (x * x).numpy() == 1
    assert not recwarn.list


@pytest.mark.parametrize("key", [slice(1, 3), slice(None, None, -1), slice(4, None), slice(-2, None), slice(3, 1), slice(0, 5, 2)])
def test_a_slice_under_a_tape_is_the_slice_without(key: slice) -> None:
    x = tf.reshape(tf.range(10.0), (5, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x[key]
    expected = np.zeros((5, 2), "float32")
    expected[key] = 1
    assert y.numpy().tolist() == x.numpy()[key].tolist() == x[key].numpy().tolist()
    assert tape.gradient(y, x, unconnected_gradients="zero").numpy().tolist() == expected.tolist()
