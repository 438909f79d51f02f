"""TensorShape: equality, arithmetic, unknown sizes."""

import copy
import pickle
from typing import Any

import pytest

import millstream as tf

UNKNOWN = tf.TensorShape(None)


def test_it_is_compared_with_lists_and_tuples() -> None:
    assert tf.TensorShape([1, 2]) == [1, 2]
    assert tf.TensorShape([1, 2]) == (1, 2)
    assert tf.TensorShape([1, 2]) != (1, 3)
    assert tf.TensorShape([]) == ()
    assert tf.TensorShape(None) != ()
    assert tf.TensorShape(5) == [5]


@pytest.mark.parametrize(
    ("shape", "text", "representation"),
    [([], "()", "TensorShape([])"), ([3], "(3,)", "TensorShape([3])"), ([1, None], "(1, None)", "TensorShape([1, None])"), (None, "<unknown>", "TensorShape(None)")],
)  # fmt: skip
def test_text(shape: Any, text: str, representation: str) -> None:
    assert (str(tf.TensorShape(shape)), repr(tf.TensorShape(shape))) == (text, representation)


def test_parts_and_sums() -> None:
    shape = tf.TensorShape([2, 3, 4])
    assert shape[0] == 2
    assert shape[1:] == [3, 4]
    assert isinstance(shape[1:], tf.TensorShape)
    assert shape + (5,) == [2, 3, 4, 5]  # noqa: RUF005  (the operator is what is tested)
    assert [5] + shape == [5, 2, 3, 4]  # noqa: RUF005
    assert shape.num_elements() == 24
    assert (shape + UNKNOWN).rank is None


@pytest.mark.parametrize(("bad", "error"), [(-1, ValueError), ([2, -1], ValueError), ("a", TypeError), ([2, "a"], TypeError)])
def test_what_is_no_shape(bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        tf.TensorShape(bad)


def test_unknown_sizes_merge() -> None:
    assert tf.TensorShape([None, 2]).merge_with([3, None]) == [3, 2]
    assert tf.TensorShape([None, 2]).is_compatible_with([7, 2])
    assert not tf.TensorShape([None, 2]).is_compatible_with([7, 3])
    assert tf.TensorShape([3, 2]).most_specific_compatible_shape([3, 4]) == [3, None]
    with pytest.raises(ValueError, match="incompatible"):
        tf.TensorShape([1]).merge_with([2])


def test_an_unknown_rank_has_no_length() -> None:
    assert not UNKNOWN
    assert UNKNOWN.rank is None
    for use in (len, lambda s: s.as_list(), lambda s: s.assert_is_fully_defined()):
        with pytest.raises(ValueError, match="unknown|not fully"):
            use(UNKNOWN)


@pytest.mark.parametrize("shape", [[2, None], None, []])
def test_copies_are_equal(shape: Any) -> None:
    made = tf.TensorShape(shape)
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made
    assert len({made, copy.copy(made)}) == 1
