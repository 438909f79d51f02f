"""Orders and random numbers of data sets are TensorFlow 2.4's own; the expected ones were recorded there after set_seed(5)."""

import numpy as np
import pytest

import millstream as tf

Dataset = tf.data.Dataset
SOURCES = {
    "elements": Dataset.range,
    "rows": lambda n: Dataset.from_tensor_slices(np.arange(n)),
}


def orders(make, passes=2):
    """The orders of several passes of a data set made after set_seed(5)."""
    tf.random.set_seed(5)
    data = make()
    return [[int(x) for x in data] for _ in range(passes)]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_shuffle_without_seed_draws_one_when_it_is_made(source):
    first = [9, 4, 2, 10, 5, 6, 3, 11, 8, 7, 1, 0]
    assert orders(lambda: source(12).shuffle(12)) == [first, [11, 6, 4, 8, 10, 1, 9, 0, 2, 7, 3, 5]]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_small_buffer_and_a_seed(source):
    wanted = [[0, 3, 4, 2, 5, 7, 9, 1, 8, 6, 10, 11], [2, 1, 4, 6, 0, 3, 8, 10, 7, 11, 5, 9]]
    assert orders(lambda: source(12).shuffle(4, seed=3)) == wanted


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_same_order_again(source):
    def third():
        source(12).shuffle(12)  # draws the first seed
        return source(12).shuffle(5, reshuffle_each_iteration=False)

    assert orders(third) == [[2, 5, 0, 6, 4, 7, 3, 10, 9, 11, 1, 8]] * 2


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_each_repetition_is_a_pass(source):
    def fourth():
        for _ in range(2):
            source(12).shuffle(12)
        return source(5).shuffle(3).repeat(2)

    assert orders(fourth) == [[0, 2, 3, 4, 1, 2, 1, 0, 4, 3], [2, 3, 4, 1, 0, 0, 1, 4, 2, 3]]


def test_rows_and_elements_are_shuffled_alike_beyond_a_block():
    def make(source):
        return lambda: source(9000).repeat(2).shuffle(100, seed=1)

    assert orders(make(SOURCES["rows"]), 1) == orders(make(SOURCES["elements"]), 1)


def test_random_numbers_of_map_begin_anew_with_each_pass():
    tf.random.set_seed(5)
    data = Dataset.range(3).map(lambda i: tf.random.uniform([2]))
    wanted = [
        [0.18286478519439697, 0.6899895668029785],
        [0.9363871812820435, 0.6513270139694214],
        [0.06604480743408203, 0.48454856872558594],
    ]
    assert [x.numpy().tolist() for x in data] == wanted
    assert [x.numpy().tolist() for x in data] == wanted


def test_map_draws_no_seeds_from_the_program():
    tf.random.set_seed(5)
    alone = tf.random.uniform([2]).numpy().tolist()
    tf.random.set_seed(5)
    list(Dataset.range(3).map(lambda i: tf.random.uniform([2])))
    assert tf.random.uniform([2]).numpy().tolist() == alone


def test_random_numbers_of_map_run_on_when_it_is_repeated():
    tf.random.set_seed(5)
    once = [x.numpy().tolist() for x in Dataset.range(4).map(lambda i: tf.random.uniform([2]))]
    twice = Dataset.range(2).map(lambda i: tf.random.uniform([2])).repeat(2)
    assert [x.numpy().tolist() for x in twice] == once
    assert [x.numpy().tolist() for x in twice] == once
