"""Control flow by functions, TensorArray, strings: values that TensorFlow 2.4 gives for the same text."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph import interpreter
from millstream.graph.trace import trace


def _plain(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return [_plain(v) for v in x]
    return np.asarray(x).tolist()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("tf.cond(tf.constant(2) > 1, lambda: 1, lambda: 2)", 1),
        ("tf.case([(tf.constant(False), lambda: 1), (tf.constant(True), lambda: 3)], default=lambda: 2)", 3),
        ("tf.switch_case(tf.constant(7), [lambda: 10, lambda: 20])", 20),
        ("tf.while_loop(lambda i, j: i < 3, lambda i, j: (i + 1, j * 2), (0, 1))", [3, 8]),
        ("tf.while_loop(lambda i: True, lambda i: [i + 1], [0], maximum_iterations=5)", [5]),
        ("tf.map_fn(lambda x: (x, -x), tf.constant([1, 2]), dtype=(tf.int32, tf.int32))", [[1, 2], [-1, -2]]),
        ("tf.map_fn(lambda x: x[0] + x[1], (tf.constant([1, 2]), tf.constant([3, 4])), fn_output_signature=tf.int32)", [4, 6]),
        ("tf.scan(lambda a, x: a + x, tf.constant([1, 2, 3]), initializer=10)", [11, 13, 16]),
        ("tf.scan(lambda a, x: a + x, tf.constant([1, 2, 3]), reverse=True)", [6, 5, 3]),
        ("tf.foldr(lambda a, x: a - x, tf.constant([1, 2, 3]))", 0),
        ("tf.py_function(lambda x: x + 1, [1], [tf.int32])", [2]),
        ("tf.TensorArray(tf.float32, 0, dynamic_size=True).write(2, [1.0]).stack()", [[0.0], [0.0], [1.0]]),
        ("tf.TensorArray(tf.int32, 3).unstack([4, 5, 6]).gather([2, 0])", [6, 4]),
        ("tf.strings.as_string([1.5, 1e10, float('nan')])", [b"1.500000", b"10000000000.000000", b"nan"]),
        ("tf.strings.as_string([1.5, 100000.0], scientific=True)", [b"1.500000e+00", b"1.000000e+05"]),
        ("tf.strings.as_string([7], width=4, fill='0')", [b"0007"]),
        ("tf.strings.lower('\\u00c0B')", "\u00c0b".encode()),
        ("tf.strings.lower('\\u00c0B', encoding='utf-8')", "\u00e0b".encode()),
        ("tf.strings.length('\\u00e9', unit='UTF8_CHAR')", 1),
        ("tf.strings.join([['a', 'd'], ['b', 'c']])", [b"ab", b"dc"]),
        ("tf.strings.reduce_join([['a', 'b'], ['c', 'd']], axis=-1, keepdims=True, separator=' ')", [[b"a b"], [b"c d"]]),
        ("tf.strings.split('a,,b', ',')", [b"a", b"", b"b"]),
        ("tf.strings.split('a b c', maxsplit=1)", [b"a", b"b c"]),
        ("tf.strings.substr(['hello', 'abc'], [-3, 0], [2, 9])", [b"ll", b"abc"]),
        ("tf.strings.regex_replace('ab', '(a)(b)', r'\\2\\1')", b"ba"),
        ("tf.strings.to_number(['1.5', ' 2 '])", [1.5, 2.0]),
        ("tf.strings.unicode_split('a\\u00f1', 'UTF-8')", [b"a", "\u00f1".encode()]),
    ],
)
def test_value_is_tensorflows(text: str, want: Any) -> None:
    assert _plain(eval(text, {"tf": tf})) == want  # noqa: S307


def test_loops_of_known_length_unroll_in_a_trace() -> None:
    def function(x: Any) -> Any:
        total = tf.scan(lambda a, b: a * 0.5 + b, x)
        return [total, tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 2.0), (0, x))[1]]

    x = np.array([1.0, 2.0, 4.0], "float32")
    graph = trace(function, ArraySpec((3,), tf.float32))
    for got, want in zip(interpreter.run(graph, [x]), function(tf.constant(x)), strict=True):
        np.testing.assert_array_equal(got, want)


def test_gradients_go_through_loops() -> None:
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.foldl(lambda a, b: a * b, tf.map_fn(lambda v: v * v, x))
    np.testing.assert_allclose(tape.gradient(y, x), [8.0, 4.0])


def test_a_choice_by_a_traced_value_is_made_when_the_graph_runs() -> None:
    graph = trace(lambda x: tf.cond(x > 0, lambda: x, lambda: -x), ArraySpec((), tf.float32))
    assert [float(interpreter.run(graph, [np.float32(v)])[0]) for v in (2.0, -3.0)] == [2.0, 3.0]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("tf.cond(True, 1, 2)", TypeError, "must be callable"),
        ("tf.case([(tf.constant(False), lambda: 1)])", tf.errors.InvalidArgumentError, "no default"),
        ("tf.map_fn(lambda x: x, tf.constant(1))", tf.errors.InvalidArgumentError, "first dimension"),
        ("tf.while_loop(lambda i, j: i < 1, lambda i, j: [i], [0, 0])", ValueError, "takes 2 variables and returned 1"),
        ("tf.TensorArray(tf.float32, 2).write(5, 1.0)", tf.errors.OutOfRangeError, "index 5"),
        ("tf.TensorArray(tf.float32, 2).read(0)", tf.errors.InvalidArgumentError, "not written"),
        ("tf.strings.to_number('x')", tf.errors.InvalidArgumentError, "could not correctly convert string: x"),
        ("tf.strings.substr('a', 5, 1)", tf.errors.InvalidArgumentError, "pos 5 out of range"),
        ("tf.strings.lower([1])", tf.errors.InvalidArgumentError, "strings; got int32"),
        ("tf.strings.split(['a b', 'c'])", NotImplementedError, "ragged"),
    ],
)
def test_wrong_input_is_explained(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(text, {"tf": tf})  # noqa: S307
