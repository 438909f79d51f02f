"""Compiled graphs: variables in place, old values kept, callbacks, gathered batches, random graphs, any number of threads."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import millstream as tf
from millstream.core.op import op
from millstream.core.spec import ArraySpec
from millstream.graph import interpreter
from millstream.graph.trace import Trace, trace
from millstream.runtime.executable import Executable

f32 = tf.float32


def traced(function: Any) -> Executable:
    made = Trace()
    with made.active():
        out = function()
    return Executable(made.finish(list(out) if isinstance(out, list) else []))


def test_variables_are_written_in_place_and_old_values_kept() -> None:
    w = tf.Variable([1.0, 2.0, 3.0])
    step = traced(lambda: [w.assign_sub(w * 0.5)][:0])
    before = w.read_value()
    step.run()
    step.run()
    assert before.numpy().tolist() == [1.0, 2.0, 3.0]
    assert w.numpy().tolist() == [0.25, 0.5, 0.75]


def test_a_variable_assigned_in_between_is_seen() -> None:
    w = tf.Variable([1.0, 1.0])
    step = traced(lambda: [w.assign_add([1.0, 1.0])][:0])
    step.run()
    w.assign([10.0, 20.0])
    step.run()
    assert w.numpy().tolist() == [11.0, 21.0]


def test_two_variables_swap() -> None:
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])

    def swap() -> None:
        old_a, old_b = a.read_value(), b.read_value()
        a.assign(old_b)
        b.assign(old_a)

    traced(swap).run(0, 3)
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([3.0, 4.0], [1.0, 2.0])


def test_steps_pick_their_rows() -> None:
    total = tf.Variable(np.zeros(3, np.float32))
    made = Trace()
    x = made.input(ArraySpec((2, 3), tf.float64))
    with made.active():
        total.assign_add(tf.reduce_sum(tf.cast(x, f32) * [[1.0], [10.0]], axis=0))
    step = Executable(made.finish([]), gathered=True, batch=2)
    data = np.arange(18.0).reshape(6, 3)
    step.bind_inputs([data])
    step.bind_rows(np.array([5, 0, 1, 1, 4, 3], np.int64))
    step.run(1, 2)
    expected = data[1] + 10 * data[1] + data[4] + 10 * data[3]
    assert total.numpy().tolist() == expected.tolist()


def test_streamed_outputs_fill_the_rows_of_their_step() -> None:
    made = Trace()
    x = made.input(ArraySpec((2, 3), f32))
    with made.active():
        out = tf.nn.softmax(x)
    step = Executable(made.finish([out]), gathered=True, streamed=True, batch=2)
    data = np.random.RandomState(0).randn(6, 3).astype(np.float32)
    results = np.zeros((6, 3), np.float32)
    step.bind_inputs([data])
    step.bind_rows(np.arange(6))
    step.bind_outputs([results])
    step.run(0, 3)
    np.testing.assert_allclose(results, tf.nn.softmax(data).numpy(), rtol=1e-5)


def test_an_error_in_an_op_without_compiled_code_comes_out() -> None:
    @op(name="test_fails")
    def fails(xp: Any, x: Any) -> Any:
        raise ArithmeticError("said the op")

    fails.infer(lambda x: x)
    step = Executable(trace(lambda x: fails(x) + 1.0, ArraySpec((2,), f32)))
    with pytest.raises(ArithmeticError, match="said the op"):
        step(np.zeros(2, np.float32))


UNARY = (tf.exp, tf.tanh, tf.sigmoid, tf.nn.relu, tf.square, tf.abs, lambda x: tf.reduce_sum(x, -1, keepdims=True), lambda x: tf.reduce_max(x, 0, keepdims=True),
         tf.transpose, tf.nn.softmax, lambda x: tf.matmul(x, x, transpose_b=True), lambda x: tf.reshape(x, [-1, 1]))  # fmt: skip
BINARY = (tf.add, tf.multiply, tf.maximum, tf.subtract)


def grow(x: Any, program: list[tuple[int, int, int]]) -> list[Any]:
    """A random graph: each step applies an op to earlier values where shapes allow."""
    values = [x]
    for kind, first, second in program:
        a, b = values[first % len(values)], values[second % len(values)]
        if kind < len(UNARY):
            values.append(UNARY[kind](a) * 0.5)
        else:
            try:
                values.append(BINARY[kind - len(UNARY)](a, b))
            except tf.errors.InvalidArgumentError:
                continue
    return values[-3:]


@given(
    st.lists(st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12),
    st.sampled_from([(3, 5), (1, 17), (8, 8)]),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_random_graphs_agree_with_the_interpreter(program: list[tuple[int, int, int]], shape: tuple[int, int]) -> None:
    made = trace(lambda x: grow(x, program), ArraySpec(shape, f32))
    data = np.random.RandomState(0).uniform(-1, 1, shape).astype(np.float32)
    wanted = interpreter.run(made, [data])
    for got, want in zip(Executable(made)(data), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


def test_every_number_of_threads_gives_the_same_bits() -> None:
    def function(x: Any, w: Any) -> list[Any]:
        h = tf.nn.relu(x @ w)
        return [tf.nn.softmax(h), tf.reduce_sum(h, 0), tf.matmul(h, x, transpose_a=True)]

    made = trace(function, ArraySpec((67, 50), f32), ArraySpec((50, 33), f32))
    random = np.random.RandomState(1)
    data = [random.randn(67, 50).astype(np.float32), random.randn(50, 33).astype(np.float32)]
    results = []
    for threads in (1, 2, 3, 4, 8):
        executable = Executable(made)
        executable.threads = threads
        results.append(executable(*data))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert a.tobytes() == b.tobytes()
