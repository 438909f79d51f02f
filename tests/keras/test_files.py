"""Models in files: those TensorFlow 2.4 wrote are read, ours come back, weights wait for models that are not built."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import millstream as tf
from millstream.formats.damage import DamagedFileError

FILES = Path(__file__).parent.parent / "reference" / "files"
WANTED = dict(np.load(FILES / "predictions.npz"))
X, Y = WANTED["x"], WANTED["y"]


def chain():
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Flatten(), layers.Dense(3, activation="relu"), layers.BatchNormalization(), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


class Pair(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.parts = [tf.keras.layers.Dense(3), tf.keras.layers.Dense(2)]
        self.scale = tf.Variable(2.0, name="scale")

    def call(self, x):
        return self.parts[1](self.parts[0](x)) * self.scale


def close(got, name):
    np.testing.assert_allclose(got, WANTED[name], rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------ TensorFlow's files
def test_checkpoint_into_a_model_that_is_not_built() -> None:
    model = chain()
    status = model.load_weights(FILES / "chain.ckpt")
    close(model.predict(X), "chain")
    with pytest.raises(AssertionError, match=r"\(root\)\.optimizer"):
        status.assert_consumed()


def test_the_optimizer_goes_on_where_it_was() -> None:
    model = chain()
    status = model.load_weights(FILES / "chain.ckpt")
    model.fit(X, Y, batch_size=6, verbose=0, shuffle=False)
    close(model.predict(X), "chain_after")
    assert int(model.optimizer.iterations) == 4
    status.assert_consumed()


def test_checkpoint_into_a_model_that_is_built() -> None:
    model = chain()
    model.fit(X, Y, verbose=0)
    model.load_weights(FILES / "chain.ckpt").assert_consumed()
    close(model.predict(X), "chain")


@pytest.mark.parametrize("name", ["chain", "network"])
def test_whole_model(name: str) -> None:
    model = tf.keras.models.load_model(FILES / f"{name}.h5")
    close(model.predict(X), name)
    model.fit(X, Y, batch_size=6, verbose=0, shuffle=False)
    close(model.predict(X), f"{name}_after")


def test_weights_of_hdf5() -> None:
    model = chain()
    with pytest.raises(ValueError, match="has not created its variables yet"):
        model.load_weights(FILES / "chain_weights.h5")
    model(X)
    assert model.load_weights(FILES / "chain_weights.h5") is None
    close(model.predict(X), "chain")
    model.load_weights(FILES / "chain.h5")


def test_values_of_all_types() -> None:
    table = {"text": tf.Variable(b""), "texts": tf.Variable([b"", b""]), "half": tf.Variable(0, dtype=tf.float16)}
    table.update(
        brain=tf.Variable(tf.constant([0, 0], tf.bfloat16)), flag=tf.Variable([False, False]), none=tf.Variable(np.ones((0, 3), "float32"))
    )
    table.update(whole=tf.Variable([0, 0], dtype=tf.int64), wave=tf.Variable(0, dtype=tf.complex64))
    checkpoint = tf.train.Checkpoint(by_name=table)
    manager = tf.train.CheckpointManager(checkpoint, FILES / "values", 2)
    assert manager.latest_checkpoint == tf.train.latest_checkpoint(FILES / "values") == str(FILES / "values" / "ckpt-3")
    checkpoint.restore(manager.latest_checkpoint).assert_existing_objects_matched()
    assert (table["text"].numpy(), table["texts"].numpy().tolist()) == (b"abc", [b"", b"x" * 300])
    assert [v.numpy().tolist() for k, v in table.items() if k in {"half", "brain", "flag", "whole", "wave"}] == [
        2.5, [1, 2], [True, False], [-(2**40), 7], 1 + 2j,
    ]  # fmt: skip
    assert int(checkpoint.save_counter) == 3


# ------------------------------------------------------------------ there and back
def test_a_subclass_waits_for_its_variables(tmp_path: Path) -> None:
    model = Pair()
    model.compile("sgd", "mse")
    model.fit(X[:, 0], Y, verbose=0)
    model.save_weights(tmp_path / "w")
    names = [n for n, _ in tf.train.list_variables(tmp_path)]
    assert "parts/1/kernel/.ATTRIBUTES/VARIABLE_VALUE" in names
    fresh = Pair()
    fresh.load_weights(tmp_path / "w")
    np.testing.assert_array_equal(fresh.predict(X[:, 0]), model.predict(X[:, 0]))


@pytest.mark.parametrize("path", ["w", "w.h5"])
def test_another_size_is_explained_and_changes_nothing(tmp_path: Path, path: str) -> None:
    def made(units):
        return tf.keras.Sequential([tf.keras.layers.Dense(4, input_shape=(2,)), tf.keras.layers.Dense(units)])

    model, other = made(3), made(5)
    model.save_weights(tmp_path / path)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"\(4, 3\)[^.]*\(4, 5\)|kernel"):
        other.load_weights(tmp_path / path)
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_by_name_and_skip_mismatch(tmp_path: Path) -> None:
    def made(*layers):
        return tf.keras.Sequential([tf.keras.layers.Dense(units, name=name, input_shape=(3,)) for name, units in layers])

    model = made(("a", 3), ("b", 3))
    model.save_weights(tmp_path / "w.h5")
    other = made(("b", 3), ("c", 3))
    other.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(other.layers[0].get_weights()[0], model.layers[1].get_weights()[0])
    third = made(("a", 3), ("b", 7))
    with pytest.raises(ValueError, match="b/kernel"):
        third.load_weights(tmp_path / "w.h5", by_name=True)
    third.load_weights(tmp_path / "w.h5", by_name=True, skip_mismatch=True)
    np.testing.assert_array_equal(third.layers[0].get_weights()[0], model.layers[0].get_weights()[0])
    with pytest.raises(ValueError, match="2 layers into a model with 3 layers"):
        made(("a", 3), ("b", 3), ("c", 3)).load_weights(tmp_path / "w.h5")


def test_whole_model_there_and_back(tmp_path: Path) -> None:
    model = chain()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.h5")
    again = tf.keras.models.load_model(tmp_path / "m.h5")
    assert again.get_config() == model.get_config()
    for m in (model, again):
        m.fit(X, Y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert tf.keras.models.load_model(tmp_path / "m.h5", compile=False).optimizer is None


# ------------------------------------------------------------------ what is refused
def test_wrong_paths_and_formats(tmp_path: Path) -> None:
    model = chain()
    with pytest.raises(ValueError, match="have not yet been created"):
        model.save_weights(tmp_path / "w")
    model(X)
    with pytest.raises(tf.errors.NotFoundError, match=r"there is no .*nothing\.index"):
        model.load_weights(tmp_path / "nothing")
    with pytest.raises(ValueError, match="Unknown format"):
        model.save_weights(tmp_path / "w", save_format="zip")
    with pytest.raises(NotImplementedError, match=r"ends in '\.h5'"):
        model.save(tmp_path / "folder")
    with pytest.raises(NotImplementedError, match="by_name=True"):
        model.load_weights(FILES / "chain.ckpt", by_name=True)
    (tmp_path / "x.h5").write_bytes(b"<html>")
    with pytest.raises(DamagedFileError, match="web page"):
        tf.keras.models.load_model(tmp_path / "x.h5")


def test_a_checkpoint_of_something_else() -> None:
    model = Pair()
    with pytest.raises(AssertionError, match="Nothing except the root object matched"):
        model.load_weights(FILES / "chain.ckpt")


def test_changed_bytes_of_weights_are_noticed(tmp_path: Path) -> None:
    model = chain()
    model(X)
    model.save_weights(tmp_path / "w.h5")
    data = (tmp_path / "w.h5").read_bytes()
    at = data.index(model.layers[1].get_weights()[0].tobytes())
    (tmp_path / "w.h5").write_bytes(data[:at] + b"\x00" + data[at + 1 :])
    with pytest.raises(DamagedFileError, match="cannot be read"):
        model.load_weights(tmp_path / "w.h5")


def test_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    model = chain()
    model(X)
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "a") as file:
        layer = model.layers[1].name
        del file[layer]
        file[layer] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(DamagedFileError, match="link to elsewhere"):
        model.load_weights(tmp_path / "w.h5")


# ------------------------------------------------------------------ Checkpoint and its manager
def test_manager_keeps_the_newest(tmp_path: Path) -> None:
    v = tf.Variable(0)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(v=v), tmp_path, max_to_keep=2)
    for i in range(4):
        v.assign(i)
        manager.save()
    assert [Path(p).name for p in manager.checkpoints] == ["ckpt-3", "ckpt-4"]
    assert sorted(p.name for p in tmp_path.glob("*.index")) == ["ckpt-3.index", "ckpt-4.index"]
    again = tf.Variable(9)
    fresh = tf.train.CheckpointManager(tf.train.Checkpoint(v=again), tmp_path, max_to_keep=2)
    assert fresh.restore_or_initialize() == str(tmp_path / "ckpt-4")
    assert int(again) == 3
    assert Path(fresh.save()).name == "ckpt-5"


def test_loop_of_ones_own_goes_on(tmp_path: Path) -> None:
    def made():
        w, o = tf.Variable([1.0, 2.0]), tf.keras.optimizers.Adam(0.1)
        return w, o, tf.train.Checkpoint(w=w, optimizer=o)

    def step(w, o):
        o.minimize(lambda: tf.reduce_sum(w * w), [w])

    w, o, checkpoint = made()
    step(w, o)
    path = checkpoint.save(tmp_path / "c")
    step(w, o)
    w2, o2, fresh = made()
    status = fresh.restore(path)
    step(w2, o2)
    np.testing.assert_array_equal(w2.numpy(), w.numpy())
    status.assert_consumed()
    with pytest.raises(AssertionError, match="save_path=None"):
        fresh.restore(None).assert_consumed()


def test_model_checkpoint_and_templates(tmp_path: Path) -> None:
    model = chain()
    path = str(tmp_path / "deep" / "w{epoch:02d}-{val_loss:.2f}")
    model.fit(
        X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[tf.keras.callbacks.ModelCheckpoint(path, save_weights_only=True)]
    )
    assert len(list((tmp_path / "deep").glob("*.index"))) == 2
    assert tf.train.latest_checkpoint(tmp_path / "deep").startswith(str(tmp_path / "deep" / "w02-"))
