"""The workloads of this project's figures, written once against TensorFlow's API: for Millstream and for TensorFlow itself.

    python workloads.py --framework millstream|tf24|tf|tfkeras --workload NAME [--repeats N]

Prints one JSON line: `seconds` (median), `min`, `max` a unit (step, epoch, call, program, process), `first_step_s` from
starting to build the model to the end of its first training step, `peak_rss_mb`. Runs on Python 3.8, which TensorFlow 2.4 needs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Result = dict[str, Any]

MODULES = {"millstream": ("millstream", "millstream.keras"), "tf24": ("tensorflow", "tensorflow.keras"),
           "tf": ("tensorflow", "keras"), "tfkeras": ("tensorflow", "tf_keras")}  # fmt: skip
EPOCH_IMAGES, BATCH = 60_000, 32
now = time.perf_counter


class Api:
    """The two modules that a workload needs."""

    def __init__(self, framework: str) -> None:
        name, keras = MODULES[framework]
        self.tf: Any = importlib.import_module(name)
        self.keras: Any = self.tf.keras if keras.endswith(".keras") else importlib.import_module(keras)

    def mlp(self) -> Any:
        """The MNIST network: 784-128-10, Adam."""
        layers = self.keras.layers
        model = self.keras.Sequential([layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")])
        loss = self.keras.losses.SparseCategoricalCrossentropy(from_logits=False)
        model.compile(optimizer="adam", loss=loss, metrics=["sparse_categorical_accuracy"])
        return model


def mnist() -> tuple[Any, Any, Any, Any]:
    """MNIST from the Keras cache folder, divided by 255; where it is absent, random bytes of its shape (as fast to train on)."""
    import numpy as np

    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets" / "mnist.npz"
    if home.is_file():
        with np.load(str(home)) as data:
            return data["x_train"] / 255.0, data["y_train"], data["x_test"] / 255.0, data["y_test"]
    r = np.random.RandomState(0)
    images, labels = r.randint(0, 256, (70_000, 28, 28)) / 255.0, r.randint(0, 10, 70_000)
    return images[:EPOCH_IMAGES], labels[:EPOCH_IMAGES], images[EPOCH_IMAGES:], labels[EPOCH_IMAGES:]


def timed(work: Callable[[], Any], repeats: int, units: int = 1) -> list[float]:
    """Seconds a unit, once for each repeat."""
    times = []
    for _ in range(repeats):
        start = now()
        work()
        times.append((now() - start) / units)
    return times


def tape_scalar(api: Api, repeats: int) -> Result:
    """Forty steps of gradient descent on (w + 1) squared, as the notes write them."""
    tf = api.tf

    def program() -> None:
        w = tf.Variable(tf.constant(5, dtype=tf.float32))
        for epoch in range(40):
            rate = 0.2 * 0.99**epoch
            with tf.GradientTape() as tape:
                loss = tf.square(w + 1)
            w.assign_sub(rate * tape.gradient(loss, w))
            f"After {epoch} epoch, w is {float(w.numpy()):f}, loss is {float(loss):f}, lr is {rate:f}"

    first = timed(program, 1)[0]
    return {"times": timed(program, 10 * repeats, 40), "first_step_s": first, "unit": "step"}


def iris(api: Api, repeats: int) -> Result:
    """500 epochs of softmax regression on 120 flowers, evaluated every 20th."""
    import numpy as np

    r = np.random.RandomState(116)
    x, y = r.uniform(0, 8, (150, 4)).astype("float32"), r.randint(0, 3, 150)
    first: list[float] = []

    def program() -> None:
        start = now()
        model = api.keras.Sequential([api.keras.layers.Dense(3, activation="softmax", kernel_regularizer="l2")])
        model.compile(api.keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
        model.fit(x[:120], y[:120], batch_size=BATCH, epochs=1, verbose=0)
        first.append(now() - start)
        model.fit(x[:120], y[:120], batch_size=BATCH, epochs=500, validation_data=(x[120:], y[120:]), validation_freq=20, verbose=0)

    return {"times": timed(program, repeats), "first_step_s": first[0], "unit": "program"}


def mnist_mlp(api: Api, repeats: int) -> Result:
    """One epoch of 60,000 images with validation on 10,000."""
    x, y, xv, yv = mnist()
    start = now()
    model = api.mlp()
    model.fit(x[:BATCH], y[:BATCH], verbose=0)
    first = now() - start
    model.fit(x[:6400], y[:6400], batch_size=BATCH, validation_data=(xv, yv), verbose=0)
    times = timed(lambda: model.fit(x, y, batch_size=BATCH, validation_data=(xv, yv), verbose=0), repeats)
    return {"times": times, "first_step_s": first, "unit": "epoch"}


def predict_1(api: Api, repeats: int) -> Result:
    """`model.predict` of one image; `model_call_s` is `model(image)`."""
    import numpy as np

    model, image = api.mlp(), np.full((1, 28, 28), 0.5, "float32")
    model.build((None, 28, 28))
    start = now()
    model.predict(image, verbose=0)
    first = now() - start
    calls = timed(lambda: [np.asarray(model(image)) for _ in range(100)], 5 * repeats, 100)
    times = timed(lambda: model.predict(image, verbose=0), 30 * repeats)
    return {"times": times, "first_step_s": first, "unit": "call", "model_call_s": statistics.median(calls)}


def processes(command: list[str], repeats: int) -> Result:
    """Whole processes: seconds, and the largest one's memory."""
    times = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL), repeats)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"times": times, "first_step_s": None, "unit": "process", "peak_rss_mb": round(peak / 1024)}


def five_epochs(framework: str) -> None:
    """What a cold process does: five epochs of MNIST with the progress bar."""
    x, y, xv, yv = mnist()
    Api(framework).mlp().fit(x, y, batch_size=BATCH, epochs=5, validation_data=(xv, yv), validation_freq=1)


INSIDE = {"tape_scalar": tape_scalar, "iris": iris, "mnist_mlp": mnist_mlp, "predict_1": predict_1}


def run(framework: str, workload: str, repeats: int) -> Result:
    """One workload's times."""
    if workload == "import":
        module, keras = MODULES[framework]
        code = f"import {module}; {module}.keras.layers" if keras.endswith(".keras") else f"import {module}, {keras}.layers"
        return processes([sys.executable, "-c", code], repeats)
    if workload == "mnist_mlp_cold":
        return processes([sys.executable, __file__, "--framework", framework, "--workload", "five_epochs"], repeats)
    return INSIDE[workload](Api(framework), repeats)


def main() -> None:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--framework", required=True)
    p.add_argument("--workload", required=True)
    p.add_argument("--variant", default="")
    p.add_argument("--repeats", type=int, default=3)
    asked = p.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if asked.workload == "five_epochs":
        five_epochs(asked.framework)
        return
    line: Result = {"framework": asked.framework, "workload": asked.workload}
    if asked.framework not in MODULES or asked.workload not in (*INSIDE, "import", "mnist_mlp_cold"):
        print(json.dumps({**line, "skipped": True}))
        return
    made = run(asked.framework, asked.workload, asked.repeats)
    times = made.pop("times")
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    line.update(seconds=statistics.median(times), min=min(times), max=max(times), repeats=len(times), peak_rss_mb=peak)
    print(json.dumps({**line, **made}))


if __name__ == "__main__":
    main()
