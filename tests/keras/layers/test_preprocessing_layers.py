"""Preprocessing layers: numbers as TensorFlow 2.4.4 gives them, vocabularies, modes, refusals."""

import numpy as np
import pytest

import millstream as tf

P = tf.keras.layers.experimental.preprocessing


def test_words_are_numbered_by_count() -> None:
    layer = P.TextVectorization(max_tokens=10, output_sequence_length=4)
    layer.adapt(np.array([["a b c d a"], ["b, A! e"]]))
    assert layer.get_vocabulary() == ["", "[UNK]", "a", "b", "e", "d", "c"]
    assert layer(np.array([["a c zz"], ["b b b b b b"]])).numpy().tolist() == [[2, 6, 1, 0], [3, 3, 3, 3]]


@pytest.mark.parametrize(("mode", "wanted"), [("binary", [[0.0, 1.0, 1.0]]), ("count", [[0.0, 2.0, 1.0]])])
def test_words_are_marked_or_counted(mode: str, wanted: list) -> None:
    layer = P.TextVectorization(output_mode=mode, vocabulary=["x", "y"])
    assert layer(["x y x"]).numpy().tolist() == wanted


def test_lookups_and_their_inverse() -> None:
    words = P.StringLookup(vocabulary=["a", "b"])
    assert words(np.array([["a", "q"], ["b", ""]])).numpy().tolist() == [[2, 1], [3, 0]]
    back = P.StringLookup(vocabulary=words.get_vocabulary(), invert=True)
    assert back(np.array([2, 3, 1])).numpy().tolist() == [b"a", b"b", b"[UNK]"]
    assert P.IntegerLookup(vocabulary=[5, 7])(np.array([[5, 9], [7, 0]])).numpy().tolist() == [[2, 1], [3, 0]]
    with pytest.raises(ValueError, match="repeated term"):
        P.StringLookup(vocabulary=["a", "a"])


def test_normalization_of_data() -> None:
    layer = P.Normalization()
    layer.adapt(tf.data.Dataset.from_tensor_slices(np.array([[1.0, 2.0], [3.0, 5.0]], "f")).batch(1))
    assert layer(np.array([[1.0, 2.0]], "f")).numpy().tolist() == [[-1.0, -1.0]]
    assert [w.numpy().tolist() for w in layer.weights] == [[2.0, 3.5], [1.0, 2.25], 2]


def test_pictures_change_in_training_alone() -> None:
    model = tf.keras.Sequential([P.Rescaling(1 / 255.0), P.RandomFlip("horizontal", seed=1), P.Resizing(4, 4)])
    x = np.random.RandomState(0).rand(8, 4, 4, 3).astype("f") * 255
    np.testing.assert_allclose(model(x, training=False).numpy(), x / 255, rtol=1e-5)
    trained = model(x, training=True).numpy()
    for got, want in zip(trained, x / 255, strict=True):
        assert np.allclose(got, want, rtol=1e-5) or np.allclose(got, want[:, ::-1], rtol=1e-5)


@pytest.mark.parametrize(
    "layer", [P.Rescaling(2.0, 1.0), P.Resizing(3, 2), P.CenterCrop(2, 3), P.RandomFlip(), P.RandomContrast(0.1), P.CategoryEncoding(5)]
)
def test_configurations_make_equal_layers(layer: object) -> None:
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_wrong_arguments_are_explained() -> None:
    with pytest.raises(ValueError, match="unknown mode argument"):
        P.RandomFlip("sideways")
    with pytest.raises(RuntimeError, match="pass max_tokens"):
        P.CategoryEncoding()([[1]])
    with pytest.raises(ValueError, match="given together"):
        P.Normalization(mean=1.0)
