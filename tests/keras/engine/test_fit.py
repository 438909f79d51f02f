"""fit, evaluate and predict on data of every form, and what they say about data that do not fit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import millstream as tf

L = tf.keras.layers
x = np.random.default_rng(1).uniform(-1, 1, (10, 4)).astype("float32")
y = np.arange(10) % 3


@pytest.fixture(autouse=True)
def _fresh_names() -> None:
    tf.keras.backend.clear_session()


def classifier(loss: str = "sparse_categorical_crossentropy", **options: Any) -> Any:
    model = tf.keras.Sequential([L.Dense(3, activation="softmax", kernel_initializer="zeros")])
    model.compile(tf.keras.optimizers.SGD(0.5), loss, metrics=["accuracy"], **options)
    return model


class Batches(tf.keras.utils.Sequence):
    ended = 0

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return x[index * 4 : index * 4 + 4], y[index * 4 : index * 4 + 4]

    def on_epoch_end(self) -> None:
        self.ended += 1


def endless() -> Iterator[Any]:
    while True:
        yield from (Batches()[i] for i in range(3))


FORMS: dict[str, Any] = {
    "arrays": lambda m: m.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0),
    "doubles": lambda m: m.fit(x.astype("float64"), y.astype("float64"), batch_size=4, epochs=2, shuffle=False, verbose=0),
    "tensors": lambda m: m.fit(tf.constant(x), tf.constant(y), batch_size=4, epochs=2, shuffle=False, verbose=0),
    "lists": lambda m: m.fit(x.tolist(), y.tolist(), batch_size=4, epochs=2, shuffle=False, verbose=0),
    "frames": lambda m: m.fit(pd.DataFrame(x), pd.Series(y), batch_size=4, epochs=2, shuffle=False, verbose=0),
    "sequence": lambda m: m.fit(Batches(), epochs=2, shuffle=False, verbose=0),
    "generator": lambda m: m.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0),
    "fit_generator": lambda m: m.fit_generator(endless(), steps_per_epoch=3, epochs=2, verbose=0),
    "list_of_batches": lambda m: m.fit(iter([Batches()[i] for i in range(3)] * 2), steps_per_epoch=3, epochs=2, verbose=0),
    "step_by_step": lambda m: m.fit(
        x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[tf.keras.callbacks.LambdaCallback(on_batch_end=print)]
    ),
    "more_steps_than_batches": lambda m: m.fit(x, y, batch_size=4, steps_per_epoch=6, epochs=1, shuffle=False, verbose=0),
}


@pytest.mark.filterwarnings("ignore:`Model.fit_generator`")
@pytest.mark.parametrize("form", FORMS)
def test_data_of_every_form_train_alike(form: str) -> None:
    plain, other = classifier(), classifier()
    FORMS["arrays"](plain)
    if form == "more_steps_than_batches":
        other.fit(x, y, batch_size=4, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0)
    else:
        FORMS[form](other)
    for a, b in zip(plain.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("eagerly", [True, False])
def test_compiled_and_eager_training_agree(eagerly: bool) -> None:
    model = classifier(run_eagerly=eagerly)
    history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, validation_split=0.2).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    np.testing.assert_allclose(history["loss"][0], 1.0968, atol=0.02)
    assert history["loss"][2] < history["loss"][0]
    evaluated = model.evaluate(x, y, batch_size=4, verbose=0)
    np.testing.assert_allclose(evaluated, model.evaluate(Batches(), verbose=0), rtol=1e-5)
    assert model.metrics_names == ["loss", "accuracy"]


def test_a_sequence_is_told_of_the_end_of_epochs() -> None:
    data = Batches()
    classifier().fit(data, epochs=3, verbose=0)
    assert data.ended == 3


def test_predict_takes_every_form() -> None:
    model = classifier()
    wanted = model(x).numpy()
    for data in (x, x.astype("float64"), tf.constant(x), x.tolist(), pd.DataFrame(x), Batches(), iter([x[:4], x[4:]])):
        np.testing.assert_allclose(model.predict(data), wanted, rtol=1e-6)
    np.testing.assert_allclose(model.predict(x, batch_size=3), wanted, rtol=1e-6)
    np.testing.assert_allclose(model.predict(x, batch_size=4, steps=2), wanted[:8], rtol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x), wanted, rtol=1e-6)
    first = model.predict(x[:1])
    model.predict(x[5:6])
    np.testing.assert_allclose(first, wanted[:1], rtol=1e-6)  # an earlier result is not written over


def test_predict_follows_the_weights() -> None:
    model = classifier()
    model.predict(x)
    model.set_weights([np.ones((4, 3)), np.array([9.0, 0.0, 0.0])])
    assert model.predict(x).argmax(1).tolist() == [0] * 10
    with pytest.warns(UserWarning, match="predict_classes"):
        assert model.predict_classes(x).tolist() == [0] * 10
    with pytest.warns(UserWarning, match="predict_proba"):
        assert model.predict_proba(x).shape == (10, 3)


def test_changes_of_the_model_are_noticed() -> None:
    model = tf.keras.Sequential([L.Dense(3, input_shape=(4,)), L.Dense(2)])
    model.compile("sgd", "mse")
    targets = np.ones((10, 2))
    model.fit(x, targets, verbose=0)
    model.layers[0].trainable = False
    before = model.layers[0].get_weights()
    model.fit(x, targets, verbose=0)  # goes by the flags of the time of compile
    assert not np.array_equal(before[0], model.layers[0].get_weights()[0])
    assert model.layers[0].trainable is False
    model.compile("sgd", "mse")
    before = model.layers[0].get_weights()
    model.fit(x, targets, verbose=0)
    assert np.array_equal(before[0], model.layers[0].get_weights()[0])
    model.add(L.Dense(5))
    assert model.predict(x).shape == (10, 5)


def two_heads() -> Any:
    a, b = tf.keras.Input((4,), name="a"), tf.keras.Input((4,), name="b")
    h = L.concatenate([a, b])
    model = tf.keras.Model([a, b], [L.Dense(1, name="left")(h), L.Dense(3, activation="softmax", name="right")(h)])
    model.compile(
        "sgd", {"left": "mse", "right": "sparse_categorical_crossentropy"}, {"left": "mae", "right": ["accuracy", "mse"]}, [1.0, 0.5]
    )
    return model


def test_several_inputs_and_outputs() -> None:
    model = two_heads()
    first = model.fit({"b": x, "a": x}, {"right": y, "left": x[:, 0]}, verbose=0, sample_weight={"left": np.ones(10)}).history
    assert list(first) == ["loss", "left_loss", "right_loss", "left_mae", "right_accuracy", "right_mse"]
    np.testing.assert_allclose(first["loss"], first["left_loss"][0] + 0.5 * first["right_loss"][0], rtol=1e-6)
    assert len(model.evaluate((x, x), [x[:, 0], y], verbose=0)) == 6
    assert [p.shape for p in model.predict([x, x])] == [(10, 1), (10, 3)]
    with pytest.raises(ValueError, match="unexpected keys.*middle"):
        model.fit([x, x], {"left": y, "right": y, "middle": y}, verbose=0)
    with pytest.raises(ValueError, match="3 entries where the model has 2 outputs"):
        model.fit([x, x], [y, y, y], verbose=0)


def test_a_step_of_the_users_decides_what_is_reported() -> None:
    class Own(tf.keras.Model):
        def train_step(self, data: Any) -> Any:
            inputs, targets = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.abs(self(inputs) - targets))
            self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True))
            return {"mine": loss, "twice": 2.0 * loss}

    i = tf.keras.Input((4,))
    model = Own(i, L.Dense(1)(i))
    model.compile("sgd")
    history = model.fit(x, x[:, :1], epochs=2, verbose=0).history
    assert list(history) == ["mine", "twice"]
    np.testing.assert_allclose(history["twice"], 2 * np.array(history["mine"]), rtol=1e-6)
    assert history["mine"][1] < history["mine"][0]


def test_weights_of_classes_and_samples_multiply() -> None:
    weighted, by_sample = classifier(), classifier()
    table = {0: 1.0, 1: 2.0, 2: 0.5}
    a = weighted.fit(x, y, class_weight=table, verbose=0, shuffle=False).history
    b = by_sample.fit(x, y, sample_weight=np.array([table[c] for c in y]), verbose=0, shuffle=False).history
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-6)


WRONG: list[tuple[str, Any, type[Exception], str]] = [
    ("lengths", lambda: classifier().fit(x, y[:9]), ValueError, "x sizes: 10\n  y sizes: 9"),
    ("empty", lambda: classifier().fit(x[:0], y[:0]), ValueError, "no samples"),
    ("empty list", lambda: classifier().fit([], []), ValueError, "empty list"),
    ("strings", lambda: classifier().fit(np.array([["a"]] * 10), y), ValueError, "x holds strings, such as 'a'"),
    ("ragged", lambda: classifier().fit([[1, 2], [3]], [0, 1]), ValueError, "ragged list.*pad_sequences"),
    ("objects", lambda: classifier().fit(np.array([np.zeros(2), np.zeros(3)], object), y[:2]), ValueError, "rows of different lengths"),
    ("scalar", lambda: classifier().fit(np.float32(1), y), ValueError, "samples along the first axis"),
    ("no data", lambda: classifier().fit(), ValueError, "fit needs x"),
    ("no targets", lambda: classifier().fit(x), ValueError, "no targets"),
    ("split", lambda: classifier().fit(x[:1], y[:1], validation_split=0.5), ValueError, "not sufficient to split"),
    ("split of a stream", lambda: classifier().fit(Batches(), validation_split=0.5), ValueError, "only supported for"),
    ("validation", lambda: classifier().fit(x, y, validation_data=x), ValueError, "validation_data is"),
    ("frequency", lambda: classifier().fit(x, y, validation_data=(x, y), validation_freq="a"), ValueError, "validation_freq"),
    ("not compiled", lambda: tf.keras.Sequential([L.Dense(2)]).fit(x, y), RuntimeError, "must compile"),
    ("batch size", lambda: classifier().fit(x, y, batch_size=0), ValueError, "batch_size"),
    ("steps", lambda: classifier().fit(x, y, steps_per_epoch=0), ValueError, "steps_per_epoch"),
    ("class", lambda: classifier().fit(x, y, callbacks=[tf.keras.callbacks.History]), TypeError, "an object, not its class"),
    ("y of a stream", lambda: classifier().fit(Batches(), y), ValueError, "not supported when using keras.utils.Sequence"),
    ("class weights", lambda: classifier().fit(x, y, class_weight={1: 1.0}), ValueError, "keys from 0"),
    ("missing class", lambda: classifier().fit(x, y, class_weight={0: 1.0, 1: 1.0}), ValueError, "no weight for class 2"),
    ("labels", lambda: classifier().fit(x, y + 1), tf.errors.InvalidArgumentError, "label value of 3"),
    ("one-hot labels", lambda: classifier().fit(x, np.eye(3)[y]), ValueError, "look one-hot"),
    ("class numbers", lambda: classifier("categorical_crossentropy").fit(x, y), ValueError, "use sparse_categorical_crossentropy"),
    ("optimizer", lambda: classifier().compile("adamm"), ValueError, "'adam'"),
    ("loss", lambda: classifier().compile("sgd", "mean_square_error"), ValueError, "mean_squared_error"),
    ("metric", lambda: classifier().compile("sgd", "mse", ["accurracy"]), ValueError, "'accuracy'"),
    ("keyword", lambda: classifier().compile("sgd", los="mse"), TypeError, "'los'"),
    ("predict", lambda: classifier().predict("a"), TypeError, "of type str"),
    ("same metric twice", lambda: classifier().fit(x, y) and _twice(), ValueError, "two metrics with the same name: mse"),
]


def _twice() -> Any:
    model = tf.keras.Sequential([L.Dense(1)])
    model.compile("sgd", "mse", ["mse", "mse"])
    return model.fit(x, y, verbose=0)


@pytest.mark.parametrize(("make", "error", "says"), [pytest.param(*row[1:], id=row[0]) for row in WRONG])
def test_wrong_data_are_explained(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=f"(?s){says}"):
        make()


def test_other_shapes_than_before_name_the_layer() -> None:
    model = classifier()
    model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=r"layer sequential.*value 4.*\(.*, 5\)"):
        model.fit(np.ones((10, 5)), y, verbose=0)
