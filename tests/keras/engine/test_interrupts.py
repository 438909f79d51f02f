"""Training that is stopped half-way, and data with NaN: the model stays usable, and messages name the place."""

import math
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

import millstream as tf

L = tf.keras.layers


def network() -> Any:
    model = tf.keras.Sequential([L.Dense(64, activation="relu"), L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(0)
    x = random.rand(n, 20).astype(np.float32)
    return x, (x.sum(1) * 3).astype(np.int64) % 3


def test_interrupt_leaves_the_model_intact() -> None:
    model, (x, y) = network(), data()
    model.fit(x, y, verbose=0)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=100_000, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    loss = model.fit(x, y, verbose=0).history["loss"][0]
    assert math.isfinite(loss)


def test_nan_in_data_trains_as_keras_does() -> None:
    model, (x, y) = network(), data(320)
    x[7, 3] = np.nan
    assert math.isnan(model.fit(x, y, verbose=0).history["loss"][0])


NAN_PROGRAM = """
import numpy as np, millstream as tf
x = np.ones((8, 4), "float32")
if {bad_data}: x[5, 2] = np.nan
class Odd(tf.keras.layers.Layer):
    def call(self, x):
        return tf.math.log(x - 1.0 - tf.abs(x))
model = tf.keras.Sequential([tf.keras.layers.Dense(3, name="first")] + ([] if {bad_data} else [Odd(name="odd")]))
model.compile("sgd", "mse")
model.fit(x, np.zeros((8, 3), "float32"), batch_size=8, shuffle=False, verbose=0)
"""


@pytest.mark.parametrize(
    ("bad_data", "words"), [(False, ("NaN made by log", "layer 'odd'", "program.py:7")), (True, ("The data have a NaN", "[5, 2]"))]
)
def test_debug_nan_names_op_layer_and_line(bad_data: bool, words: tuple[str, ...], tmp_path: Any) -> None:
    program = tmp_path / "program.py"
    program.write_text(NAN_PROGRAM.format(bad_data=bad_data))
    environment = dict(os.environ, MILLSTREAM_DEBUG="nan", PYTHONPATH=os.pathsep.join(sys.path))
    done = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr


def test_labels_that_are_no_classes_are_refused_before_training() -> None:
    model, (x, y) = network(), data(320)
    model.fit(x, y, verbose=0)
    before = model.get_weights()
    y = y.copy()
    y[-1] = 3
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"label value of 3 which is outside the valid range of \[0, 3\)"):
        model.fit(x, y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)
