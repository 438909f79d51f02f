"""Layers of convolution, pooling and space: TensorFlow's numbers, shapes, configurations that make equal layers, and explained errors."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from tests.keras.reference import Case, larger

layers = tf.keras.layers
FAMILIES = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Transpose",
    "Separable",
    "Depthwise",
    "Pool",
    "UpSampling",
    "ZeroPadding",
    "Cropping",
    "BatchNorm",
)
CASES = [c for c in larger("layers", "layer") if any(f in c.values[0].text for f in FAMILIES) and "groups" not in c.values[0].text]


@pytest.mark.parametrize("case", CASES)
def test_tensorflows_numbers(case: Case) -> None:
    layer, x = case.evaluate(), tf.constant(case["in/0"])
    layer.build(x.shape)
    layer.set_weights([case[n] for n in sorted(case.arrays) if n.startswith("weight/")])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **case.entry["arguments"])
        total = tf.reduce_sum(y * tf.constant(np.cos(np.arange(y.numpy().size)).reshape(y.shape), y.dtype))
    close = {"rtol": 0, "atol": 2e-5}
    np.testing.assert_allclose(y, case["out/0"], **close)
    np.testing.assert_allclose(tape.gradient(total, x), case["grad/x0"], **close)
    for i, w in enumerate(layer.weights):
        np.testing.assert_allclose(w, case[f"after/{i}"], **close)


SHAPES = [
    ("Conv1D(3, 2, padding='causal', dilation_rate=2)", (2, 7, 4), (None, 7, 3)),
    ("Conv2D(4, (3, 2), strides=2, padding='same', groups=2)", (2, 7, 6, 4), (None, 4, 3, 4)),
    ("Conv3D(2, 2)", (1, 3, 4, 3, 2), (None, 2, 3, 2, 2)),
    ("Conv2DTranspose(3, 5, strides=2, padding='same')", (2, 4, 5, 2), (None, 8, 10, 3)),
    ("Conv2DTranspose(3, 3, strides=2, output_padding=1)", (1, 4, 4, 3), (None, 10, 10, 3)),
    ("Conv1DTranspose(3, 3, strides=2)", (1, 4, 2), (None, 9, 3)),
    ("SeparableConv1D(4, 3, padding='causal')", (2, 6, 3), (None, 6, 4)),
    ("SeparableConv2D(4, 3, depth_multiplier=2)", (2, 6, 6, 3), (None, 4, 4, 4)),
    ("DepthwiseConv2D(3, strides=2, padding='same', depth_multiplier=2)", (2, 5, 5, 3), (None, 3, 3, 6)),
    ("MaxPool2D(3, strides=2, padding='same')", (2, 7, 8, 3), (None, 4, 4, 3)),
    ("AvgPool1D(3)", (2, 7, 3), (None, 2, 3)),
    ("MaxPool3D()", (1, 4, 5, 4, 2), (None, 2, 2, 2, 2)),
    ("GlobalAveragePooling1D()", (2, 5, 3), (None, 3)),
    ("GlobalMaxPool2D()", (2, 5, 4, 3), (None, 3)),
    ("UpSampling1D(3)", (2, 3, 2), (None, 9, 2)),
    ("UpSampling2D((2, 3), interpolation='bilinear')", (1, 3, 3, 2), (None, 6, 9, 2)),
    ("UpSampling3D(2)", (1, 2, 1, 3, 2), (None, 4, 2, 6, 2)),
    ("ZeroPadding1D((1, 2))", (1, 3, 2), (None, 6, 2)),
    ("ZeroPadding2D(((1, 0), (0, 2)))", (1, 3, 3, 2), (None, 4, 5, 2)),
    ("Cropping1D(1)", (1, 5, 2), (None, 3, 2)),
    ("Cropping2D(5)", (1, 4, 4, 2), (None, 0, 0, 2)),
    ("Cropping3D(((1, 0), (0, 1), 1))", (1, 3, 3, 3, 2), (None, 2, 2, 1, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sizes", "wanted"), SHAPES, ids=[s[0] for s in SHAPES])
def test_shapes_gradients_and_configurations(text: str, sizes: tuple[int, ...], wanted: tuple[Any, ...]) -> None:
    layer = eval(f"layers.{text}", {"layers": layers})  # noqa: S307  (texts of this file)
    x = tf.constant(np.random.RandomState(0).randn(*sizes).astype(np.float32))
    symbolic = layer(tf.keras.Input(sizes[1:]))
    assert tuple(symbolic.shape) == wanted
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        total = tf.reduce_sum(y * y)
    assert tuple(y.shape) == (sizes[0], *wanted[1:])
    assert all(g is not None for g in tape.gradient(total, [x, *layer.trainable_weights]))
    again = type(layer).from_config(layer.get_config())
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), y)


@pytest.mark.parametrize(("text", "message"), [
    ("Conv2D(4, 3)(tf.ones([2, 8, 8]))", "conv2d.* is incompatible with the layer: : expected min_ndim=4, found ndim=3"),
    ("Conv2D(5, 3, groups=2)", "The number of filters must be evenly divisible by the number of groups"),
    ("Conv2D(4, 3, groups=2)(tf.ones([2, 8, 8, 3]))", "input channels must be evenly divisible by the number of groups"),
    ("Conv2D(4, 3, padding='foo')", "The `padding` argument must be a list/tuple or one of"),
    ("Conv2D(4, 3, padding='causal')", "Causal padding is only supported for `Conv1D`"),
    ("Conv2D(4, (3, 3, 3))", "must be a tuple of 2 integers. Received: .3, 3, 3."),
    ("Conv2D(4, 0)", "cannot contain 0"),
    ("Conv2D(0, 3)", "at least one filter"),
    ("Conv2D(4, 3)(tf.keras.Input((2, 2, 3)))", "Negative dimension size caused by subtracting 3 from 2"),
    ("Conv2D(4, 3)(tf.keras.Input((None, None, None)))", "channel dimension of the inputs should be defined"),
    ("Conv2D(4, 3, data_format='channels_first')(tf.ones([2, 3, 8, 8]))", "only supports the NHWC tensor format on the CPU"),
    ("Conv2DTranspose(3, 3, strides=2, output_padding=3)", "must be greater than output padding"),
    ("MaxPool2D(data_format='channels_first')(tf.ones([2, 3, 8, 8]))", "only supports"),
    ("GlobalMaxPool2D()(tf.ones([2, 3]))", "expected ndim=4, found ndim=2"),
    ("UpSampling2D(2, interpolation='foo')", "should be one of"),
    ("ZeroPadding2D((1, 2, 3))", "`padding` should have two elements"),
])  # fmt: skip
def test_wrong_arguments_are_explained(text: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        eval(f"layers.{text}", {"layers": layers, "tf": tf})  # noqa: S307  (texts of this file)


def test_names_and_weights_are_tensorflows() -> None:
    model = tf.keras.Sequential(
        [layers.Conv2D(2, 3, input_shape=(8, 8, 3)), layers.MaxPool2D(), layers.SeparableConv2D(4, 2), layers.GlobalAvgPool2D()]
    )
    assert [tuple(w.shape) for w in model.weights] == [(3, 3, 3, 2), (2,), (2, 2, 2, 1), (1, 1, 2, 4), (4,)]
    assert [w.name.split("/")[1] for w in model.weights] == ["kernel:0", "bias:0", "depthwise_kernel:0", "pointwise_kernel:0", "bias:0"]


def test_training_in_compiled_code_follows_eager_training() -> None:
    random = np.random.RandomState(0)
    x, y = random.rand(64, 8, 8, 3).astype(np.float32), random.randint(0, 3, 64)
    losses = []
    for eager in (True, False):
        tf.random.set_seed(3)
        model = tf.keras.Sequential([
            layers.Conv2D(6, 3, padding="same", use_bias=False), layers.BatchNormalization(), layers.Activation("relu"), layers.MaxPool2D(),
            layers.Conv2D(34, 3, strides=2, padding="same", activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(3),
        ])  # fmt: skip
        model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=eager)
        losses.append(model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-4)
