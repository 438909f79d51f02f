"""Writes the files of tests/reference/files: checkpoints and models that the installed TensorFlow 2.4 saved, and what they predict.

python tests/reference/make_files.py        (with TensorFlow 2.4; replaces the files)
"""

import os
import shutil

import numpy as np
import tensorflow as tf

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
X = np.linspace(-1, 1, 24).reshape(6, 2, 2).astype("float32")
Y = np.linspace(0, 1, 12).reshape(6, 2).astype("float32")


def chain():
    """Flatten, Dense, BatchNormalization, Dense; three steps of Adam."""
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Flatten(), layers.Dense(3, activation="relu"), layers.BatchNormalization(), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, batch_size=2, verbose=0, shuffle=False)
    return model


def network():
    """Two branches added; two steps of SGD with momentum."""
    layers = tf.keras.layers
    i = tf.keras.Input((2, 2), name="picture")
    flat = layers.Flatten(name="flat")(i)
    out = layers.Dense(2, name="out")(
        layers.Add(name="sum")([layers.Dense(3, name="a")(flat), layers.Dense(3, use_bias=False, name="b")(flat)])
    )
    model = tf.keras.Model(i, out)
    loss = tf.keras.losses.Huber(delta=0.5)
    model.compile(tf.keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=[tf.keras.metrics.MeanAbsoluteError()])
    model.fit(X, Y, batch_size=3, verbose=0, shuffle=False)
    return model


def values():
    """A checkpoint of variables of many types."""
    table = {"text": tf.Variable(b"abc"), "texts": tf.Variable([b"", b"x" * 300]), "half": tf.Variable(2.5, dtype=tf.float16)}
    table.update(
        brain=tf.Variable(tf.constant([1, 2], tf.bfloat16)), flag=tf.Variable([True, False]), none=tf.Variable(np.zeros((0, 3), "float32"))
    )
    table.update(whole=tf.Variable(np.array([-(2**40), 7]), dtype=tf.int64), wave=tf.Variable(1 + 2j, dtype=tf.complex64))
    checkpoint = tf.train.Checkpoint(items=list(table.values()), by_name=table)
    manager = tf.train.CheckpointManager(checkpoint, os.path.join(HERE, "values"), 2)
    for _ in range(3):
        manager.save()


def main():
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    tf.random.set_seed(7)
    first, second = chain(), network()
    first.save_weights(os.path.join(HERE, "chain.ckpt"))
    first.save_weights(os.path.join(HERE, "chain_weights.h5"))
    first.save(os.path.join(HERE, "chain.h5"))
    second.save_weights(os.path.join(HERE, "network.ckpt"))
    second.save(os.path.join(HERE, "network.h5"))
    predictions = {"chain": first.predict(X), "network": second.predict(X)}
    after = {}
    for name, model in (("chain", first), ("network", second)):
        model.fit(X, Y, batch_size=6, verbose=0, shuffle=False)
        after[name + "_after"] = model.predict(X)
    np.savez(os.path.join(HERE, "predictions.npz"), x=X, y=Y, **predictions, **after)
    values()


if __name__ == "__main__":
    main()
