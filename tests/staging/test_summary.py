"""Event files: what stands in them, record by record; the TensorBoard callback; strategies of one device; policies."""

from pathlib import Path

import numpy as np
import pytest

import millstream as tf
from millstream.formats import events, tfrecord


def read(path: Path) -> list:
    """(step, tag, plug-in, values) of every value in a folder's one event file."""
    (name,) = path.glob("events.out.tfevents.*.v2")
    with name.open("rb") as file:
        found = [events.messages().Event.FromString(r) for r in tfrecord.read(file, str(name))]
    assert found[0].file_version == "brain.Event:2"
    return [(e.step, v.tag, v.metadata.plugin_data.plugin_name, v.tensor) for e in found for v in e.summary.value]


def test_scalars_histograms_pictures_and_texts(tmp_path: Path) -> None:
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        tf.summary.scalar("a", 0.5, step=3)
        tf.summary.histogram("h", [1.0, 2.0, 2.0, 5.0], step=4, buckets=2)
        tf.summary.image("i", np.zeros((5, 2, 3, 1)), step=5, max_outputs=2)
        with tf.summary.record_if(False):
            tf.summary.text("t", "hi", step=6)
    writer.close()
    scalar, histogram, image = read(tmp_path)
    assert scalar[:3] == (3, "a", "scalars")
    assert np.frombuffer(scalar[3].tensor_content, "f4") == 0.5
    assert np.frombuffer(histogram[3].tensor_content, "f8").reshape(2, 3).tolist() == [[1.0, 3.0, 3.0], [3.0, 5.0, 1.0]]
    assert image[3].string_val[:2] == [b"3", b"2"]
    assert tf.io.decode_png(image[3].string_val[3]).shape == (2, 3, 1)


def test_a_traced_function_writes_each_time_it_runs(tmp_path: Path) -> None:
    @tf.function
    def step(x, n):
        tf.summary.scalar("x", x, step=n)
        return x

    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for n in range(3):
            step(tf.constant(float(n)), tf.constant(n, tf.int64))
    writer.close()
    assert [s for s, *_ in read(tmp_path)] == [0, 1, 2]


def test_a_step_is_needed(tmp_path: Path) -> None:
    with tf.summary.create_file_writer(str(tmp_path)).as_default(), pytest.raises(ValueError, match="No step set"):
        tf.summary.scalar("a", 1.0)


def test_tensorboard_writes_what_fit_found(tmp_path: Path) -> None:
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2), "float32"), np.ones(4, "float32")
    board = tf.keras.callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=2)
    history = model.fit(x, y, batch_size=1, epochs=2, validation_data=(x, y), callbacks=[board], verbose=0).history
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    assert [(s, t) for s, t, *_ in train if t == "batch_loss"] == [
        (2, "batch_loss"),
        (4, "batch_loss"),
        (6, "batch_loss"),
        (8, "batch_loss"),
    ]
    assert train[0][1:3] == ("keras", "graph_keras_model")
    losses = [np.frombuffer(v.tensor_content, "f4")[0] for _, t, _, v in train if t == "epoch_loss"]
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-6)
    assert [t for _, t, *_ in validation] == ["epoch_loss"] * 2


def test_a_strategy_runs_and_reduces_here() -> None:
    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        assert tf.distribute.get_strategy() is strategy
        assert tf.distribute.in_cross_replica_context()
        w = tf.Variable(2.0)

    @tf.function
    def step(x):
        return strategy.run(lambda v: v * w, (x,))

    data = strategy.experimental_distribute_dataset(tf.data.Dataset.range(4).map(lambda v: tf.cast(v, tf.float32)).batch(2))
    found = [strategy.reduce(tf.distribute.ReduceOp.MEAN, step(x), axis=0) for x in data]
    assert [float(v) for v in found] == [1.0, 5.0]
    assert not tf.distribute.has_strategy()
    with pytest.raises(ValueError, match="SUM or MEAN"):
        strategy.reduce("MAX", 1.0, None)


def test_several_workers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    with pytest.raises(NotImplementedError, match="one machine"):
        tf.distribute.MultiWorkerMirroredStrategy()


def test_only_the_policy_of_float32_is_accepted() -> None:
    tf.keras.mixed_precision.set_global_policy("float32")
    with pytest.raises(ValueError, match="mixed_float16.*not supported"):
        tf.keras.mixed_precision.set_global_policy("mixed_float16")
    with pytest.raises(ValueError, match="Cannot convert value 'nothing'"):
        tf.keras.mixed_precision.Policy("nothing")
