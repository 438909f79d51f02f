"""tf.test and tf.sysconfig: what this build has, and the small helpers of tests."""

import unittest
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.util import tree
from millstream.util.export import export


@export("tf.test.is_gpu_available")
def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Whether there is a GPU: no.

    >>> tf.test.is_gpu_available()
    False
    """
    return False


@export("tf.test.gpu_device_name")
def gpu_device_name() -> str:
    """The name of a GPU: none."""
    return ""


def _built_with(name: str) -> None:
    def built() -> bool:
        return False

    built.__name__, built.__doc__ = f"is_built_with_{name}", "False."
    export(f"tf.test.is_built_with_{name}")(built)


for _name in ("cuda", "gpu_support", "rocm", "xla"):
    _built_with(_name)


@export("tf.test.main")
def main(argv: Any = None) -> None:
    """Run the tests of the calling module."""
    unittest.main(argv=argv)


@export("tf.test.compute_gradient")
def compute_gradient(f: Callable[..., Any], x: Sequence[Any], delta: float = 1e-3) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Jacobians of f at x, from the tape and from differences: each [elements of x_i, elements of f(x)] transposed.

    >>> theory, numbers = tf.test.compute_gradient(lambda x: x * x, [tf.constant([3.0])])
    >>> float(theory[0][0, 0]), round(float(numbers[0][0, 0]), 2)
    (6.0, 6.0)
    """
    inputs = [convert(v) for v in x]
    return tuple(_taped(f, inputs, i) for i in range(len(inputs))), tuple(_differences(f, inputs, i, delta) for i in range(len(inputs)))


def _taped(f: Callable[..., Any], inputs: list[Tensor], i: int) -> Any:
    from millstream.autodiff.tape import GradientTape

    with GradientTape(persistent=True) as tape:
        tape.watch(inputs[i])
        y = convert(f(*inputs))
    rows = []
    for j in range(y.numpy().size):
        seed = np.zeros(y.numpy().size, y.dtype.numpy)
        seed[j] = 1
        g = tape.gradient(y, inputs[i], output_gradients=convert(seed.reshape(tuple(y.shape))))
        rows.append(np.zeros(inputs[i].numpy().size, y.dtype.numpy) if g is None else g.numpy().reshape(-1))
    return np.array(rows)


def _differences(f: Callable[..., Any], inputs: list[Tensor], i: int, delta: float) -> Any:
    base = np.array(inputs[i].numpy())
    columns = []
    for k in range(base.size):
        ends = []
        for sign in (1, -1):
            moved = base.copy().reshape(-1)
            moved[k] += sign * delta
            ends.append(convert(f(*inputs[:i], convert(moved.reshape(base.shape)), *inputs[i + 1 :])).numpy())
        columns.append((ends[0] - ends[1]).reshape(-1) / (2 * delta))
    return np.array(columns).T


@export("tf.test.TestCase")
class TestCase(unittest.TestCase):
    """unittest's TestCase with comparisons of tensors."""

    def evaluate(self, tensors: Any) -> Any:
        """The values as NumPy has them."""
        return tree.map_structure(lambda x: x.numpy() if isinstance(x, (Tensor, Variable)) else x, tensors)

    def assertAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:  # noqa: N802  (TensorFlow's name)
        """Raises: AssertionError unless shapes and values are equal."""
        np.testing.assert_array_equal(self._array(a), self._array(b), msg or "")

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None) -> None:  # noqa: N802
        """Raises: AssertionError unless shapes are equal and values near."""
        if isinstance(a, dict):
            self.assertEqual(sorted(a), sorted(b), msg)  # noqa: PT009  (this is unittest)
            for k in a:
                self.assertAllClose(a[k], b[k], rtol, atol, msg)
            return
        first, second = self._array(a), self._array(b)
        self.assertEqual(first.shape, second.shape, msg)  # noqa: PT009
        np.testing.assert_allclose(first, second, rtol, atol, err_msg=msg or "")

    def assertNotAllClose(self, a: Any, b: Any, **kwargs: Any) -> None:  # noqa: N802
        """Raises: AssertionError when shapes are equal and values near."""
        try:
            self.assertAllClose(a, b, **kwargs)
        except AssertionError:
            return
        raise AssertionError("The two values are close at all elements")

    def assertShapeEqual(self, np_array: Any, tf_tensor: Any, msg: str | None = None) -> None:  # noqa: N802
        """Raises: AssertionError unless shapes are equal."""
        self.assertEqual(tuple(np.shape(np_array)), tuple(tf_tensor.shape), msg)  # noqa: PT009

    def _array(self, x: Any) -> Any:
        return np.asarray(self.evaluate(x))
