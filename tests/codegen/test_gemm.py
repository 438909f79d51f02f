"""The matrix product against NumPy: odd shapes, every tile, masks, strides, threads, epilogues that update in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from millstream.codegen import interpret
from millstream.codegen.kernels.gemm import PACK_BYTES, Tile, gemm, tile_for, tiles
from millstream.codegen.loops import Function, LoopBuilder, Pointer, Value, verify
from millstream.core.machine import NAMES, Machine, machine
from tests.codegen.running import compiled

Run = Callable[[Function, list[Any], int], object]
Operands = tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]

SHAPES = [(1, 1, 1), (3, 5, 0), (7, 17, 9), (33, 40, 20), (50, 10, 64), (13, 128, 3), (0, 4, 4), (4, 0, 4)]
TILES = [*tiles(machine()), Tile(1, 8), Tile(1, 1)]


@cache
def accumulating(
    tile: Tile,
    dtype: str = "float32",
    ragged: bool = True,
    target: Machine | None = None,
    transposed: bool = False,
    single: int | None = None,
) -> Function:
    """C += A B, so that an element handed over twice or never is seen."""

    def extra(b: LoopBuilder, columns: Value) -> tuple[Pointer, Value]:
        return b.pointer("C", dtype), b.size("c_row")

    def epilogue(b: LoopBuilder, context: tuple[Pointer, Value], i: Value, j: Value, value: Value, mask: Value | None) -> None:
        c, c_row = context
        at = i * c_row + j
        b.store(c, at, b.load(c, at, value.type.lanes, mask) + value, mask)

    name = f"gemm_{tile.rows}x{tile.vectors}{tile.uneven}_{dtype}_{ragged}{transposed}{single}"
    return gemm(name, tile, dtype, epilogue, extra, target, ragged, transposed, single)


def operands(shape: tuple[int, ...], dtype: str, transposed: bool, rng: np.random.Generator) -> Operands:
    m, n, k = shape
    a, b, c = (rng.standard_normal(s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    stored = np.ascontiguousarray(a.T) if transposed else a
    strides = (1, max(m, 1)) if transposed else (k, 1)
    return a, b, c, [stored, b, m, n, k, *strides, n, c, n]


def check(
    function: Function, shape: tuple[int, ...], dtype: str = "float32", transposed: bool = False, threads: int = 1, run: Run = compiled
) -> None:
    a, b, c, arguments = operands(shape, dtype, transposed, np.random.default_rng(sum(shape)))
    expected = c + a.astype(np.float64) @ b.astype(np.float64)
    run(function, arguments, threads)
    scale = max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(c, expected, atol=(2e-5 if dtype == "float32" else 1e-13) * scale)


@pytest.mark.parametrize("tile", TILES, ids=str)
def test_every_tile_at_odd_shapes(tile: Tile) -> None:
    for shape in SHAPES:
        check(accumulating(tile), shape)
        check(accumulating(tile), shape, transposed=True, threads=3)


@pytest.mark.parametrize("tile", [Tile(6, 2), Tile(1, 4)], ids=str)
def test_float64(tile: Tile) -> None:
    for shape in SHAPES:
        check(accumulating(tile, "float64"), shape, "float64")


def test_k_longer_than_what_is_packed() -> None:
    tile = Tile(2, 2)
    block = PACK_BYTES // (2 * machine().lanes("float32") * 4)
    for k in (block - 1, block, block + 1, 2 * block + 5):
        check(accumulating(tile), (70, 19, k))
        check(accumulating(tile), (70, 19, k), threads=4)


def test_whole_panels_need_no_masks() -> None:
    width = 2 * machine().lanes("float32")
    check(accumulating(Tile(6, 2), ragged=False), (31, 3 * width, 17), threads=2)


@pytest.mark.parametrize("columns", [1, 7, 8, 10, 15])
def test_one_panel_whose_whole_vectors_are_known(columns: int) -> None:
    """The same bits as the code for any number of columns, compiled and interpreted; nothing outside is touched."""
    lanes = machine().lanes("float32")
    tile = Tile(3, -(-columns // lanes))
    known = accumulating(tile, single=columns // lanes)
    one, other, third = (operands((14, columns, 9), "float32", False, np.random.default_rng(1)) for _ in range(3))
    compiled(accumulating(tile), one[3])
    compiled(known, other[3], 2)
    interpret.run(known, third[3])
    np.testing.assert_array_equal(one[2], other[2])
    np.testing.assert_allclose(third[2], one[2], rtol=1e-6)


def test_interpreter_agrees() -> None:
    verify(accumulating(Tile(3, 2)))
    check(accumulating(Tile(3, 2)), (5, 20, 6), threads=2, run=interpret.run)


def test_reads_nothing_outside() -> None:
    """The interpreter raises for any element outside an array, masked lanes excepted."""
    for name in NAMES:
        target = machine(name)
        f = accumulating(tile_for(5, 19, target), target=target)
        check(f, (5, 19, 3), run=interpret.run)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tile", [Tile(4, 2), Tile(6, 2), Tile(1, 1), Tile(3, 3)], ids=str)
def test_b_column_by_column(tile: Tile, dtype: str) -> None:
    """The same bits as the product with B row by row."""
    plain, columnwise = accumulating(tile, dtype), accumulating(tile, dtype, transposed=True)
    for shape in [*SHAPES, (9, 21, 1100)]:
        _, b, expected, arguments = operands(shape, dtype, False, np.random.default_rng(6))
        got = expected.copy()
        compiled(plain, arguments, 2)
        compiled(columnwise, [arguments[0], np.ascontiguousarray(b.T), *arguments[2:7], shape[2], got, shape[1]], 2)
        np.testing.assert_array_equal(got, expected)


def test_b_column_by_column_reads_nothing_outside() -> None:
    a, b, c, arguments = operands((5, 19, 11), "float32", False, np.random.default_rng(6))
    expected = c + a @ b
    interpret.run(accumulating(Tile(4, 2), transposed=True), [a, np.ascontiguousarray(b.T), *arguments[2:7], 11, c, 19], 2)
    np.testing.assert_allclose(c, expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_threads_change_no_bit(count: int) -> None:
    one, many = (operands((61, 70, 40), "float32", False, np.random.default_rng(1)) for _ in range(2))
    compiled(accumulating(Tile(6, 2, True)), one[3], 1)
    compiled(accumulating(Tile(6, 2, True)), many[3], count)
    np.testing.assert_array_equal(one[2], many[2])


def test_the_number_of_rows_changes_no_bit() -> None:
    """A row's sums do not depend on the rows beside it: a partial batch gives the same predictions."""
    big = operands((32, 20, 50), "float32", False, np.random.default_rng(2))
    small = operands((32, 20, 50), "float32", False, np.random.default_rng(2))
    small[3][2] = 5
    compiled(accumulating(Tile(6, 2, True)), big[3])
    compiled(accumulating(Tile(6, 2, True)), small[3])
    np.testing.assert_array_equal(big[2][:5], small[2][:5])


def test_tiles_fit_the_registers() -> None:
    for name in NAMES:
        for tile in tiles(machine(name)):
            assert tile.rows * tile.vectors + tile.vectors + 1 <= machine(name).registers


def test_tile_for_wastes_little() -> None:
    host = machine("avx2")
    assert tile_for(32, 128, host) == (6, 2, True)
    assert tile_for(1, 128, host).rows == 1
    assert tile_for(512, 512, host) in (Tile(6, 2), Tile(4, 3))
    assert 32 % tile_for(32, 128, machine("avx512")).rows == 0
    assert tile_for(32, 10, machine("avx512")).vectors == 1
