"""Write attention.npz: what TensorFlow's attention layers compute with given weights. Needs TensorFlow 2.4; see README.md."""

from pathlib import Path

import numpy as np
import tensorflow as tf

CASES = {
    "heads": "L.MultiHeadAttention(2, 3)(q, v)",
    "masked": "L.MultiHeadAttention(2, 3, value_dim=4, output_shape=7)(q, v, k, attention_mask=m)",
    "axes": "L.MultiHeadAttention(2, 3, attention_axes=(1, 2), use_bias=False)(tf.stack([q, q], 1), tf.stack([v, v, k], 1))",
    "scaled": "L.Attention(use_scale=True)([q, v])",
    "causal": "L.Attention(causal=True)([q, v, k], mask=[m[:, :, 1], m[:, 0]])",
    "additive": "L.AdditiveAttention()([q, v])",
    "einsum": "L.experimental.EinsumDense('abc,cde->abde', (None, 2, 3), bias_axes='e', activation='relu')(q)",
}


def inputs() -> "dict[str, np.ndarray]":
    """Queries, values, keys and a mask."""
    r = np.random.RandomState(0)
    made = {n: r.randn(2, s, 6).astype("f") for n, s in (("q", 4), ("v", 5), ("k", 5))}
    mask = r.rand(2, 4, 5) > 0.4
    mask[..., 0] = True
    return {**made, "m": mask}


def main() -> None:
    """Call every layer, set its weights, call it again."""
    stored = inputs()
    names = {"tf": tf, "L": tf.keras.layers, **{k: tf.constant(v) for k, v in stored.items()}}
    for case, text in CASES.items():
        head, _, call = text.partition(")(")
        layer = eval(head + ")", names)
        names["layer"] = layer
        eval("layer(" + call, names)
        r = np.random.RandomState(5)
        layer.set_weights([np.asarray(r.randn(*w.shape), "f") for w in layer.get_weights()])
        stored["out/" + case] = eval("layer(" + call, names).numpy()
    np.savez_compressed(Path(__file__).parent / "attention.npz", **stored)


if __name__ == "__main__":
    main()
