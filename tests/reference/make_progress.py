"""Make progbar.json and fit_text.json: the exact text of TensorFlow 2.4's progress bar, and of fit, evaluate, predict.

Run with the Python of an environment that holds TensorFlow 2.4.4:

    python make_progress.py

The bar's clock is replaced, so that every second that it prints is known.  In progbar.json an update is
[seconds since the bar was made, current, values, finalize].  In fit_text.json the clock stands still but for
`tick` seconds at the end of every batch (a callback moves it, ahead of the bar's own callback).
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.python.keras.utils import generic_utils

HERE = Path(__file__).parent


class Clock:
    """Stands where the bar looks for the `time` module."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        """Seconds; moves only when told."""
        return self.now


CLOCK = Clock()
generic_utils.time = CLOCK


def seconds_cases() -> dict[str, dict[str, Any]]:
    """Bars of three steps that take very different times: how ETA and time per step are written."""
    steps = [
        1e-9,
        1e-7,
        5e-7,
        1e-6,
        5e-6,
        9.9e-5,
        1e-4,
        9.99e-4,
        1e-3,
        1.5e-3,
        0.0123,
        0.09,
        0.1,
        0.9994,
        0.9996,
        1.0,
        1.5,
        9.5,
        29.6,
        30.0,
        59.4,
        60.0,
        61.0,
        600.0,
        3599.0,
        3600.0,
        7261.0,
        86400.0,
        100000.0,
    ]
    return {
        f"step_of_{s:g}_s": {
            "make": {"target": 3},
            "updates": [[s, 1, [["loss", 0.5]], None], [2 * s, 2, [["loss", 0.5]], None], [3 * s, 3, [["loss", 0.5]], None]],
        }
        for s in steps
    }


def value_cases() -> dict[str, dict[str, Any]]:
    """Values of every magnitude: fixed or exponent."""
    values = [
        0.0,
        1e-10,
        9.99e-5,
        1e-4,
        9.9994e-4,
        0.001,
        0.0010001,
        0.00123456,
        0.01,
        0.123456,
        0.99995,
        1.0,
        9.99996,
        12.3456,
        123.456,
        1234.5678,
        99999.99999,
        123456.789,
        1e6,
        1e8,
        1.5e10,
        1e16,
        1e22,
        1e38,
    ]
    rows: dict[str, float] = {}
    for v in values:
        rows[f"value_{v:g}"] = v
        if v:
            rows[f"value_minus_{v:g}"] = -v
    rows.update(value_nan=float("nan"), value_inf=float("inf"), value_minus_inf=-float("inf"), value_int=3, value_big_int=12345678)
    return {
        name: {"make": {"target": 1, "stateful_metrics": ["loss"]}, "updates": [[0.25, 1, [["loss", v]], None]]} for name, v in rows.items()
    }


def run(n: int, k: int, dt: float = 0.25) -> list[list[Any]]:
    """Updates by k of n, `dt` seconds apart."""
    return [[dt * (i + 1), min(n, (i + 1) * k), [["loss", 1.0 / (i + 1)], ["acc", i / 8]], None] for i in range(-(-n // k))]


def width_cases() -> dict[str, dict[str, Any]]:
    """Widths, targets, verbosities, units."""
    cases: dict[str, dict[str, Any]] = {
        f"target_{n}": {"make": {"target": n}, "updates": run(n, max(1, n // 5))}
        for n in (1, 2, 3, 5, 9, 10, 11, 30, 31, 99, 100, 101, 1000, 1875, 60000)
    }
    for width in (1, 5, 10, 30, 60):
        cases[f"width_{width}"] = {"make": {"target": 7, "width": width}, "updates": run(7, 1)}
    for verbose in (0, 1, 2):
        cases[f"verbose_{verbose}"] = {"make": {"target": 4, "verbose": verbose}, "updates": run(4, 1)}
        cases[f"verbose_{verbose}_unknown"] = {
            "make": {"target": None, "verbose": verbose},
            "updates": run(4, 1) + ([] if verbose == 2 else [[1.5, 4, [["loss", 0.5], ["acc", 0.5]], True]]),
        }
    cases["unit_sample"] = {"make": {"target": 4, "unit_name": "sample"}, "updates": run(4, 1)}
    cases["unknown_many"] = {"make": {"target": None}, "updates": run(12, 1)}
    cases["unknown_finalized_alone"] = {"make": {"target": None}, "updates": [[2.0, 12, [["loss", 0.5]], True]]}
    cases["finalized_early"] = {"make": {"target": 4}, "updates": [*run(4, 1)[:2], [2.0, 2, [["loss", 0.5]], True]]}
    cases["finalized_after_end"] = {"make": {"target": 2}, "updates": [*run(2, 1), [2.0, 2, [["loss", 0.5]], True]]}
    cases["interval_default_skips"] = {"make": {"target": 10}, "updates": run(10, 1, 0.02)}
    cases["interval_zero"] = {"make": {"target": 5, "interval": 0}, "updates": run(5, 1, 0.0)}
    cases["interval_one"] = {"make": {"target": 10, "interval": 1}, "updates": run(10, 1)}
    cases["same_current_twice"] = {
        "make": {"target": 3},
        "updates": [[0.2, 1, [["loss", 1.0]], None], [0.4, 1, [["loss", 3.0]], None], [0.6, 3, [["loss", 5.0]], None]],
    }
    cases["from_zero"] = {"make": {"target": 3}, "updates": [[0.2, 0, [], None], [0.4, 1, [], None], [0.6, 3, [], None]]}
    cases["no_values"] = {"make": {"target": 3}, "updates": [[0.2, 1, None, None], [0.4, 2, None, None], [0.6, 3, None, None]]}
    cases["averaged_values"] = {
        "make": {"target": 4},
        "updates": [[0.2, 1, [["loss", 1.0]], None], [0.4, 3, [["loss", 2.0]], None], [0.6, 4, [["loss", 6.0]], None]],
    }
    cases["stateful_values"] = {"make": {"target": 4, "stateful_metrics": ["loss", "acc"]}, "updates": run(4, 1)}
    cases["shrinking_line"] = {
        "make": {"target": 3, "stateful_metrics": ["loss"]},
        "updates": [[0.2, 1, [["loss", 123456.7]], None], [0.4, 2, [["loss", 1.5]], None], [0.6, 3, [["loss", 1.5]], None]],
    }
    cases["first_step_slow"] = {"make": {"target": 3}, "updates": [[5.0, 1, [], None], [5.1, 2, [], None], [5.2, 3, [], None]]}
    cases["new_value_late"] = {
        "make": {"target": 3},
        "updates": [
            [0.2, 1, [["loss", 1.0]], None],
            [0.4, 2, [["loss", 1.0], ["lr", 0.01]], None],
            [0.6, 3, [["loss", 1.0], ["lr", 0.01]], None],
        ],
    }
    return cases


def drive(case: dict[str, Any]) -> str:
    """What the bar prints."""
    out = io.StringIO()
    start = CLOCK.now
    with redirect_stdout(out):
        bar = tf.keras.utils.Progbar(**case["make"])
        for seconds, current, values, finalize in case["updates"]:
            CLOCK.now = start + seconds
            bar.update(current, values if values is None else [tuple(v) for v in values], finalize)
    CLOCK.now = 1000.0
    return out.getvalue()


SETUP = """
x = np.arange(40, dtype='float32').reshape(10, 4) / 40
y = x.sum(1, keepdims=True) * 2
model = tf.keras.Sequential([tf.keras.layers.Dense(1, kernel_initializer='ones', input_shape=(4,))])
model.compile(tf.keras.optimizers.SGD(0.05), 'mse', metrics=['mae'])
"""
CLASSES = """
x = np.arange(40, dtype='float32').reshape(10, 4) / 40
y = np.arange(10) % 3
model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation='softmax', kernel_initializer='zeros')])
model.compile(tf.keras.optimizers.SGD(0.5), 'sparse_categorical_crossentropy', metrics=['accuracy'])
"""
TWO = """
x = np.arange(40, dtype='float32').reshape(10, 4) / 40
y = [x[:, :1] * 2, x[:, 1:3]]
i = tf.keras.Input((4,))
model = tf.keras.Model(i, [tf.keras.layers.Dense(1, name='left', kernel_initializer='ones')(i), tf.keras.layers.Dense(2, name='right', kernel_initializer='ones')(i)])
model.compile(tf.keras.optimizers.SGD(0.05), ['mse', 'mae'], metrics=[['mae'], ['mse', 'mae']], loss_weights=[1.0, 0.5])
"""
DATASET = SETUP + "data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)\n"
GENERATOR = (
    SETUP
    + """
def batches():
    while True:
        for i in range(0, 10, 5):
            yield x[i:i + 5], y[i:i + 5]
unsized = tf.data.Dataset.from_generator(lambda: iter([(x[:5], y[:5]), (x[5:], y[5:])]), (tf.float32, tf.float32), ((None, 4), (None, 1)))
"""
)
FITS: list[tuple[str, str, str, float]] = [
    ("fit", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False)", 0.1),
    ("fit_standing_clock", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False)", 0.0),
    ("fit_quick_batches", SETUP, "model.fit(x, y, batch_size=1, epochs=1, shuffle=False)", 0.02),
    ("fit_verbose_0", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)", 0.1),
    ("fit_verbose_2", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=2)", 0.1),
    ("fit_verbose_2_validation", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=2, validation_data=(x, y))", 0.1),
    ("fit_verbose_true", SETUP, "model.fit(x, y, batch_size=4, shuffle=False, verbose=True)", 0.1),
    ("fit_one_batch", SETUP, "model.fit(x, y, epochs=2)", 0.1),
    ("fit_slow", SETUP, "model.fit(x, y, batch_size=4, shuffle=False)", 75.0),
    ("fit_validation_data", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False, validation_data=(x[:3], y[:3]))", 0.1),
    ("fit_validation_split", SETUP, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False, validation_split=0.2)", 0.1),
    (
        "fit_validation_freq",
        SETUP,
        "model.fit(x, y, batch_size=4, epochs=5, shuffle=False, validation_data=(x, y), validation_freq=2)",
        0.1,
    ),
    (
        "fit_validation_freq_list",
        SETUP,
        "model.fit(x, y, batch_size=4, epochs=4, shuffle=False, validation_data=(x, y), validation_freq=[1, 3])",
        0.1,
    ),
    (
        "fit_validation_batch_size",
        SETUP,
        "model.fit(x, y, batch_size=4, shuffle=False, validation_data=(x, y), validation_batch_size=1)",
        0.1,
    ),
    ("fit_validation_weights", SETUP, "model.fit(x, y, batch_size=4, shuffle=False, validation_data=(x, y, np.arange(10.)))", 0.1),
    ("fit_initial_epoch", SETUP, "model.fit(x, y, batch_size=5, epochs=4, initial_epoch=2, shuffle=False)", 0.1),
    ("fit_no_epochs", SETUP, "model.fit(x, y, batch_size=5, epochs=0)", 0.1),
    ("fit_steps_per_epoch", SETUP, "model.fit(x, y, batch_size=4, steps_per_epoch=2, epochs=1, shuffle=False)", 0.1),
    ("fit_twice", SETUP + "model.fit(x, y, batch_size=5, shuffle=False, verbose=0)\n", "model.fit(x, y, batch_size=5, shuffle=False)", 0.1),
    ("fit_no_metrics", SETUP + "model.compile('sgd', 'mse')\n", "model.fit(x, y, batch_size=5, shuffle=False)", 0.1),
    ("fit_tiny_loss", SETUP + "y = x.sum(1, keepdims=True) + 0.001\n", "model.fit(x, y, batch_size=5, shuffle=False)", 0.1),
    ("fit_huge_loss", SETUP + "y = y * 1e6\n", "model.fit(x, y, batch_size=5, shuffle=False)", 0.1),
    ("fit_nan", SETUP + "y = y * float('nan')\n", "model.fit(x, y, batch_size=5, shuffle=False)", 0.1),
    ("fit_sample_weight", SETUP, "model.fit(x, y, batch_size=4, shuffle=False, sample_weight=np.arange(10.))", 0.1),
    (
        "fit_weighted_metrics",
        SETUP + "model.compile(tf.keras.optimizers.SGD(0.05), 'mse', metrics=['mae'], weighted_metrics=['mae', 'mse'])\n",
        "model.fit(x, y, batch_size=4, shuffle=False, sample_weight=np.arange(10.))",
        0.1,
    ),
    ("fit_classes", CLASSES, "model.fit(x, y, batch_size=4, epochs=2, shuffle=False, validation_data=(x, y))", 0.1),
    ("fit_class_weight", CLASSES, "model.fit(x, y, batch_size=4, shuffle=False, class_weight={0: 1.0, 1: 2.0, 2: 0.5})", 0.1),
    (
        "fit_metric_objects",
        CLASSES
        + "model.compile('sgd', tf.keras.losses.SparseCategoricalCrossentropy(), metrics=[tf.keras.metrics.SparseCategoricalAccuracy(), tf.keras.metrics.SparseTopKCategoricalAccuracy(2, name='top2')])\n",
        "model.fit(x, y, batch_size=4, shuffle=False)",
        0.1,
    ),
    (
        "fit_named_metric_function",
        SETUP
        + "def furthest(a, b):\n    return tf.reduce_max(tf.abs(a - b), -1)\nmodel.compile('sgd', 'mse', metrics=[furthest, 'mae'])\n",
        "model.fit(x, y, batch_size=4, shuffle=False)",
        0.1,
    ),
    ("fit_two_outputs", TWO, "model.fit(x, y, batch_size=4, epochs=1, shuffle=False, validation_data=(x, y))", 0.1),
    ("fit_dataset", DATASET, "model.fit(data, epochs=2, validation_data=data)", 0.1),
    ("fit_dataset_repeated", DATASET, "model.fit(data.repeat(), epochs=2, steps_per_epoch=2)", 0.1),
    ("fit_dataset_validation_steps", DATASET, "model.fit(data, epochs=1, validation_data=data.repeat(), validation_steps=2)", 0.1),
    ("fit_dataset_unknown_size", GENERATOR, "model.fit(unsized, epochs=2)", 0.1),
    ("fit_dataset_unknown_size_validation", GENERATOR, "model.fit(unsized, epochs=2, validation_data=unsized)", 0.1),
    ("fit_generator", GENERATOR, "model.fit(batches(), steps_per_epoch=2, epochs=2)", 0.1),
    ("fit_ran_out_of_data", DATASET, "model.fit(data, epochs=3, steps_per_epoch=2)", 0.1),
    (
        "fit_early_stopping",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=5, shuffle=False, verbose=2, callbacks=[tf.keras.callbacks.EarlyStopping('loss', min_delta=100.0, patience=1, verbose=1, restore_best_weights=True)])",
        0.1,
    ),
    (
        "fit_learning_rate_scheduler",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=2, shuffle=False, callbacks=[tf.keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1), verbose=1)])",
        0.1,
    ),
    (
        "fit_reduce_lr",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=2, callbacks=[tf.keras.callbacks.ReduceLROnPlateau('loss', min_delta=100.0, patience=1, verbose=1)])",
        0.1,
    ),
    (
        "fit_terminate_on_nan",
        SETUP + "y = y * float('nan')\n",
        "model.fit(x, y, batch_size=5, epochs=3, shuffle=False, callbacks=[tf.keras.callbacks.TerminateOnNaN()])",
        0.1,
    ),
    (
        "fit_checkpoint",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=3, shuffle=False, verbose=2, callbacks=[tf.keras.callbacks.ModelCheckpoint('PLACE/w.ckpt', 'loss', save_weights_only=True, save_best_only=True, verbose=1)])",
        0.1,
    ),
    (
        "fit_checkpoint_every_epoch",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=2, shuffle=False, callbacks=[tf.keras.callbacks.ModelCheckpoint('PLACE/w-{epoch:02d}-{loss:.2f}.h5', save_weights_only=True, verbose=1)])",
        0.1,
    ),
    (
        "fit_checkpoint_wrong_monitor",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=1, shuffle=False, callbacks=[tf.keras.callbacks.ModelCheckpoint('PLACE/w.ckpt', 'val_loss', save_best_only=True)])",
        0.1,
    ),
    (
        "fit_printing_callback",
        SETUP,
        "model.fit(x, y, batch_size=5, epochs=1, shuffle=False, callbacks=[tf.keras.callbacks.LambdaCallback(on_batch_end=lambda b, logs: print('batch', b, sorted(logs)), on_epoch_end=lambda e, logs: print('epoch', e, sorted(logs)))])",
        0.1,
    ),
    ("evaluate", SETUP, "model.evaluate(x, y, batch_size=4)", 0.1),
    ("evaluate_verbose_0", SETUP, "model.evaluate(x, y, batch_size=4, verbose=0)", 0.1),
    ("evaluate_verbose_2", SETUP, "model.evaluate(x, y, batch_size=4, verbose=2)", 0.1),
    ("evaluate_return_dict", SETUP, "model.evaluate(x, y, batch_size=4, return_dict=True)", 0.1),
    ("evaluate_loss_only", SETUP + "model.compile('sgd', 'mse')\n", "model.evaluate(x, y)", 0.1),
    ("evaluate_steps", DATASET, "model.evaluate(data, steps=2)", 0.1),
    ("evaluate_two_outputs", TWO, "model.evaluate(x, y, batch_size=4)", 0.1),
    ("evaluate_unknown_size", GENERATOR, "model.evaluate(unsized)", 0.1),
    ("predict", SETUP, "model.predict(x, batch_size=4)", 0.1),
    ("predict_verbose_1", SETUP, "model.predict(x, batch_size=4, verbose=1)", 0.1),
    ("predict_verbose_2", SETUP, "model.predict(x, batch_size=4, verbose=2)", 0.1),
    ("predict_unknown_size_verbose_1", GENERATOR, "model.predict(unsized, verbose=1)", 0.1),
]


def plain(value: Any) -> Any:
    """A value that JSON can hold: History -> its dictionary, arrays -> lists."""
    if isinstance(value, tf.keras.callbacks.History):
        return {"epoch": plain(value.epoch), "history": plain(value.history), "params": plain(value.params)}
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def make_tick(seconds: float) -> tf.keras.callbacks.Callback:
    """Moves the clock at the end of every batch of any kind."""

    def move(*_: Any) -> None:
        CLOCK.now += seconds

    tick = tf.keras.callbacks.Callback()
    tick.on_train_batch_end = tick.on_test_batch_end = tick.on_predict_batch_end = move
    return tick


def run_fit(setup: str, call: str, tick: float) -> dict[str, Any]:
    """Printed text, returned value, error."""
    tf.keras.backend.clear_session()
    tf.random.set_seed(7)
    CLOCK.now = 1000.0
    scope: dict[str, Any] = {"tf": tf, "np": np, "tick": make_tick(tick)}
    exec(setup, scope)
    ticking = call.replace("callbacks=[", "callbacks=[tick, ") if "callbacks=[" in call else call[:-1] + ", callbacks=[tick])"
    place = tempfile.mkdtemp()
    out, made = io.StringIO(), {"setup": setup.lstrip("\n"), "call": call, "tick": tick}
    with redirect_stdout(out):
        try:
            made["returns"] = plain(eval(ticking.replace("PLACE", place), scope))
        except Exception as e:
            made["error"] = f"{type(e).__name__}: {str(e).splitlines()[0]}"
    made["text"] = out.getvalue().replace(place, "PLACE")
    return made


def main() -> None:
    """Write both files, and fit_text.txt to be read by people (\\r and \\x08 made visible)."""
    bars = {**seconds_cases(), **value_cases(), **width_cases()}
    made = {name: {**case, "text": drive(case)} for name, case in bars.items()}
    (HERE / "progbar.json").write_text(json.dumps(made, indent=1) + "\n")
    fits = {name: run_fit(setup, call, tick) for name, setup, call, tick in FITS}
    (HERE / "fit_text.json").write_text(json.dumps(fits, indent=1) + "\n")
    lines = [f"#### {n}\n{f['call']}\n---- returns {f.get('returns')}{f.get('error', '')}\n{visible(f['text'])}\n" for n, f in fits.items()]
    (HERE / "fit_text.txt").write_text("".join(lines))


def visible(text: str) -> str:
    """Runs of backspaces counted, returns and line ends shown."""
    text = re.sub("\b+", lambda m: f"<{len(m.group())} back>", text)
    return text.replace("\r", "<return>").replace("\n", "<line>\n")


if __name__ == "__main__":
    main()
