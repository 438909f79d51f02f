"""Philox words, TensorFlow's shuffle and the transposed copy."""

from __future__ import annotations

import numpy as np
import pytest

from millstream.codegen.kernels.philox import shuffle
from millstream.codegen.kernels.transpose import transpose
from tests.codegen.running import assert_same, compiled

M32 = 0xFFFFFFFF


def philox(counter: int, key: int) -> list[int]:
    """One block in plain Python."""
    c, k = [counter >> 32 * i & M32 for i in range(4)], [key & M32, key >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & M32, (a >> 32) ^ c[3] ^ k[1], a & M32]
        k = [(k[0] + 0x9E3779B9) & M32, (k[1] + 0xBB67AE85) & M32]
    return c


def expected_order(key: int, counter: int, n: int) -> list[int]:
    words = [w for block in range(-(-n // 4) + 1) for w in philox((counter + block) % 2**128, key)]
    order = list(range(n))
    for i in range(n - 1):
        j = i + words[i] % (n - i)
        order[i], order[j] = order[j], order[i]
    return order


def state_of(key: int, counter: int) -> np.ndarray:
    return np.array([key & M32, key >> 32, *(counter >> 32 * i & M32 for i in range(4))], np.uint32)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 32, 33, 34, 200])
@pytest.mark.parametrize("counter", [7 << 64, 2**64 - 3, 2**128 - 2])
def test_shuffle(n: int, counter: int) -> None:
    key, order = 116 | 5 << 32, np.zeros(n, np.int64)
    got = assert_same(shuffle(), [order, n, state_of(key, counter)])
    np.testing.assert_array_equal(got[0], expected_order(key, counter, n))
    moved = (counter + max(0, -(-(n - 1) // 4))) % 2**128
    np.testing.assert_array_equal(got[2], state_of(key, moved))


def test_shuffle_is_tensorflows() -> None:
    """What TensorFlow 2.4.4 gave for three epochs of fit on ten rows after tf.random.set_seed(7)."""
    state, order, epochs = state_of(7, 0), np.zeros(10, np.int64), []
    for _ in range(3):
        compiled(shuffle(), [order, 10, state])
        epochs.append(order.tolist())
    assert epochs == [[7, 5, 4, 0, 3, 6, 9, 2, 8, 1], [6, 3, 5, 4, 0, 8, 7, 2, 1, 9], [0, 1, 2, 8, 6, 4, 7, 5, 3, 9]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (8, 8), (17, 33), (40, 16), (0, 3)])
def test_transpose(shape: tuple[int, ...], dtype: str) -> None:
    source = (np.random.default_rng(3).random(shape) * 100).astype(dtype)
    target = np.zeros(shape[::-1], dtype)
    f = transpose(f"transpose{source.itemsize}", source.itemsize)
    compiled(f, [source, target, *shape, shape[1], shape[0]], 3)
    np.testing.assert_array_equal(target, source.T)


def test_transpose_interpreted() -> None:
    source = np.arange(60, dtype=np.uint32).reshape(5, 12)
    assert_same(transpose("transpose4", 4), [source, np.zeros((12, 5), np.uint32), 5, 12, 12, 5], 2)
