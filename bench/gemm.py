"""GFLOP/s of the compiled matrix product beside the machine's peak, measured in the same run, and beside NumPy's.

    python -m bench.gemm [MxKxN ...]

    M rows of A and C   K the reduction   N columns of B and C
Each product runs some hundred times in one native call; the cycle counter gives every single one. A figure is the median,
so that a preempted thread does not count; the best is beside it.
Gate: 92% of one core's peak at 512x512x512, and 1.85 times that on two cores.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import numpy as np

from bench.limits import measure
from millstream.codegen.kernels.gemm import gemm, tile_for
from millstream.codegen.loops import LoopBuilder, Pointer, Value
from millstream.runtime import kernels
from millstream.runtime.memory import address, aligned_empty
from millstream.runtime.threads import Plan, run

SIZES = ("512x512x512", "32x784x128", "784x32x128", "32x128x10", "128x576x128")
SECONDS = 0.3  # of one measurement
GATE, SCALING_GATE = 0.92, 1.85


class Size(NamedTuple):
    """C [M, N] = A [M, K] B [K, N]."""

    m: int
    k: int
    n: int

    @property
    def flops(self) -> int:
        """A multiply-add is two."""
        return 2 * self.m * self.k * self.n


def parse(text: str) -> Size:
    """MxKxN.

    >>> parse("32x784x128")
    Size(m=32, k=784, n=128)
    """
    return Size(*[int(v) for v in text.split("x")])


class Product:
    """One product's machine code, bound to arrays."""

    def __init__(self, size: Size) -> None:
        tile = tile_for(size.m, size.n)
        function = gemm(f"product_{tile.rows}_{tile.vectors}", tile, "float32", store, output)
        r = np.random.default_rng(0)
        self.a, self.b, self.c = (aligned_empty(shape, np.float32) for shape in ((size.m, size.k), (size.k, size.n), (size.m, size.n)))
        self.a[...], self.b[...] = r.standard_normal(self.a.shape), r.standard_normal(self.b.shape)
        values = [address(self.a), address(self.b), size.m, size.n, size.k, size.k, 1, size.n, address(self.c), size.n]
        self.arguments = np.array(values, np.int64)
        self.plan = Plan()
        self.plan.add(kernels.compile([function])[function.name], address(self.arguments))
        self.size = size

    def check(self) -> None:
        """Raises: AssertionError when the result is not NumPy's."""
        run(self.plan, threads=1)
        np.testing.assert_allclose(self.c, self.a @ self.b, rtol=1e-4, atol=1e-3)

    def gflops(self, threads: int) -> tuple[float, float]:
        """Median and best."""
        count = max(10, int(SECONDS / (self.size.flops / 1e11)))
        run(self.plan, steps=max(1, count // 10), threads=threads)
        times = np.zeros(count + 1, np.int64)
        start = time.perf_counter()
        run(self.plan, steps=count, threads=threads, times=times)
        rate = (times[-1] - times[0]) / (time.perf_counter() - start)  # counts of the cycle counter a second
        each = np.diff(times) / rate
        return self.size.flops / float(np.median(each)) / 1e9, self.size.flops / float(each.min()) / 1e9


def output(b: LoopBuilder, columns: Value) -> tuple[Pointer, Value]:
    """The parameters after the product's own: C and its row stride."""
    return b.pointer("C", "float32"), b.size("c_row")


def store(b: LoopBuilder, context: Any, i: Value, j: Value, value: Value, mask: Value | None) -> None:
    """The plainest epilogue."""
    b.store(context[0], i * context[1] + j, value, mask)


def numpys(product: Product) -> float:
    """NumPy's own product on as many threads as it likes, GFLOP/s."""
    count = max(10, int(SECONDS / (product.size.flops / 5e10)))
    each = []
    for _ in range(count):
        start = time.perf_counter()
        np.matmul(product.a, product.b, out=product.c)
        each.append(time.perf_counter() - start)
    return product.size.flops / float(np.median(each)) / 1e9


def main() -> None:
    """The table."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sizes", nargs="*", default=list(SIZES), metavar="MxKxN")
    limits = measure()
    print(f"peak {limits.peak[1] / 1e9:.1f} GFLOP/s on one core ({limits.vectors})")
    print(f"{'M x K x N':>14}{'threads':>9}{'median':>9}{'best':>8}{'of peak':>9}{'of one thread':>15}{'NumPy':>8}")
    for text in p.parse_args().sizes:
        product = Product(parse(text))
        product.check()
        own = numpys(product)
        single = 0.0
        for threads in sorted({1, min(2, limits.cores)}):
            median, best = product.gflops(threads)
            single = single or median
            share = best / (limits.peak[threads] / 1e9)
            print(f"{text:>14}{threads:9}{median:9.1f}{best:8.1f}{share:9.1%}{median / single:15.2f}{own:8.1f}")
    print(f"gate: {GATE:.0%} of one core's peak at 512x512x512, {SCALING_GATE} times as much on two cores")


if __name__ == "__main__":
    main()
