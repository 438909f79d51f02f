"""Write recurrent.npz and recurrent.json: TensorFlow 2.4's numbers for recurrent layers and their wrappers.

Usage: python make_recurrent.py     with TensorFlow 2.4 (Python 3.8); the tests read the two files.
A case is the text of a layer, built after set_seed(3) and called on x [3, 4, 3]:

    mask [3, 4], state/<i>         what the layer is called with, where it is
    weight/<name>                  its weights, by their names without the layer's
    out/<i>, grad/<i>              outputs; gradients of sum(out * cos(0, 1, 2, ...)) to x and the weights
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np
import tensorflow as tf

HERE = Path(__file__).parent
arrays, cases = {}, []
random = np.random.RandomState(0)
X = random.randn(3, 4, 3).astype("float32")
MASK = np.array([[1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]], bool)  # ends early, begins late, never counts
OPTIONS = [
    "", "return_sequences=True", "return_state=True, return_sequences=True", "go_backwards=True, return_sequences=True", "use_bias=False",
    "activation='relu'", "unroll=True", "time_major=True, return_sequences=True", "recurrent_initializer='ones'",
]  # fmt: skip
OTHERS = [
    "LSTM(2, implementation=1, recurrent_activation='hard_sigmoid')", "LSTM(2, unit_forget_bias=False, bias_initializer='ones')",
    "GRU(2, reset_after=False, return_sequences=True)", "GRU(2, reset_after=False, implementation=1)", "RNN(LSTMCell(2), return_sequences=True)",
    "RNN([LSTMCell(2), GRUCell(3), SimpleRNNCell(2)], return_state=True)", "TimeDistributed(Dense(2))",
    "Bidirectional(LSTM(2, return_sequences=True), backward_layer=GRU(3, return_sequences=True, go_backwards=True))",
    *(f"Bidirectional(GRU(2, return_state=True), merge_mode={mode!r})" for mode in ("concat", "sum", "mul", "ave", None)),
]  # fmt: skip
MASKED = [
    "SimpleRNN(2, return_sequences=True)", "LSTM(2, return_state=True)", "GRU(2, go_backwards=True)", "Bidirectional(GRU(2, return_sequences=True))",
    "RNN([LSTMCell(2), GRUCell(3)], return_sequences=True)",
]  # fmt: skip


def case(layer: str, mask: Any = None, states: int = 0) -> None:
    key = f"{len(cases):03}"
    tf.random.set_seed(3)
    made = eval(layer, vars(tf.keras.layers))
    x = tf.constant(X)
    options = {} if mask is None else {"mask": tf.constant(mask)}
    if states:
        options["initial_state"] = [tf.constant(random.randn(3, 2).astype("float32")) for _ in range(states)]
        arrays.update({f"{key}/state/{i}": s.numpy() for i, s in enumerate(options["initial_state"])})
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = tf.nest.flatten(made(x, **options))
        total = sum(tf.reduce_sum(y * np.cos(np.arange(tf.size(y).numpy())).reshape(y.shape).astype("float32")) for y in outputs)
    gradients = tape.gradient(total, [x, *made.trainable_weights])
    for kind, values in (("out", outputs), ("grad", gradients)):
        arrays.update({f"{key}/{kind}/{i}": np.asarray(v) for i, v in enumerate(values)})
    names = [v.name.partition("/")[2] for v in made.weights]
    arrays.update({f"{key}/weight/{i}": v.numpy() for i, v in enumerate(made.weights)})
    cases.append({"key": key, "layer": layer, "masked": mask is not None, "states": states, "weights": names, "outputs": len(outputs)})


def main() -> None:
    tf.keras.backend.clear_session()
    for kind, states in (("SimpleRNN", 1), ("LSTM", 2), ("GRU", 1)):
        for option in OPTIONS:
            case(f"{kind}(2, {option})")
        case(f"{kind}(2)", states=states)
    for layer in OTHERS:
        case(layer)
    for layer in MASKED:
        case(layer, MASK)
    arrays.update(x=X, mask=MASK)
    np.savez_compressed(HERE / "recurrent.npz", **arrays)
    (HERE / "recurrent.json").write_text(json.dumps({"cases": cases}, indent=0) + "\n")


if __name__ == "__main__":
    main()
