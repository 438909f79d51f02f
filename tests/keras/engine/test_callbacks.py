"""Callbacks: hooks and their order are compared with TensorFlow's elsewhere; here is what each one does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import millstream as tf

C = tf.keras.callbacks
x = np.random.default_rng(2).uniform(-1, 1, (12, 3)).astype("float32")
y = x.sum(1, keepdims=True)


def regression(rate: float = 0.1) -> Any:
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,), kernel_initializer="zeros")])
    model.compile(tf.keras.optimizers.SGD(rate), "mse")
    return model


def run(model: Any, callback: Any, epochs: int = 4, **options: Any) -> Any:
    return model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, shuffle=False, callbacks=[callback], **options)


class Chunks:
    """A runner that notes how many batches each call carries out."""

    def __init__(self, runner: Any) -> None:
        self.__dict__.update(vars(runner), inner=runner, counts=[])

    def rebind(self, data: Any) -> None:
        self.inner.rebind(data)

    def run(self, rows: Any, first: int, count: int) -> None:
        self.counts.append(count)
        self.inner.run(rows, first, count)


def chunks_with(callbacks: list[Any]) -> list[int]:
    model = regression()
    model.fit(x, y, batch_size=1, epochs=1, verbose=0)
    by_size = next(d for key, d in model._runners.items() if key[0] == "train")
    by_size[1] = noted = Chunks(by_size[1])
    model.fit(x, y, batch_size=1, epochs=3, verbose=0, callbacks=callbacks)
    return noted.counts


def test_batches_come_one_by_one_only_for_those_who_look() -> None:
    counts = chunks_with([C.LambdaCallback(on_epoch_end=lambda e, logs: None)])
    assert sum(counts) == 36
    assert len(counts) < 36
    assert chunks_with([C.LambdaCallback(on_batch_end=lambda b, logs: None)]) == [1] * 36


def test_stop_training_after_a_batch() -> None:
    class Stop(C.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.last = batch
            self.model.stop_training = batch == 1

    stop = Stop()
    assert len(run(regression(), stop).epoch) == 1
    assert stop.last == 1


def test_early_stopping_restores_the_best_weights() -> None:
    model = regression(3.0)  # diverges
    stop = C.EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = run(model, stop, 9)
    assert len(history.epoch) == 3
    assert stop.best == min(history.history["loss"])


@pytest.mark.parametrize("unknown", ["val_loss", "nothing"])
def test_unknown_monitors_are_named(unknown: str, caplog: pytest.LogCaptureFixture) -> None:
    run(regression(), C.EarlyStopping(unknown), 1)
    assert f"`{unknown}` which is not available" in caplog.text


def test_learning_rates_are_set_and_reported() -> None:
    model = regression()
    history = run(model, C.LearningRateScheduler(lambda epoch, lr: lr * 0.5))
    np.testing.assert_allclose(history.history["lr"], [0.05, 0.025, 0.0125, 0.00625], rtol=1e-6)
    with pytest.raises(ValueError, match="should be float"):
        run(regression(), C.LearningRateScheduler(lambda epoch: "a"))
    model = regression()
    history = run(model, C.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0, min_lr=0.03))
    np.testing.assert_allclose(history.history["lr"], [0.1, 0.1, 0.05, 0.03], rtol=1e-6)
    with pytest.raises(ValueError, match="factor >= 1"):
        C.ReduceLROnPlateau(factor=1.0)


def test_checkpoints_are_written_when_better() -> None:
    model, written = regression(), []
    model.save_weights = lambda path, overwrite: written.append(path)
    run(model, C.ModelCheckpoint("w{epoch:02d}", "loss", save_weights_only=True, save_best_only=True), 2)
    assert written == ["w01", "w02"]
    written.clear()
    run(model, C.ModelCheckpoint("b", save_weights_only=True, save_freq=2), 2)
    assert written == ["b", "b", "b"]
    with pytest.raises(KeyError, match="Failed to format"):
        run(model, C.ModelCheckpoint("w{nothing}", save_weights_only=True), 1)
    with pytest.raises(ValueError, match="save_freq"):
        C.ModelCheckpoint("w", save_freq="batch")


def test_results_go_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    run(regression(), C.CSVLogger(path), 2)
    run(regression(), C.CSVLogger(path, append=True), 1)
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,loss"
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "0"]


def test_training_ends_at_the_first_loss_that_is_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    history = regression().fit(x, y * np.nan, epochs=3, verbose=0, callbacks=[C.TerminateOnNaN()])
    assert len(history.epoch) == 1
    assert capsys.readouterr().out == "Batch 0: Invalid loss, terminating training\n"


def test_evaluating_in_a_callback_leaves_validation_alone() -> None:
    model = regression(0.0)
    other = C.LambdaCallback(on_epoch_end=lambda e, logs: model.evaluate(x[:5] * 9, y[:5], verbose=0))
    history = run(model, other, 3, validation_data=(x, y))
    assert len({round(v, 6) for v in history.history["val_loss"]}) == 1
