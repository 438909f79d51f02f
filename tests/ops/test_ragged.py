"""Ragged tensors: ways to make them, parts, slices, operators, refusals."""

import numpy as np
import pytest

import millstream as tf

ROWS = [[1, 2], [], [3, 4, 5]]


@pytest.mark.parametrize(
    ("way", "argument"),
    [
        ("from_row_splits", [0, 2, 2, 5]), ("from_row_lengths", [2, 0, 3]), ("from_row_starts", [0, 2, 2]), ("from_row_limits", [2, 2, 5]),
        ("from_value_rowids", [0, 0, 2, 2, 2]),
    ],
)  # fmt: skip
def test_every_way_gives_the_same_rows(way: str, argument: list) -> None:
    made = getattr(tf.RaggedTensor, way)([1, 2, 3, 4, 5], argument)
    assert made.to_list() == ROWS
    assert made.row_splits.numpy().tolist() == [0, 2, 2, 5]
    assert made.shape == [3, None]


def test_parts_and_slices() -> None:
    x = tf.ragged.constant(ROWS)
    assert x[2].numpy().tolist() == [3, 4, 5]
    assert x[-1, 0].numpy() == 3
    assert x[1:].to_list() == [[], [3, 4, 5]]
    assert x[:, :1].to_list() == [[1], [], [3]]
    assert x.bounding_shape().numpy().tolist() == [3, 3]
    assert x.value_rowids().numpy().tolist() == [0, 0, 2, 2, 2]
    assert repr(x) == "<tf.RaggedTensor [[1, 2], [], [3, 4, 5]]>"


def test_rows_of_rows() -> None:
    x = tf.ragged.constant([[[1], [2, 3]], [[4]]])
    assert x.ragged_rank == 2
    assert x.to_tensor().numpy().tolist() == [[[1, 0], [2, 3]], [[4, 0], [0, 0]]]
    assert x.row_lengths(axis=2).to_list() == [[1, 2], [1]]
    assert x[0].to_list() == [[1], [2, 3]]


def test_operators_work_on_values() -> None:
    x = tf.ragged.constant(ROWS)
    assert (x + x).to_list() == [[2, 4], [], [6, 8, 10]]
    assert (10 - x).to_list() == [[9, 8], [], [7, 6, 5]]
    assert (x > 2).to_list() == [[False, False], [], [True, True, True]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="identical ragged splits"):
        x + tf.ragged.constant([[1], [2, 3], [4, 5]])


def test_to_and_from_sparse_and_dense() -> None:
    x = tf.ragged.constant(ROWS)
    assert tf.RaggedTensor.from_sparse(x.to_sparse()).to_list() == ROWS
    assert tf.RaggedTensor.from_tensor(x.to_tensor(), padding=0).to_list() == ROWS
    assert tf.ragged.constant([["a"], []]).to_tensor().numpy().tolist() == [[b"a"], [b""]]
    assert x.to_tensor(shape=[None, 2]).numpy().tolist() == [[1, 2], [0, 0], [3, 4]]
    assert np.array_equal(x.numpy()[2], [3, 4, 5])


def test_wrong_rows_are_explained() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="rise from 0"):
        tf.RaggedTensor.from_row_splits([1, 2], [0, 3])
    with pytest.raises(ValueError, match="nesting depth"):
        tf.ragged.constant([1, [2]])
    with pytest.raises(ValueError, match="factory methods"):
        tf.RaggedTensor([1], [0, 1])
