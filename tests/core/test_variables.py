"""Variables: assignments, snapshots, copies, names."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import millstream as tf


def test_assignments() -> None:
    w = tf.Variable([1.0, 2.0])
    w.assign([3, 4])
    w.assign_add(np.array([1.0, 1.0]))
    w.assign_sub(tf.constant([0.5, 0.5]))
    assert w.numpy().tolist() == [3.5, 4.5]


def test_a_value_read_before_stays() -> None:
    w = tf.Variable([1.0])
    before, array = w.read_value(), w.numpy()
    w.assign_add([1.0])
    array[0] = 9
    assert (before.numpy().tolist(), w.numpy().tolist()) == ([1.0], [2.0])


def test_what_an_assignment_returns_is_the_variable() -> None:
    w = tf.Variable(1.0)
    unread = w.assign(2.0)
    assert isinstance(unread, tf.Variable)
    assert repr(unread) == "<tf.Variable 'UnreadVariable' shape=() dtype=float32, numpy=2.0>"
    unread.assign_add(3.0).assign_sub(1.0)
    assert (float(w), float(unread), float(unread * 2)) == (4.0, 4.0, 8.0)
    assert w.assign(1.0, read_value=False) is None
    assert pickle.loads(pickle.dumps(unread)).name == copy.deepcopy(unread).name == "Variable:0"
    with tf.GradientTape() as tape:
        y = w.assign_add(1.0) * w
    assert float(tape.gradient(y, w)) == 4.0


@pytest.mark.parametrize(
    ("value", "error"), [([1.0, 2.0], ValueError), ("a", TypeError), (tf.constant(1), ValueError), (tf.constant(1.0, tf.float64), ValueError), (None, ValueError)]
)  # fmt: skip
def test_what_cannot_be_assigned(value: Any, error: type[Exception]) -> None:
    w = tf.Variable(1.0)
    with pytest.raises(error):
        w.assign(value)
    assert float(w) == 1.0


def test_adding_does_not_broadcast() -> None:
    w = tf.Variable([1.0, 2.0])
    for change in (w.assign_add, w.assign_sub):
        with pytest.raises(tf.errors.InvalidArgumentError, match="shapes must be equal"):
            change(1.0)
    assert w.numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))])
def test_copies_are_independent(make: Any) -> None:
    w = tf.Variable([1.0], name="w", trainable=False)
    made = make(w)
    w.assign([2.0])
    made.assign_add([5.0])
    assert (w.numpy().tolist(), made.numpy().tolist()) == ([2.0], [6.0])
    assert (made.name, made.trainable) == ("w:0", False)


def test_initial_values() -> None:
    assert tf.Variable(lambda: 1.5).dtype == tf.float32
    assert tf.Variable(1, dtype=tf.float64).numpy() == 1.0
    assert tf.Variable(tf.Variable(2.0)).numpy() == 2.0
    assert tf.Variable([1.0], shape=[None]).shape == [None]
    for bad in (
        {},
        {"initial_value": None},
        {"initial_value": [1.0], "shape": [2]},
        {"initial_value": tf.constant(1), "dtype": tf.float32},
    ):
        with pytest.raises(ValueError, match="initial|requested dtype"):
            tf.Variable(**bad)


def test_variables_of_unknown_size_change_their_shape() -> None:
    w = tf.Variable([1.0], shape=[None])
    w.assign([1.0, 2.0])
    assert w.numpy().tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="incompatible"):
        w.assign([[1.0]])


def test_python_protocols() -> None:
    w = tf.Variable(2.5)
    assert (int(w), float(w), f"{w.numpy():.1f}", "%.2f" % w, bool(w)) == (2, 2.5, "2.5", "2.50", True)  # noqa: UP031
    assert [10, 20][tf.Variable(1)] == 20
    assert [float(v) for v in tf.Variable([1.0, 2.0])] == [1.0, 2.0]
    assert np.array(tf.Variable([1, 2])).tolist() == [1, 2]
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{w:.2f}"
    with pytest.raises(TypeError, match="item assignment"):
        w[0] = 1.0  # type: ignore[index]


def test_variables_are_keys_by_reference_only() -> None:
    w = tf.Variable(1.0)
    with pytest.raises(TypeError, match="unhashable"):
        hash(w)
    assert w.ref() == w.ref()
    assert w.ref() != tf.Variable(1.0).ref()
    assert w.ref().deref() is w


def test_names_have_their_scopes() -> None:
    with tf.name_scope("a"), tf.name_scope("b"):
        assert tf.Variable(1.0, name="w").name == "a/b/w:0"
    assert tf.Variable(1.0).name == "Variable:0"


def test_comparisons_and_slices() -> None:
    w = tf.Variable([1, 2, 3])
    assert (w == [1, 0, 3]).numpy().tolist() == [True, False, True]
    assert not (w == tf.Variable([1])[:0]).numpy().any()
    assert w[1:].numpy().tolist() == [2, 3]
    with pytest.raises(tf.errors.InvalidArgumentError, match="slice index"):
        w[3]
