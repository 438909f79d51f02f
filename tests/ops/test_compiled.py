"""Compiled code agrees with the meaning, for every sample of every op."""

import numpy as np
import pytest

import millstream as tf
from millstream.core.op import Op, ops
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.graph.trace import Trace
from millstream.runtime.executable import Executable

tf.add, tf.nn.conv2d  # noqa: B018  (loads the ops)
COMPILED_KINDS = ("scalar", "reduction", "contraction", "expand", "view", "random", "layout", "kernel")
CASES = [pytest.param(op, id=op.name) for op in ops() if op.samples is not None and any(k in op.rules for k in COMPILED_KINDS)]
# float32: the compiled polynomials differ from NumPy's in the last places; float64 calls the C library as NumPy does
TOLERANCE = {"float32": (3e-5, 3e-6), "float64": (1e-12, 1e-13)}


@pytest.mark.parametrize("op", CASES)
def test_compiled_equals_eager(op: Op) -> None:
    for sample in op.samples():
        _compare(op, sample)


def _compare(op: Op, sample: Sample) -> None:
    arrays = [np.asarray(a) for a in sample.arrays()]
    with np.errstate(all="ignore"):
        wanted = op.meaning(np, *arrays, **sample.attrs)
    trace = Trace()
    inputs = [trace.input(ArraySpec(a.shape, tf.as_dtype(a.dtype))) for a in arrays]
    with trace.active():
        result = op(*inputs, **sample.attrs)
    many = isinstance(result, tuple)
    executable = Executable(trace.finish(list(result) if many else [result]))
    for got, want in zip(executable(*arrays), [np.asarray(w) for w in (wanted if many else [wanted])], strict=True):
        rtol, scale = TOLERANCE.get(str(want.dtype), (0, 0))
        atol = scale * max(1.0, float(np.abs(want[np.isfinite(want)]).max(initial=0))) if scale else 0  # sums lose digits of their terms
        np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=f"{op.name} {sample.name}")
        assert np.asarray(got).dtype == want.dtype
