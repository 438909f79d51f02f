"""Views read memory as NumPy's views do, whatever chain of reshapes, transposes, broadcasts and slices made them."""

import numpy as np
import pytest

from millstream.graph.views import View, merged_axes


def read(view: View, memory: np.ndarray) -> np.ndarray:
    strides = tuple(s * memory.itemsize for s in view.strides)
    return np.lib.stride_tricks.as_strided(memory[view.offset :], view.shape, strides)


@pytest.mark.parametrize("seed", range(40))
def test_chain_of_views_reads_like_numpy(seed: int) -> None:
    random = np.random.RandomState(seed)
    memory = np.arange(2 * 3 * 4 * 6)
    view, array = View.whole((2, 3, 4, 6)), memory.reshape(2, 3, 4, 6)
    for _ in range(5):
        changed = _step(random, view, array)
        if changed is None:
            continue
        view, array = changed
        np.testing.assert_array_equal(read(view, memory), array)


def _step(random: np.random.RandomState, view: View, array: np.ndarray) -> tuple[View, np.ndarray] | None:
    kind = random.randint(4)
    if kind == 0:
        perm = tuple(int(p) for p in random.permutation(array.ndim))
        return view.transpose(perm), array.transpose(perm)
    if kind == 1:
        begin = tuple(int(random.randint(n)) for n in array.shape)
        shape = tuple(n - b for n, b in zip(array.shape, begin, strict=True))
        sliced = view.slice(begin, shape, (1,) * array.ndim)
        assert sliced is not None
        return sliced, array[tuple(slice(b, None) for b in begin)]
    if kind == 2:
        return view.broadcast((2, *array.shape)), np.broadcast_to(array, (2, *array.shape))
    shape = (array.shape[0] * array.shape[1], *array.shape[2:]) if array.ndim > 1 else (1, *array.shape)
    reshaped = view.reshape(shape)
    return None if reshaped is None else (reshaped, array.reshape(shape))


def test_reshape_of_a_transposed_view_needs_a_copy() -> None:
    assert View.whole((3, 4)).transpose((1, 0)).reshape((12,)) is None


def test_rows_of_a_batch_stay_the_first_axis() -> None:
    batch = View.whole((8, 3, 4), gathered=True)
    flat = batch.reshape((8, 12))
    assert flat is not None
    assert (flat.shape, flat.strides, flat.gathered) == ((8, 12), (12, 1), 0)
    assert batch.reshape((24, 4)) is None
    assert batch.slice((1, 0, 0), (7, 3, 4), (1, 1, 1)) is None


def test_axes_merge_where_every_operand_allows_it() -> None:
    assert merged_axes((2, 3, 4), [(12, 4, 1), (12, 4, 1)]) == [(24, (1, 1))]
    assert merged_axes((2, 3, 4), [(12, 4, 1), (0, 4, 1)]) == [(2, (12, 0)), (12, (1, 1))]
    assert merged_axes((1, 5, 1), [(5, 1, 1)]) == [(5, (1,))]
