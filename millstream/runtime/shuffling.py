"""The order in which `fit` visits the samples of an epoch: TensorFlow's shuffle, in native code."""

from typing import Any, Protocol

import numpy as np

from millstream.codegen.kernels.philox import shuffle
from millstream.codegen.lower import Kernel
from millstream.runtime import kernels
from millstream.runtime.memory import address
from millstream.runtime.threads import Plan, run

_KERNEL = Kernel("('shuffle',)", shuffle)


class Stream(Protocol):
    """Where a random stream stands: its key, the upper half of its counter, and the blocks used so far."""

    key: int
    high: int
    offset: int


class Shuffler:
    """Draws one order of `count` rows after the other from a stream, into an array that it keeps."""

    def __init__(self, stream: Stream, count: int) -> None:
        self._stream = stream
        self.rows = np.empty(count, np.int64)
        self._state = np.zeros(6, np.uint32)
        self._arguments = np.array([address(self.rows), count, address(self._state)], np.int64)
        self._plan = Plan()
        self._plan.add(kernels.provide([_KERNEL])[_KERNEL.key], address(self._arguments))

    def order(self) -> Any:
        """The next order: int64[count], the same array at every call."""
        stream = self._stream
        counter = stream.offset | (stream.high & _M64) << 64
        self._state[:2] = stream.key & _M32, stream.key >> 32 & _M32
        self._state[2:] = [counter >> shift & _M32 for shift in (0, 32, 64, 96)]
        run(self._plan, 0, 1, 1)
        stream.offset = int(self._state[2]) | int(self._state[3]) << 32
        return self.rows


_M32, _M64 = (1 << 32) - 1, (1 << 64) - 1
