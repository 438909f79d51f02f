"""Public functions beside their primitives: arguments, printing, checks, custom gradients, and errors in TensorFlow's words."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph import interpreter
from millstream.graph.trace import trace


def _printed(capsys: pytest.CaptureFixture[str], *values: Any, **options: Any) -> str:
    tf.print(*values, **options)
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ((tf.constant(1.5), tf.constant([1 / 3, 1e10, 123456789.0])), "1.5 [0.333333343 1e+10 123456792]"),
        ((tf.constant([[1, 2], [3, 4]]),), "[[1 2]\n [3 4]]"),
        ((tf.range(100),), "[0 1 2 ... 97 98 99]"),
        ((tf.reshape(tf.range(8), [2, 2, 2]),), "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]"),
        (("a", tf.constant("b"), tf.constant(["c"]), True, None, 3), 'a "b" ["c"] True None 3'),
        (({"a": tf.constant(1), "b": [tf.constant([1.0]), "s"]},), "{'a': 1, 'b': [[1], 's']}"),
        ((tf.constant([True, False]), tf.constant(-0.0), tf.constant(0.1, tf.float64)), "[1 0] -0 0.1"),
        ((tf.Variable([1.0, 2.0]), np.float32(2), tf.float32), "[1 2] 2.0 tf.float32"),
    ],
)
def test_print_writes_as_tensorflow(capsys: pytest.CaptureFixture[str], values: Any, want: str) -> None:
    assert _printed(capsys, *values) == want + "\n"


def test_print_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert _printed(capsys, 1, 2, sep=",", end="!") == "1,2!"
    assert _printed(capsys, tf.range(5), summarize=1) == "[0 ... 4]\n"
    graph = trace(lambda x: tf.print("x =", x), ArraySpec((2,), tf.float32))
    interpreter.run(graph, [np.array([1, 2], "float32")])
    assert capsys.readouterr().err == "x = [1 2]\n"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tf.concat([[[1]], [2]], 0), tf.errors.InvalidArgumentError, "Ranks of all input tensors should match"),
        (lambda: tf.concat([[[1]], [[2], [3]]], 1), tf.errors.InvalidArgumentError, "Dimensions of inputs should match"),
        (lambda: tf.split([1, 2, 3], 2), tf.errors.InvalidArgumentError, "evenly divide"),
        (lambda: tf.split([1, 2, 3], [1, 1]), tf.errors.InvalidArgumentError, "Determined shape"),
        (lambda: tf.unstack(3), ValueError, "not in"),
        (lambda: tf.tile([1], [1, 2]), tf.errors.InvalidArgumentError, "multiples argument"),
        (lambda: tf.pad([1, 2], [[2, 1]], "REFLECT"), tf.errors.InvalidArgumentError, "less than the dimension size"),
        (lambda: tf.pad([1, 2], [[1, 1]], "x"), ValueError, "Unknown padding mode"),
        (lambda: tf.gather([1.0], [-1]), tf.errors.InvalidArgumentError, r"indices\[0\] = -1 is not in \[0, 1\)"),
        (lambda: tf.gather([1.0], [0.5]), tf.errors.InvalidArgumentError, "int32 or int64"),
        (lambda: tf.gather_nd([[1]], [[0, 3]]), tf.errors.InvalidArgumentError, "does not index into"),
        (lambda: tf.boolean_mask([[1, 2]], [True, False]), ValueError, "incompatible"),
        (lambda: tf.where([True], x=[1]), ValueError, "both be non-None"),
        (lambda: tf.range(5, 0), tf.errors.InvalidArgumentError, "start <= limit"),
        (lambda: tf.range(0, 5, 0), tf.errors.InvalidArgumentError, "delta != 0"),
        (lambda: tf.one_hot([0.5], 3), tf.errors.InvalidArgumentError, "whole"),
        (lambda: tf.sort([1], direction="up"), ValueError, "ASCENDING"),
        (lambda: tf.math.top_k([1.0], 2), tf.errors.InvalidArgumentError, "at least k columns"),
        (lambda: tf.exp(1), tf.errors.InvalidArgumentError, "floating point"),
        (lambda: tf.math.floordiv(7, 0), tf.errors.InvalidArgumentError, "division by zero"),
        (lambda: tf.pow(2, -1), tf.errors.InvalidArgumentError, "negative integer powers"),
        (lambda: tf.divide(tf.constant([1]), 2.5), TypeError, "same dtype"),
        (lambda: tf.constant([1]) < 2.5, TypeError, "Cannot convert 2.5"),
        (lambda: tf.constant([1, 2]) + tf.constant([1, 2, 3]), tf.errors.InvalidArgumentError, r"Incompatible shapes: \[2\] vs. \[3\]"),
        (lambda: tf.add_n([]), ValueError, "at least one"),
        (lambda: tf.add_n([[1.0], [1.0, 2.0]]), tf.errors.InvalidArgumentError, "same size and shape"),
        (lambda: tf.argmax([]), tf.errors.InvalidArgumentError, "empty"),
        (lambda: tf.reduce_sum([1], axis=2), tf.errors.InvalidArgumentError, "dimension"),
        (lambda: tf.nn.bias_add([[1.0, 2.0]], [1.0]), tf.errors.InvalidArgumentError, "as many biases"),
        (lambda: tf.nn.sigmoid_cross_entropy_with_logits([1.0], [[1.0]]), ValueError, "same shape"),
        (lambda: tf.nn.softmax_cross_entropy_with_logits([[1.0, 0.0]], [[1.0, 2.0, 3.0]]), tf.errors.InvalidArgumentError, "broadcastable"),
        (lambda: tf.tensordot([1.0], [1.0, 2.0], 1), tf.errors.InvalidArgumentError, "size-incompatible"),
        (lambda: tf.einsum("ij,jk", [[1.0]]), ValueError, "2 inputs; got 1"),
        (lambda: tf.einsum("ij->i", [1.0]), ValueError, "2 dimensions"),
        (lambda: tf.linalg.inv([[1.0, 2.0]]), tf.errors.InvalidArgumentError, "must be square"),
        (lambda: tf.linalg.inv([[1.0, 1.0], [1.0, 1.0]]), tf.errors.InvalidArgumentError, "not invertible"),
        (lambda: tf.debugging.assert_equal([1, 2], [1, 3], "boo"), tf.errors.InvalidArgumentError, "boo\nCondition x == y"),
        (lambda: tf.debugging.assert_positive([0.0]), tf.errors.InvalidArgumentError, "x > 0"),
        (lambda: tf.debugging.assert_rank([1], 2), ValueError, "must have rank 2"),
        (lambda: tf.debugging.assert_type([1], tf.float32), TypeError, "float32"),
        (lambda: tf.debugging.check_numerics([1.0, float("nan")], "msg"), tf.errors.InvalidArgumentError, "msg : Tensor had NaN"),
        (lambda: tf.debugging.assert_near([1.0], [1.1]), tf.errors.InvalidArgumentError, "not equal to tolerance"),
        (lambda: tf.debugging.assert_shapes([(tf.ones([2, 3]), ("N", "M")), (tf.ones([3]), ("N",))]), ValueError, "must have size 2"),
        (lambda: tf.ensure_shape([1, 2], [3]), tf.errors.InvalidArgumentError, "not compatible"),
        (lambda: tf.nest.map_structure(lambda a, b: a, [1], [1, 2]), ValueError, "same number"),
        (lambda: tf.math.invert_permutation([0, 0]), tf.errors.InvalidArgumentError, "no permutation"),
        (lambda: tf.math.bincount([1, -1]), tf.errors.InvalidArgumentError, "non-negative"),
        (lambda: tf.math.segment_sum([1, 2], [1, 0]), tf.errors.InvalidArgumentError, "not increasing"),
    ],
)
def test_wrong_input_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_checks_run_when_the_traced_function_does() -> None:
    graph = trace(lambda x: tf.debugging.assert_less(x, 3.0), ArraySpec((2,), tf.float32))
    interpreter.run(graph, [np.array([1, 2], "float32")])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Condition x < y"):
        interpreter.run(graph, [np.array([1, 5], "float32")])


def test_custom_gradient_takes_the_place_of_the_ops_own() -> None:
    @tf.custom_gradient
    def reverse(x: Any) -> Any:
        return x * 2.0, lambda g: -g

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = reverse(x) * 5.0
    assert float(y) == 30.0
    assert float(tape.gradient(y, x)) == -5.0


def test_custom_gradient_of_several_arguments() -> None:
    @tf.custom_gradient
    def both(x: Any, y: Any) -> Any:
        return [x * y, x + y], lambda a, b: (a, b)

    x, y = tf.constant(2.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch([x, y])
        p, s = both(x, y)
        total = 10.0 * p + 7.0 * s
    assert [float(g) for g in tape.gradient(total, [x, y])] == [10.0, 7.0]


def test_python_numbers_take_the_tensors_dtype() -> None:
    assert (tf.constant(1.0, tf.float16) * 2).dtype is tf.float16
    assert (2.5 * tf.constant([1.0], tf.float64)).dtype is tf.float64
    assert tf.stack([1, 2.0]).dtype is tf.float32
    assert tf.where([True, False], 1.0, 2).numpy().tolist() == [1.0, 2.0]
    assert (tf.constant(7) / tf.constant(2)).dtype is tf.float64


def test_bits_and_truth_share_operators() -> None:
    assert int(tf.constant(6) & tf.constant(3)) == 2
    assert bool(tf.constant(True) ^ tf.constant(True)) is False
    assert int(~tf.constant(1)) == -2
    assert bool(~tf.constant(False)) is True


def test_strings_join_and_compare() -> None:
    assert tf.add("a", ["b", "c"]).numpy().tolist() == [b"ab", b"ac"]
    assert (tf.constant("a") + "b").numpy() == b"ab"
    assert tf.equal("a", ["a", "b"]).numpy().tolist() == [True, False]


def test_einsum_agrees_with_numpy() -> None:
    random = np.random.RandomState(0)
    sizes = {"i": 2, "j": 3, "k": 4, "b": 2}
    for equation in (
        "ij,jk->ik",
        "ij,kj->ki",
        "bij,bjk->bik",
        "ij->ji",
        "ij->",
        "ii->i",
        "i,j->ij",
        "bij,kj->bik",
        "ij,ij->",
        "ij,jk",
        "ij,jk,k->i",
        "...ij,jk->...ik",
    ):
        terms = equation.split("->")[0].replace("...", "b").split(",")
        arrays = [random.standard_normal([sizes[c] for c in t]) for t in terms]
        np.testing.assert_allclose(tf.einsum(equation, *arrays), np.einsum(equation, *arrays), rtol=1e-12, err_msg=equation)


def test_special_functions_agree_with_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    x = np.concatenate([np.linspace(-3.7, 3.9, 41), [1e-3, 20.0]])
    positive = np.abs(x) + 0.1
    pairs = [
        (tf.math.erf(x), special.erf(x)), (tf.math.erfc(x), special.erfc(x)), (tf.math.lgamma(positive), special.gammaln(positive)), (tf.math.digamma(x), special.digamma(x)),
        (tf.math.erfinv(np.tanh(x)), special.erfinv(np.tanh(x))), (tf.math.zeta(positive + 1, positive), special.zeta(positive + 1, positive)),
        (tf.math.igamma(positive, positive[::-1]), special.gammainc(positive, positive[::-1])), (tf.math.igammac(positive, positive[::-1]), special.gammaincc(positive, positive[::-1])),
        (tf.math.polygamma(np.full_like(x, 2.0), positive), special.polygamma(2, positive)),
    ]  # fmt: skip
    for got, want in pairs:
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-13)
