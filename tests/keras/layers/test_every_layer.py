"""What holds for every layer: its configuration makes an equal one, its declared shape is its real one, it trains under a tape."""

from typing import Any

import numpy as np
import pytest

import millstream as tf

L = tf.keras.layers
x2, x3, x4 = (np.random.default_rng(n).uniform(-1, 1, (4, 6, 3, 2)[:n]).astype("float32") for n in (2, 3, 4))
CASES: list[tuple[Any, Any]] = [
    (L.Dense(3, activation="tanh", kernel_regularizer="l2", bias_constraint="non_neg"), x2),
    (L.Dense(2, use_bias=False), x3),
    (L.Flatten(), x4),
    (L.Flatten(data_format="channels_first"), x4),
    (L.Reshape((2, -1)), x2),
    (L.Permute((2, 1)), x3),
    (L.RepeatVector(2), x2),
    (L.Activation("relu"), x2),
    (L.Dropout(0.5), x2),
    (L.SpatialDropout1D(0.5), x3),
    (L.SpatialDropout2D(0.5), x4),
    (L.Masking(0.5), x3),
    (L.ActivityRegularization(0.1, 0.2), x2),
    (L.Embedding(9, 3), np.array([[1, 2], [3, 8]])),
    (L.BatchNormalization(), x2),
    (L.BatchNormalization(axis=1, scale=False), x4),
    (L.LayerNormalization(), x3),
    (L.LayerNormalization(axis=[1, 2]), x3),
    (L.LeakyReLU(), x2),
    (L.PReLU(), x2),
    (L.PReLU(shared_axes=[1]), x3),
    (L.ELU(0.5), x2),
    (L.ThresholdedReLU(0.1), x2),
    (L.Softmax(), x2),
    (L.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.05), x2),
    (L.GaussianNoise(0.1), x2),
    (L.GaussianDropout(0.1), x2),
    (L.AlphaDropout(0.1), x2),
    (L.Lambda(lambda t: t * 2), x2),
    (L.Add(), [x2, x2]),
    (L.Subtract(), [x2, x2]),
    (L.Multiply(), [x3, x3[:, :1]]),
    (L.Average(), [x2, x2, x2]),
    (L.Maximum(), [x2, -x2]),
    (L.Minimum(), [x2, -x2]),
    (L.Concatenate(), [x3, x3]),
    (L.Concatenate(axis=1), [x3, x3[:, :2]]),
    (L.Dot(1), [x2, x2]),
    (L.Dot((2, 2), normalize=True), [x3, x3]),
]
EVERY = pytest.mark.parametrize(("layer", "x"), [pytest.param(layer, x, id=f"{layer.name}") for layer, x in CASES])


def _copy(layer: Any) -> Any:
    config = {**layer.get_config(), "name": layer.name + "_copy"}
    return type(layer).from_config(config)


@EVERY
def test_configuration_makes_an_equal_layer(layer: Any, x: Any) -> None:
    first = layer(x)
    other = _copy(layer)
    other(x)
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other(x).numpy(), first.numpy())
    own = {
        "name": layer.name,
        **({"function": layer.get_config()["function"]} if isinstance(layer, L.Lambda) else {}),
    }  # byte code may be packed otherwise
    assert {**other.get_config(), **own} == layer.get_config()


@EVERY
def test_declared_shape_is_the_real_one(layer: Any, x: Any) -> None:
    parts = x if isinstance(x, list) else [x]
    symbolic = [tf.keras.Input(a.shape[1:], dtype=a.dtype.name) for a in parts]
    drawn = _copy(layer)(symbolic if isinstance(x, list) else symbolic[0])
    real = layer(x)
    assert drawn.shape.as_list() == [None, *real.shape[1:]]
    assert drawn.dtype == real.dtype
    unknown = [(None, *a.shape[1:]) for a in parts]
    assert list(layer.compute_output_shape(unknown if isinstance(x, list) else unknown[0])) == [None, *real.shape[1:]]


@EVERY
def test_every_trainable_weight_gets_a_gradient(layer: Any, x: Any) -> None:
    layer(x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(layer(x, training=True) + 0.1))
    assert all(g is not None for g in tape.gradient(total, layer.trainable_weights))


def test_inference_passes_noise_layers_by() -> None:
    for layer in (L.Dropout(0.5), L.GaussianNoise(1.0), L.GaussianDropout(0.5), L.AlphaDropout(0.5), L.SpatialDropout1D(0.5)):
        x = x3 if "1D" in type(layer).__name__ else x2
        np.testing.assert_array_equal(layer(x).numpy(), x)
        assert not np.array_equal(layer(x, training=True).numpy(), x)


def test_batch_normalization_moves_its_averages_in_training_only() -> None:
    layer = L.BatchNormalization(momentum=0.5)
    layer(x2)
    assert layer.moving_mean.numpy().tolist() == [0.0] * 6
    out = layer(x2, training=True).numpy()
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.5 * x2.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.5 + 0.5 * x2.var(0), rtol=1e-5)
    np.testing.assert_allclose(out, (x2 - x2.mean(0)) / np.sqrt(x2.var(0) + 1e-3), rtol=1e-4, atol=1e-5)
    layer.trainable = False
    before = layer.get_weights()
    layer(x2, training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


def test_masks_travel() -> None:
    model = tf.keras.Sequential([L.Embedding(5, 3, mask_zero=True), L.Dense(2), L.Dropout(0.5)])
    assert model(np.array([[1, 0], [2, 3]]))._keras_mask.numpy().tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: L.Dense(0), ValueError, "at least one unit"),
        (lambda: L.Dense(3, foo=1), TypeError, "Keyword argument not understood"),
        (lambda: L.Dense(3, activation="rellu"), ValueError, "'relu'"),
        (lambda: L.Dense(3)(np.ones(4)), ValueError, "layer dense.*min_ndim=2, found ndim=1"),
        (L.Dense(3), ValueError, "first argument"),
        (lambda: L.Dense(3)([[1.0, 2.0]]), ValueError, "expects 1 input"),
        (lambda: L.Dense(3)(None), TypeError, "should be tensors"),
        (lambda: L.Dropout(2), ValueError, "between 0 and 1"),
        (lambda: L.Flatten(data_format="up"), ValueError, "channels_first"),
        (lambda: L.Reshape((5,))(x2), ValueError, "layer.*reshape.*total size"),
        (lambda: L.Reshape((-1, -1))(x2), ValueError, "only one"),
        (lambda: L.Permute((1, 3)), ValueError, "consecutive"),
        (lambda: L.RepeatVector("a"), TypeError, "integer"),
        (lambda: L.Embedding(0, 1), ValueError, "positive"),
        (lambda: L.Embedding(3, 2)(np.array([[3]])), tf.errors.InvalidArgumentError, "not in"),
        (lambda: L.BatchNormalization(axis=5)(x2), ValueError, "Invalid axis: 5"),
        (lambda: L.BatchNormalization(renorm=True), ValueError, "not supported"),
        (lambda: L.LayerNormalization(axis="a"), TypeError, "axis"),
        (lambda: L.LeakyReLU(None), ValueError, "None"),
        (lambda: L.ReLU(max_value=-1), ValueError, "negative"),
        (lambda: L.ThresholdedReLU(-1), ValueError, "theta"),
        (lambda: L.Lambda(3), TypeError, "function"),
        (lambda: L.Add()(x2), ValueError, "list of inputs"),
        (lambda: L.Add()([x2]), ValueError, "at least 2"),
        (lambda: L.Add()([x2, x2[:, :4]]), ValueError, "broadcast"),
        (lambda: L.Subtract()([x2, x2, x2]), ValueError, "exactly 2"),
        (lambda: L.Concatenate()([x2, x2[:2]]), ValueError, "matching shapes"),
        (lambda: L.Dot(1)([x2, x2[:, :4]]), ValueError, "Dimension incompatibility"),
        (lambda: L.Dot("a"), TypeError, "axes"),
        (tf.keras.Input, ValueError, "shape"),
    ],
)
def test_wrong_use_is_explained(make: Any, error: type[Exception], says: str) -> None:
    tf.keras.backend.clear_session()
    with pytest.raises(error, match=f"(?is){says}"):
        make()
