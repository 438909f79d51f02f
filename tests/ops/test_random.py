"""Streams of random numbers: seeds, sharing, restarts, traces; Philox against its definition. The numbers themselves: test_reference."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.graph import interpreter
from millstream.graph.trace import Trace, trace
from millstream.ops.random import RandomShuffleStream, philox


def _word(key: int, counter: int) -> list[int]:
    return list(philox.block(key, tuple(counter >> 32 * i & philox.M32 for i in range(4))))  # type: ignore[arg-type]


def test_philox_is_the_published_generator() -> None:
    """The known answers of the paper's own code (kat_vectors of Random123)."""
    assert [f"{w:08x}" for w in philox.block(0, (0, 0, 0, 0))] == ["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]
    ones = 0xFFFFFFFF
    assert [f"{w:08x}" for w in philox.block(2**64 - 1, (ones,) * 4)] == ["408f276d", "41c83b0e", "a20bc7c6", "6d5451fd"]


@pytest.mark.parametrize(("key", "low", "high"), [(5, 0, 7), (2**63 + 9, 2**64 - 3, 1), (1, 256, 2**64 - 1)])
def test_vectors_are_blocks(key: int, low: int, high: int) -> None:
    want = [_word(key, (low | high << 64) + i & 2**128 - 1) for i in range(20)]
    np.testing.assert_array_equal(philox.words(key, low, high, 20), want)
    np.testing.assert_array_equal(philox.words(key, low, high, 3), want[:3])


def test_swapping_without_a_loop_is_fisher_yates() -> None:
    random = np.random.RandomState(0)
    for n in (1, 2, 3, 10, 200):
        partners = np.array([random.randint(i, n) for i in range(n)])
        order = list(range(n))
        for i, j in enumerate(partners):
            order[i], order[j] = order[j], order[i]
        np.testing.assert_array_equal(philox.swapped(partners), order)


def test_set_seed_restarts_everything() -> None:
    def draw() -> list[Any]:
        return [tf.random.uniform([2]).numpy(), tf.random.uniform([2], seed=1).numpy(), tf.random.uniform([2], seed=1).numpy()]

    tf.random.set_seed(3)
    first = draw()
    tf.random.set_seed(3)
    np.testing.assert_array_equal(first, draw())
    assert not np.array_equal(first[1], first[2])


def test_a_traced_stream_runs_on_and_restarts() -> None:
    tf.random.set_seed(3)
    graph = trace(lambda: [tf.random.uniform([2]), tf.random.normal([2]), tf.random.shuffle(tf.range(5))])
    first, second = interpreter.run(graph, []), interpreter.run(graph, [])
    assert not np.array_equal(first[0], second[0])
    tf.random.set_seed(3)
    for a, b in zip(first, interpreter.run(graph, []), strict=True):
        np.testing.assert_array_equal(a, b)


def test_traces_that_share_streams_go_on() -> None:
    """A function traced for two batch sizes draws what one traced for any size would."""
    tf.random.set_seed(4)
    single = trace(lambda: tf.random.uniform([4]))
    want = [interpreter.run(single, [])[0] for _ in range(2)]
    tf.random.set_seed(4)
    streams: dict[Any, Any] = {}
    found = []
    for size in (4, 3):
        made = Trace()
        made.streams = streams
        with made.active():
            out = tf.random.uniform([size])
        found.append(interpreter.run(made.finish([out]), [])[0])
    np.testing.assert_array_equal(found[0], want[0])
    np.testing.assert_array_equal(found[1], want[1][:3])


def test_a_generator_in_a_trace_moves_its_state() -> None:
    eager, traced = tf.random.Generator.from_seed(5), tf.random.Generator.from_seed(5)
    graph = trace(lambda: [traced.uniform([3]), traced.normal([3]), traced.uniform([3], maxval=9, dtype=tf.int32)])
    for _ in range(2):
        for got, want in zip(
            interpreter.run(graph, []), [eager.uniform([3]), eager.normal([3]), eager.uniform([3], maxval=9, dtype=tf.int32)], strict=True
        ):
            np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(traced.state.numpy(), eager.state.numpy())


def test_unseeded_numbers_differ_from_call_to_call() -> None:
    a, b = tf.random.Generator.from_non_deterministic_state(), tf.random.Generator.from_non_deterministic_state()
    assert not np.array_equal(a.uniform([4]), b.uniform([4]))


def test_distributions_have_their_moments() -> None:
    tf.random.set_seed(1)
    n = tf.random.normal([20000], 2.0, 3.0).numpy()
    assert abs(n.mean() - 2) < 0.1
    assert abs(n.std() - 3) < 0.1
    t = tf.random.truncated_normal([20000]).numpy()
    assert np.abs(t).max() < 2
    assert abs(t.std() - 0.8796) < 0.02
    k = tf.random.uniform([20000], -3, 4, tf.int32).numpy()
    assert set(k) == set(range(-3, 4))


def test_fit_shuffle_is_a_permutation_each_time() -> None:
    stream = RandomShuffleStream(5, 0)
    first, second = stream.order(1000), stream.order(1000)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert not np.array_equal(first, second)


def test_dropout_keeps_the_mean_and_its_slices() -> None:
    tf.random.set_seed(1)
    y = tf.nn.dropout(tf.ones([200, 50]), 0.25).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs(y.mean() - 1) < 0.05
    rows = tf.nn.dropout(tf.ones([50, 4]), 0.5, noise_shape=[50, 1]).numpy()
    assert (rows == rows[:, :1]).all()
    x = tf.Variable(tf.ones([8]))
    with tf.GradientTape() as tape:
        out = tf.nn.dropout(x, 0.5)
    np.testing.assert_array_equal(tape.gradient(out, x), out)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tf.random.uniform([2], 5, 5, tf.int32), tf.errors.InvalidArgumentError, "Need minval < maxval, got 5 >= 5"),
        (lambda: tf.random.uniform([2], dtype=tf.int32), ValueError, "Must specify maxval"),
        (lambda: tf.random.uniform([2], dtype=tf.int8), ValueError, "Invalid dtype tf.int8"),
        (lambda: tf.random.normal([2], dtype=tf.int32), TypeError, "floating point"),
        (lambda: tf.random.uniform([-2]), tf.errors.InvalidArgumentError, "must be >= 0"),
        (lambda: tf.random.uniform([2.5]), tf.errors.InvalidArgumentError, "whole numbers"),
        (lambda: tf.random.categorical([1.0, 2.0], 3), tf.errors.InvalidArgumentError, "should be a matrix"),
        (lambda: tf.random.stateless_uniform([3], [1, 2, 3]), tf.errors.InvalidArgumentError, r"shape \[2\], not \[3\]"),
        (lambda: tf.nn.dropout([1.0], 1.0), ValueError, r"in the range \[0, 1\)"),
        (lambda: tf.nn.dropout([1], 0.5), ValueError, "floating point tensor"),
        (lambda: tf.random.Generator.from_seed(1, alg="threefry"), ValueError, "threefry"),
    ],
)
def test_wrong_input_is_explained(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
