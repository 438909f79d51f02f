"""Convolutions and pooling compiled: equal to their meaning over many shapes, the same for any number of threads, right at every order of gradient."""

import itertools
from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.op import Op
from millstream.core.spec import ArraySpec
from millstream.graph.trace import Trace
from millstream.ops.nn.convolution import convolution, filter_gradient, input_gradient
from millstream.ops.nn.pooling import avg_pool, avg_pool_gradient, max_pool, max_pool_gradient
from millstream.ops.nn.windows import output_sizes, padding_of
from millstream.runtime.executable import Executable
from millstream.runtime.threads import run

tf.nn.conv2d  # noqa: B018  (loads the rules for kernels)
SHAPES = [  # H, W, C, K, window, strides, padding, dilations
    (8, 8, 3, 6, (5, 5), (1, 1), "SAME", (1, 1)), (14, 14, 6, 16, (5, 5), (1, 1), "VALID", (1, 1)), (9, 7, 33, 17, (3, 3), (1, 1), "SAME", (1, 1)),
    (9, 7, 40, 24, (3, 3), (2, 2), "SAME", (1, 1)), (8, 11, 16, 8, (3, 3), (2, 1), "SAME", (1, 1)), (8, 8, 32, 40, (1, 1), (2, 2), "SAME", (1, 1)),
    (10, 9, 35, 5, (3, 2), (1, 1), "SAME", (2, 2)), (10, 9, 5, 5, (3, 2), (1, 1), "SAME", (2, 3)), (11, 6, 4, 1, (4, 4), (3, 3), "VALID", (1, 1)),
    (7, 7, 36, 3, (5, 5), (2, 2), "SAME", (1, 1)), (1, 30, 2, 9, (1, 3), (1, 1), "SAME", (1, 1)), (3, 3, 64, 16, (3, 3), (1, 1), "VALID", (1, 1)),
    (6, 6, 3, 20, (2, 2), (5, 5), "SAME", (1, 1)), (5, 5, 1, 1, (3, 3), (1, 1), "SAME", (1, 1)),
]  # fmt: skip


def _compiled(op: Op, arrays: list[Any], **attrs: Any) -> Executable:
    trace = Trace()
    inputs = [trace.input(ArraySpec(a.shape, tf.as_dtype(a.dtype))) for a in arrays]
    with trace.active():
        out = op(*inputs, **attrs)
    made = Executable(trace.finish([out]))
    assert all(c.kernel is not None for c in made.calls), "a shape without a kernel"
    made.bind_inputs(arrays)
    return made


def _check(op: Op, arrays: list[Any], **attrs: Any) -> None:
    """One and three threads give the same bits, and the meaning's values."""
    made = _compiled(op, arrays, **attrs)
    found = []
    for threads in (1, 3):
        made._arena[:] = 0xFF  # NaN where nothing is written
        made.bind_variables()
        run(made.plan, 0, 1, threads)
        found.append(made._read(made.prepared.outputs[0]))
    wanted = op.meaning(np, *arrays, **attrs)
    np.testing.assert_array_equal(found[0], found[1])
    tolerance = 3e-6 if wanted.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(found[0], wanted, rtol=0, atol=tolerance * max(1.0, float(np.abs(wanted).max())))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_three_convolutions(case: tuple[Any, ...], dtype: str) -> None:
    h, w, c, k, window, strides, padding, dilations = case
    pads = padding_of(padding, (h, w), window, strides, dilations)
    outs = output_sizes((h, w), window, strides, pads, dilations, "")
    random = np.random.RandomState(0)
    x, f, dy = (random.randn(*s).astype(dtype) for s in ((3, h, w, c), (*window, c, k), (3, *outs, k)))
    geometry = {"strides": strides, "pads": pads, "dilations": dilations, "groups": 1}
    _check(convolution, [x, f], **geometry)
    _check(input_gradient, [dy, f], sizes=(h, w), **geometry)
    _check(filter_gradient, [x, dy], window=window, **geometry)


@pytest.mark.parametrize("channels", [1, 6, 8, 19])
@pytest.mark.parametrize(
    ("window", "strides", "padding"),
    [((2, 2), (2, 2), "VALID"), ((3, 3), (2, 2), "SAME"), ((3, 2), (1, 1), "SAME"), ((2, 2), (3, 3), "SAME")],
)
def test_pooling(window: tuple[int, int], strides: tuple[int, int], padding: str, channels: int) -> None:
    pads = padding_of(padding, (7, 8), window, strides, (1, 1))
    outs = output_sizes((7, 8), window, strides, pads, (1, 1), "")
    random = np.random.RandomState(1)
    x = random.randint(-2, 3, (3, 7, 8, channels)).astype(np.float32)  # many equal maxima
    dy = random.randn(3, *outs, channels).astype(np.float32)
    attrs: dict[str, Any] = {"window": window, "strides": strides, "pads": pads, "dilations": (1, 1)}
    for op, arrays, more in (
        (max_pool, [x], {}),
        (avg_pool, [x], {}),
        (max_pool_gradient, [x, dy], {}),
        (avg_pool_gradient, [dy], {"sizes": (7, 8)}),
    ):
        _check(op, arrays, **attrs, **more)


def test_epilogue_and_strided_operands() -> None:
    random = np.random.RandomState(2)
    x, f, bias, residual = (random.randn(*s).astype(np.float32) for s in ((2, 6, 6, 34), (3, 3, 17, 12), (12,), (2, 6, 6, 24)))
    trace = Trace()
    inputs = [trace.input(ArraySpec(a.shape, tf.float32)) for a in (x, f, bias, residual)]
    with trace.active():
        y = tf.nn.conv2d(inputs[0][:, :, :, 17:], inputs[1], 1, "SAME")
        out = tf.nn.relu(y + inputs[2] + inputs[3][:, :, :, ::2])
        z = tf.concat([out, tf.nn.conv2d(inputs[0][:, :, :, :17], inputs[1], 1, "SAME")], 3)
    got = Executable(trace.finish([z]))(x, f, bias, residual)[0]
    first, second = (tf.nn.conv2d(x[..., a : a + 17], f, 1, "SAME").numpy() for a in (17, 0))
    np.testing.assert_allclose(got, np.concatenate([np.maximum(first + bias + residual[..., ::2], 0), second], 3), rtol=0, atol=2e-4)


def _slope(function: Any, x: Any, direction: Any) -> float:
    step = 1e-6
    return float((function(x + step * direction) - function(x - step * direction)) / (2 * step))


@pytest.mark.parametrize("seed", range(3))
def test_gradients_of_gradients(seed: int) -> None:
    random = np.random.RandomState(seed)
    f, direction = random.randn(3, 3, 2, 3), random.randn(2, 6, 6, 2)
    x = tf.constant(0.3 * random.randn(2, 6, 6, 2))

    def value(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.conv2d(x, f, 2, "SAME")
            total = tf.reduce_sum(tf.nn.avg_pool2d(y * y, 2, 1, "SAME") ** 2) + tf.reduce_sum(tf.nn.max_pool2d(y, 2, 1, "VALID") ** 3)
        return tf.reduce_sum(tf.sin(tape.gradient(total, x) * 0.01))

    with tf.GradientTape() as tape:
        tape.watch(x)
        out = value(x)
    slope = float(tf.reduce_sum(tape.gradient(out, x) * direction))
    assert slope == pytest.approx(_slope(value, x, direction), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("text", "message"), [
    ("tf.nn.conv2d(x, tf.ones([3, 3, 2, 4]), 1, 'SAME')", "input depth must be evenly divisible by filter depth: 3 vs 2"),
    ("tf.nn.conv2d(x[0], tf.ones([3, 3, 3, 4]), 1, 'SAME')", r"input must be 4-dimensional\[4,4,3\].*x\[..., tf.newaxis\]"),
    ("tf.nn.conv2d(x, tf.ones([3, 3, 3, 4]), 1, 'SAME', data_format='NCHW')", "only supports the NHWC tensor format on the CPU"),
    ("tf.nn.conv2d(x, tf.ones([3, 3, 3, 4]), [2, 1, 1, 1], 'SAME')", "strides in the batch and depth dimensions"),
    ("tf.nn.conv2d(x, tf.ones([7, 7, 3, 4]), 1, 'VALID')", "Computed output size would be negative: -2"),
    ("tf.nn.max_pool2d(x[0], 2, 1, 'VALID')", "must have 2 spatial dimensions"),
    ("tf.nn.conv2d(tf.cast(x, tf.uint8), tf.ones([3, 3, 3, 4], tf.uint8), 1, 'SAME')", "got uint8. Convert the input"),
])  # fmt: skip
def test_wrong_calls_are_explained(text: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        eval(text, {"tf": tf, "x": tf.ones([1, 4, 4, 3])})  # noqa: S307  (texts of this file)


def test_every_padding_agrees_with_a_window_at_a_time() -> None:
    random = np.random.RandomState(4)
    x, f = random.randn(1, 5, 6, 2), random.randn(2, 3, 2, 2)
    y = tf.nn.conv2d(x, f, [1, 2, 1, 1], [[0, 0], [1, 0], [2, 1], [0, 0]]).numpy()
    wide = np.pad(x, ((0, 0), (1, 0), (2, 1), (0, 0)))
    for i, j in itertools.product(range(y.shape[1]), range(y.shape[2])):
        np.testing.assert_allclose(y[0, i, j], np.einsum("rsc,rsck->k", wide[0, 2 * i : 2 * i + 2, j : j + 3], f), rtol=1e-12)


@pytest.mark.parametrize(("images", "side", "channels", "columns", "padding"), [
    (6, (8, 8), 32, 48, "SAME"), (3, (13, 11), 37, 35, "SAME"), (5, (10, 14), 40, 32, "VALID"), (30, (4, 3), 33, 64, "SAME"), (2, (32, 32), 64, 64, "SAME"),
])  # fmt: skip
def test_winograd_is_close_to_exact_sums(images: int, side: tuple[int, int], channels: int, columns: int, padding: str) -> None:
    pads = padding_of(padding, side, (3, 3), (1, 1), (1, 1))
    outs = output_sizes(side, (3, 3), (1, 1), pads, (1, 1), "")
    random = np.random.RandomState(5)
    x, f, dy = (
        random.randn(*s).astype(np.float32) for s in ((images, *side, channels), (3, 3, channels, columns), (images, *outs, columns))
    )
    geometry: dict[str, Any] = {"strides": (1, 1), "pads": pads, "dilations": (1, 1), "groups": 1}
    cases: list[tuple[Op, list[Any], dict[str, Any], float]] = [
        (convolution, [x, f], {}, 4e-6), (input_gradient, [dy, f], {"sizes": side}, 4e-6), (filter_gradient, [x, dy], {"window": (3, 3)}, 8e-6),
    ]  # fmt: skip
    for op, arrays, more, bound in cases:
        made = _compiled(op, arrays, **geometry, **more)
        assert any("winograd" in c.kernel.key for c in made.calls if c.kernel is not None)
        found = []
        for threads in (1, 2, 5):
            made._arena[:] = 0xFF
            made.bind_variables()
            run(made.plan, 0, 1, threads)
            found.append(made._read(made.prepared.outputs[0]))
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])
        exact = op.meaning(np, *[a.astype(np.float64) for a in arrays], **geometry, **more)
        assert np.abs(found[0] - exact).max() < bound * np.abs(exact).max(), op.name


def test_winograd_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLSTREAM_WINOGRAD", "0")
    x, f = np.ones((4, 16, 16, 32), np.float32), np.ones((3, 3, 32, 32), np.float32)
    made = _compiled(convolution, [x, f], strides=(1, 1), pads=((1, 1), (1, 1)), dilations=(1, 1), groups=1)
    assert not any("winograd" in c.kernel.key for c in made.calls if c.kernel is not None)
