"""Recurrent layers and wrappers: TensorFlow's numbers, states, masks, compiled training, mistakes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import millstream as tf

_FOLDER = Path(__file__).parent.parent.parent / "reference"
CASES = json.loads((_FOLDER / "recurrent.json").read_text())["cases"]
with np.load(_FOLDER / "recurrent.npz") as _file:
    DATA = {name: _file[name] for name in _file.files}
K = tf.keras.layers
NAMES = {n: getattr(K, n) for n in re.findall(r"\b[A-Z]\w+(?=\()", " ".join(c["layer"] for c in CASES))}


def _close(got, wanted):
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-5 * max(1.0, np.abs(wanted).max(initial=0)))


def _arguments(case):
    options = {"mask": tf.constant(DATA["mask"])} if case["masked"] else {}
    if case["states"]:
        options["initial_state"] = [tf.constant(DATA[f"{case['key']}/state/{i}"]) for i in range(case["states"])]
    return options


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c['key']}-{c['layer']}{'-masked' * c['masked']}") for c in CASES])
def test_as_tensorflow(case):
    tf.random.set_seed(3)
    layer = eval(case["layer"], NAMES)  # noqa: S307  (texts of our own files)
    x = tf.constant(DATA["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = tf.nest.flatten(layer(x, **_arguments(case)))
        total = sum(tf.reduce_sum(y * np.cos(np.arange(y.shape.num_elements())).reshape(y.shape).astype("float32")) for y in outputs)
    gradients = tape.gradient(total, [x, *layer.trainable_weights])
    numberless = [re.sub(r"_\d+\b", "", n) for n in case["weights"]]  # how many layers came before differs
    assert [re.sub(r"_\d+\b", "", v.name.partition("/")[2]) for v in layer.weights] == numberless
    for kind, values in (("weight", layer.weights), ("out", outputs), ("grad", gradients)):
        for i, value in enumerate(values):
            _close(np.asarray(value), DATA[f"{case['key']}/{kind}/{i}"])


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c['key']}-{c['layer']}") for c in CASES])
def test_a_layer_of_its_configuration_is_equal(case):
    layer = eval(case["layer"], NAMES)  # noqa: S307  (texts of our own files)
    again = K.deserialize(K.serialize(layer))
    assert again.get_config() == layer.get_config()
    layer(tf.constant(DATA["x"]))
    again(tf.constant(DATA["x"]))
    assert [v.shape for v in again.weights] == [v.shape for v in layer.weights]


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{c['key']}-{c['layer']}") for c in CASES if not c["states"] and "return_state" not in c["layer"]]
)
def test_compiled_training_is_eager_training(case):
    def train(eagerly):
        tf.random.set_seed(3)
        model = tf.keras.Sequential([K.Masking(-9.0), eval(case["layer"], NAMES)])  # noqa: S307
        model.compile("sgd", "mse", run_eagerly=eagerly)
        x = np.where(DATA["mask"][..., None] | (not case["masked"]), DATA["x"], np.float32(-9))
        y = np.cos(np.arange(np.prod(model(x).shape))).reshape(model(x).shape).astype("float32")
        history = model.fit(x, y, batch_size=3, epochs=3, verbose=0)
        return history.history["loss"], model.get_weights()

    (loss, weights), (eager_loss, eager_weights) = train(False), train(True)
    np.testing.assert_allclose(loss, eager_loss, rtol=1e-5)
    for one, other in zip(weights, eager_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_dropout_is_drawn_once_for_all_steps_of_states():
    layer = K.SimpleRNN(8, activation="linear", recurrent_initializer="identity", recurrent_dropout=0.5, return_sequences=True)
    y = layer(tf.ones((1, 5, 1)), training=True).numpy()[0]
    grows = np.abs(y[4] - 31 * y[0]) < 1e-3 * np.abs(y[0])  # kept states are doubled at every step
    stays = np.abs(y[4] - y[0]) < 1e-3 * np.abs(y[0])
    assert (grows | stays).all()
    assert (layer(tf.ones((1, 5, 1))).numpy()[0, 4] == layer(tf.ones((1, 5, 1)), training=False).numpy()[0, 4]).all()


def test_stateful_goes_on_until_reset():
    layer = K.LSTM(4, stateful=True, batch_input_shape=(3, 4, 3))
    x = tf.constant(DATA["x"])
    first, second = layer(x).numpy(), layer(x).numpy()
    plain = K.LSTM(4, weights=layer.get_weights())
    np.testing.assert_allclose(second, plain(tf.concat([x, x], 1)).numpy(), rtol=1e-5)
    layer.reset_states()
    np.testing.assert_array_equal(layer(x).numpy(), first)
    layer.reset_states([np.ones((3, 4)), np.zeros((3, 4))])
    assert len(layer.weights) == 3
    assert not np.array_equal(layer(x).numpy(), first)
    with pytest.raises(ValueError, match=r"Feed batches of one size"):
        layer(x[:2])
    with pytest.raises(ValueError, match=r"expected shape=\(3, 4\), found shape=\(2, 4\)"):
        layer.reset_states([np.ones((2, 4)), np.zeros((2, 4))])


def test_a_cell_of_ones_own():
    class Sum(K.Layer):
        state_size = output_size = 3

        def call(self, inputs, states):
            return inputs + states[0], [inputs + states[0]]

    y = K.RNN(Sum(), return_sequences=True)(tf.constant(DATA["x"]))
    np.testing.assert_allclose(y.numpy(), np.cumsum(DATA["x"], 1), rtol=1e-5, atol=1e-6)


def test_functional_models_with_states():
    x, h = tf.keras.Input((4, 3)), tf.keras.Input((5,))
    y, state = K.GRU(5, return_sequences=True, return_state=True)(x, initial_state=h)
    model = tf.keras.Model([x, h], [y, state])
    assert [tuple(t.shape) for t in model.outputs] == [(None, 4, 5), (None, 5)]
    out, last = model.predict([DATA["x"], np.ones((3, 5), "float32")])
    np.testing.assert_allclose(out[:, -1], last)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: K.LSTM(0), "at least one unit"),
        (lambda: K.RNN(3), "should have a `call` method"),
        (lambda: K.LSTM(2)(tf.ones((2, 3))), "expected ndim=3, found ndim=2"),
        (lambda: K.LSTM(2)(tf.ones((2, 0, 3))), "without a single step"),
        (lambda: K.LSTM(2)(tf.ones((2, 4, 3)), initial_state=tf.ones((2, 2))), "has 2 states but was passed 1"),
        (lambda: K.GRU(2)(tf.ones((2, 4, 3)), initial_state=tf.ones((2, 5))), r"shape \(2, 5\); the inputs and the cell ask for \(2, 2\)"),
        (lambda: K.GRU(2, stateful=True)(tf.keras.Input((4, 3))), "needs to know its batch size"),
        (lambda: K.Bidirectional(K.GRU(2), merge_mode="max"), "Invalid merge mode"),
        (lambda: K.TimeDistributed(K.Dense(2))(tf.ones((2, 3))), "at least 3 dimensions"),
        (lambda: K.TimeDistributed(3), "wraps a layer"),
    ],
)
def test_mistakes_are_explained(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("eagerly", [False, True])
def test_ids_beyond_the_vocabulary_are_named(eagerly):
    model = tf.keras.Sequential([K.Embedding(5, 2), K.SimpleRNN(3), K.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1,2\] = 5 is not in \[0, 5\)"):
        model.fit(np.array([[0, 1, 2], [3, 4, 5]]), np.zeros((2, 1)), shuffle=False, verbose=0)
