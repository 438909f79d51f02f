"""GradientTape: what it records, how often it can be used, what it gives for what is not connected."""

import logging
from typing import Any

import numpy as np
import pytest

import millstream as tf


def squared(x: Any, **options: Any) -> tuple[Any, Any]:
    """A tape that watched x, and x * x."""
    with tf.GradientTape(**options) as tape:
        tape.watch(x)
        y = x * x
    return tape, y


def values(x: Any) -> Any:
    return x.numpy().tolist()


# ---------------------------------------------------------------------------------------------- how often
def test_a_tape_can_be_used_once() -> None:
    x = tf.constant(3.0)
    for first in ("gradient", "jacobian"):
        tape, y = squared(x)
        getattr(tape, first)(y, x)
        for second in (tape.gradient, tape.jacobian):
            with pytest.raises(RuntimeError, match="persistent=True"):
                second(y, x)


def test_a_persistent_tape_can_be_used_again() -> None:
    x = tf.constant(3.0)
    tape, y = squared(x, persistent=True)
    assert [values(tape.gradient(y, x)) for _ in range(2)] == [6.0, 6.0]
    assert values(tape.jacobian(y, x)) == 6.0


def test_a_tape_that_was_never_entered_has_no_gradient() -> None:
    with pytest.raises(RuntimeError, match="`with` block"):
        tf.GradientTape().gradient(tf.constant(1.0), tf.Variable(1.0))


def test_gradient_inside_the_block_ends_the_recording() -> None:
    w = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        assert values(tape.gradient(w * w, w)) == 4.0
        _ = w * w
    assert tape._records == []


def test_a_tape_cannot_be_entered_twice_at_once() -> None:
    tape = tf.GradientTape()
    with tape, pytest.raises(ValueError, match="still recording"), tape:
        pass


# ---------------------------------------------------------------------------------------------- what is recorded
def test_watch() -> None:
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        before = x * x
        tape.watch([x, {"a": tf.Variable(1.0)}])
        both = before + x * x
    assert len(tape.watched_variables()) == 1
    assert [values(g) for g in tape.gradient([both], [x])] == [4.0]
    with tf.GradientTape() as tape, pytest.raises(ValueError, match="Passed in object of type <class 'float'>"):
        tape.watch(1.0)


def test_a_tensor_that_is_not_watched_has_no_gradient() -> None:
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert tape.gradient(y, x) is None


@pytest.mark.parametrize(("trainable", "accessed", "expected"), [(True, True, 4.0), (False, True, None), (True, False, None)])
def test_variables_that_are_watched_by_themselves(trainable: bool, accessed: bool, expected: float | None) -> None:
    w = tf.Variable(2.0, trainable=trainable)
    with tf.GradientTape(watch_accessed_variables=accessed) as tape:
        y = w * w
    found = tape.gradient(y, w)
    assert (None if found is None else values(found)) == expected
    assert len(tape.watched_variables()) == (expected is not None)


def test_stop_recording() -> None:
    w = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = w * w
        with tape.stop_recording():
            z = w * w
        y += z
    assert values(tape.gradient(y, w)) == 6.0
    with pytest.raises(RuntimeError, match="not recording"), tape.stop_recording():
        pass


def test_reset() -> None:
    w = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = w * w
        tape.reset()
        z = w * w * w
    assert tape.gradient(y, w) is None
    assert values(tape.gradient(z, w)) == 27.0
    with pytest.raises(ValueError, match="not recording"):
        tape.reset()


def test_an_assignment_later_does_not_change_the_gradient() -> None:
    w = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = w * w
        w.assign(5.0)
    assert values(tape.gradient(y, w)) == 4.0


@pytest.mark.parametrize("multiply", [tf.matmul, lambda a, b: a @ b])
def test_ops_record_their_inputs_whatever_they_are_called(multiply: Any) -> None:
    a, b = tf.constant([[1.0, 2.0]]), tf.constant([[3.0], [4.0]])
    with tf.GradientTape() as tape:
        tape.watch([a, b])
        y = multiply(a, b)
    assert [values(g) for g in tape.gradient(y, [a, b])] == [[[3.0, 4.0]], [[1.0], [2.0]]]


# ---------------------------------------------------------------------------------------------- what is not connected
def test_unconnected_sources() -> None:
    w, v = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
    with tf.GradientTape(persistent=True) as tape:
        y = w * w
    assert tape.gradient(y, {"w": w, "v": [v]})["v"] == [None]
    for zero in ("zero", tf.UnconnectedGradients.ZERO):
        assert values(tape.gradient(y, v, unconnected_gradients=zero)) == [0.0]
        assert values(tape.jacobian(y, v, unconnected_gradients=zero)) == [[0.0], [0.0]]
    assert tape.jacobian(y, v) is None
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients: 'some'"):
        tape.gradient(y, v, unconnected_gradients="some")


@pytest.mark.parametrize(("target", "source"), [(tf.Variable(2), None), (None, tf.constant(3))])
def test_whole_numbers_have_no_gradient(target: Any, source: Any, caplog: pytest.LogCaptureFixture) -> None:
    x = source if target is None else target
    with caplog.at_level(logging.WARNING, "tensorflow"):
        tape, y = squared(x)
        assert tape.gradient(y, x) is None
    assert (
        "The dtype of the source tensor must be floating (e.g. tf.float32) when calling GradientTape.gradient, got tf.int32"
        in caplog.messages
    )


def test_no_gradient_passes_through_whole_numbers() -> None:
    w = tf.Variable(1.5)
    with tf.GradientTape(persistent=True) as tape:
        whole = tf.cast(w, tf.int32)
        y = tf.cast(whole, tf.float32)
    assert tape.gradient(y, w) is None
    assert tape.gradient(whole, w) is None


@pytest.mark.parametrize(("target", "error"), [(3.0, AttributeError), (np.zeros(2), AttributeError), (None, TypeError)])
def test_targets_and_sources_are_tensors(target: Any, error: type[Exception]) -> None:
    w = tf.Variable(1.0)
    tape, y = squared(w, persistent=True)
    with pytest.raises(error, match="target of a gradient"):
        tape.gradient(target, w)
    with pytest.raises(error, match="source of a gradient"):
        tape.gradient(y, target)


# ---------------------------------------------------------------------------------------------- many targets, weights, higher orders
def test_output_gradients() -> None:
    w = tf.Variable([2.0, 3.0])
    tape, y = squared(w, persistent=True)
    assert values(tape.gradient(y, w, output_gradients=tf.constant([1.0, 10.0]))) == [4.0, 60.0]
    assert values(tape.gradient([y, y], w, output_gradients=[tf.constant([1.0, 10.0]), None])) == [8.0, 66.0]
    with pytest.raises(ValueError, match="1 targets and 2 output_gradients"):
        tape.gradient(y, w, output_gradients=[1.0, 10.0])


def test_targets_are_added_and_sources_keep_their_nesting() -> None:
    w, v = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y, z = w * v, w * w
    found = tape.gradient({"y": y, "z": z}, (w, {"v": v, "again": w}))
    assert values(found[0]) == values(found[1]["again"]) == 7.0
    assert values(found[1]["v"]) == 2.0


def test_the_gradient_of_a_thing_to_itself_is_one() -> None:
    w = tf.Variable(2.0)
    tape, y = squared(w, persistent=True)
    assert values(tape.gradient(y, y)) == values(tape.gradient(w, w)) == 1.0


def test_second_and_third_order_by_nesting() -> None:
    x = tf.Variable(2.0)
    with tf.GradientTape() as third:
        with tf.GradientTape() as second:
            with tf.GradientTape() as first:
                y = x**4.0
            dy = first.gradient(y, x)
        d2y = second.gradient(dy, x)
    assert (values(dy), values(d2y), values(third.gradient(d2y, x))) == (32.0, 48.0, 48.0)


def test_second_order_within_one_persistent_tape() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        dy = tape.gradient(x * x * x, x)
    assert values(tape.gradient(dy, x)) == 18.0


# ---------------------------------------------------------------------------------------------- jacobians
def test_jacobian_shapes_and_values() -> None:
    x, m = tf.constant([1.0, 2.0]), tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, m])
        y, total, scaled = x * x, tf.reduce_sum(x * x), tf.linalg.matvec(m, x)
    assert values(tape.jacobian(y, x)) == [[2.0, 0.0], [0.0, 4.0]]
    assert values(tape.jacobian(total, x)) == [2.0, 4.0]
    to_x, to_m = tape.jacobian(scaled, [x, m])
    assert values(to_x) == values(m)
    assert to_m.shape == (3, 3, 2)
    assert values(to_m) == [[[1.0, 2.0] if i == j else [0.0, 0.0] for j in range(3)] for i in range(3)]


def test_the_hessian_is_the_jacobian_of_the_gradient() -> None:
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = tf.reduce_sum(x * x * x) + x[0] * x[1]
        slope = inner.gradient(y, x)
    assert values(outer.jacobian(slope, x)) == [[6.0, 1.0], [1.0, 12.0]]


def test_batch_jacobian_is_the_diagonal_of_the_jacobian() -> None:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.stack([x, x * x, x * x[:, ::-1]], axis=1)
    whole, batch = tape.jacobian(y, x).numpy(), tape.batch_jacobian(y, x).numpy()
    assert batch.shape == (3, 3, 2, 2)
    assert np.array_equal(batch, np.stack([whole[i, :, :, i] for i in range(3)]))


def test_batch_jacobian_of_what_is_not_connected_is_zero() -> None:
    x = tf.ones((3, 2))
    tape, _ = squared(x)
    assert values(tape.batch_jacobian(tf.ones((3, 1)), x)) == [[[0.0, 0.0]]] * 3


@pytest.mark.parametrize(
    ("target", "source", "message"),
    [((6, 2), (3, 2), "first dimension"), ((3,), (3, 2), "rank at least 2"), ((3, 2), (3,), "rank at least 2")],
)
def test_batch_jacobian_needs_batches_of_one_size(target: Any, source: Any, message: str) -> None:
    tape, _ = squared(tf.ones(source))
    with pytest.raises(ValueError, match=message):
        tape.batch_jacobian(tf.ones(target), tf.ones(source))
