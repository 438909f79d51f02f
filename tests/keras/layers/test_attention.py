"""Attention layers: values as TensorFlow 2.4.4's, inside models, refusals."""

from pathlib import Path

import numpy as np
import pytest

import millstream as tf

L = tf.keras.layers
CASES = {
    "heads": "L.MultiHeadAttention(2, 3)(q, v)",
    "masked": "L.MultiHeadAttention(2, 3, value_dim=4, output_shape=7)(q, v, k, attention_mask=m)",
    "axes": "L.MultiHeadAttention(2, 3, attention_axes=(1, 2), use_bias=False)(tf.stack([q, q], 1), tf.stack([v, v, k], 1))",
    "scaled": "L.Attention(use_scale=True)([q, v])",
    "causal": "L.Attention(causal=True)([q, v, k], mask=[m[:, :, 1], m[:, 0]])",
    "additive": "L.AdditiveAttention()([q, v])",
    "einsum": "L.experimental.EinsumDense('abc,cde->abde', (None, 2, 3), bias_axes='e', activation='relu')(q)",
}
with np.load(Path(__file__).parents[2] / "reference" / "attention.npz") as stored:
    WANTED = {n: stored[n] for n in stored.files}


def _inputs():
    return {"tf": tf, "L": L, **{k: tf.constant(WANTED[k]) for k in "qvkm"}}


@pytest.mark.parametrize("case", CASES)
def test_values_are_tensorflows(case: str) -> None:
    names = _inputs()
    head, _, call = CASES[case].partition(")(")
    names["layer"] = layer = eval(head + ")", names)  # noqa: S307
    eval("layer(" + call, names)  # noqa: S307
    r = np.random.RandomState(5)
    layer.set_weights([np.asarray(r.randn(*w.shape), "f") for w in layer.get_weights()])
    got = eval("layer(" + call, names).numpy()  # noqa: S307
    np.testing.assert_allclose(got, WANTED["out/" + case], rtol=0, atol=1e-5 * np.abs(got).max())
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_attention_trains_inside_a_model() -> None:
    a, b = L.Input((4, 6)), L.Input((5, 6))
    model = tf.keras.Model([a, b], L.MultiHeadAttention(2, 3)(a, b))
    model.compile("adam", "mse")
    losses = model.fit([WANTED["q"], WANTED["v"]], WANTED["q"], epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.predict([WANTED["q"], WANTED["v"]]).shape == (2, 4, 6)


@pytest.mark.parametrize(("inputs", "message"), [("q", "must be called on a list"), ("[q]", "length 2 or 3")])
def test_wrong_inputs_are_explained(inputs: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        L.Attention().call(eval(inputs, _inputs()))  # noqa: S307
    with pytest.raises(ValueError, match="Invalid einsum equation"):
        L.experimental.EinsumDense("ab", 3)(_inputs()["q"])
