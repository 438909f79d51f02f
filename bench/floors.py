"""The least work of each workload: arithmetic of its products, and bytes that must come from memory.

    N batch   H W space   C D channels in and out   K kernel   T time steps
A product counts 2 operations a multiply-add: forward, gradient of the weights, gradient of the input (not of the first
layer's, which nobody asks for). Elementwise work is left out: it can hide behind the products.
Bytes: the data read once, and Adam's 24 bytes a parameter (value, first and second moment, read and written).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Work(NamedTuple):
    """Operations and bytes of one unit of a workload (a step, an epoch, a call)."""

    flops: float
    bytes: float


@dataclass(frozen=True)
class Product:
    """One layer's forward product for one example, and how many weights it has."""

    flops: int
    weights: int


@dataclass(frozen=True)
class Net:
    """Products in order; the first one needs no gradient of its input."""

    products: tuple[Product, ...]
    batch: int = 32

    @property
    def forward(self) -> int:
        """Operations of one example forward."""
        return sum(p.flops for p in self.products)

    @property
    def training(self) -> int:
        """Operations of one example forward and backward."""
        return 3 * self.forward - self.products[0].flops

    @property
    def weights(self) -> int:
        """Numbers that are trained."""
        return sum(p.weights for p in self.products)

    def step(self) -> Work:
        """One training step of a batch with Adam."""
        return Work(self.batch * self.training, 24 * self.weights)


def dense(inputs: int, outputs: int) -> Product:
    """y = x W."""
    return Product(2 * inputs * outputs, inputs * outputs)


def conv(side: int, c: int, d: int, k: int = 3) -> Product:
    """A convolution whose output is side x side."""
    return Product(2 * side * side * k * k * c * d, k * k * c * d)


def recurrent(gates: int, inputs: int, units: int, steps: int = 60) -> tuple[Product, Product]:
    """The product with the input and the one with the state, of all gates and steps."""
    each = gates * units
    return Product(2 * steps * each * inputs, each * inputs), Product(2 * steps * each * units, each * units)


def _vgg() -> Net:
    sizes = [(32, 3, 64), (32, 64, 64), (16, 64, 128), (16, 128, 128), (8, 128, 256), (8, 256, 256), (8, 256, 256),
             (4, 256, 512), (4, 512, 512), (4, 512, 512), (2, 512, 512), (2, 512, 512), (2, 512, 512)]  # fmt: skip
    return Net((*[conv(*s) for s in sizes], dense(512, 512), dense(512, 512), dense(512, 10)))


def _inception_block(side: int, c: int, d: int) -> list[Product]:
    """Four branches: 1x1; 1x1 then 3x3; 1x1 then 5x5; pooling then 1x1."""
    return [conv(side, c, d, 1), conv(side, c, d, 1), conv(side, d, d), conv(side, c, d, 1), conv(side, d, d, 5), conv(side, c, d, 1)]


def _inception() -> Net:
    blocks = _inception_block(16, 16, 16) + _inception_block(16, 64, 16) + _inception_block(8, 64, 32) + _inception_block(8, 128, 32)
    return Net((conv(32, 3, 16), *blocks, dense(128, 10)))


def _resnet() -> Net:
    products, before = [conv(32, 3, 64)], 64
    for side, d in ((32, 64), (16, 128), (8, 256), (4, 512)):
        products += [conv(side, before, d), conv(side, d, d)] + ([conv(side, before, d, 1)] if before != d else [])
        products += [conv(side, d, d), conv(side, d, d)]
        before = d
    return Net((*products, dense(512, 10)))


MLP = Net((dense(784, 128), dense(128, 10)))
IRIS = Net((dense(4, 3),))
NETS = {
    "lenet": Net((conv(28, 3, 6, 5), conv(10, 6, 16, 5), dense(400, 120), dense(120, 84), dense(84, 10))),
    "baseline": Net((conv(32, 3, 6, 5), dense(16 * 16 * 6, 128), dense(128, 10))),
    "alexnet8": Net((conv(30, 3, 96), conv(12, 96, 256), conv(5, 256, 384), conv(5, 384, 384), conv(5, 384, 256),
                     dense(1024, 2048), dense(2048, 2048), dense(2048, 10))),
    "vgg16": _vgg(),
    "inception10": _inception(),
    "resnet18": _resnet(),
    "lstm": Net((*recurrent(4, 1, 80), *recurrent(4, 80, 100), dense(100, 1)), 64),
    "gru": Net((*recurrent(3, 1, 80), *recurrent(3, 80, 100), dense(100, 1)), 64),
}  # fmt: skip


def _mnist_epoch() -> Work:
    """60,000 images trained on, 10,000 evaluated; they come as float64."""
    return Work(60_000 * MLP.training + 10_000 * MLP.forward, 70_000 * 784 * 8)


def _iris() -> Work:
    """500 epochs of 120 flowers, 30 more evaluated every 20th; all of it fits the first cache."""
    return Work(500 * 120 * IRIS.training + 25 * 30 * IRIS.forward, 0)


def work_of(workload: str) -> Work | None:
    """What one unit of a workload cannot do without; None where overhead is all there is."""
    epoch = _mnist_epoch()
    single = {
        "mnist_mlp": epoch,
        "mnist_mlp_cold": Work(5 * epoch.flops, 5 * epoch.bytes),
        "iris": _iris(),
        "predict_1": Work(MLP.forward, 0),
        "matmul_512": Work(2 * 512**3, 0),
        "conv3x3_64_56": Work(32 * conv(56, 64, 64).flops, 0),
    }
    return single[workload] if workload in single else NETS[workload].step() if workload in NETS else None
