"""Sequences and texts become TensorFlow 2.4's numbers."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

import millstream as tf

STORED = json.loads((Path(__file__).parents[2] / "reference" / "sequences.json").read_text())
sequence, text = tf.keras.preprocessing.sequence, tf.keras.preprocessing.text


def plain(value):
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("case", STORED["cases"], ids=lambda c: c["expression"])
def test_numbers_are_tensorflows(case) -> None:
    tokenizer = text.Tokenizer(num_words=5, oov_token="<o>")  # noqa: S106  (no password)
    tokenizer.fit_on_texts(STORED["texts"])
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002  (Keras draws from the global generator)
    got = eval(case["expression"], {"s": sequence, "t": text, "k": tokenizer, "np": np, "TEXTS": STORED["texts"]})  # noqa: S307
    assert json.dumps(plain(got)) == json.dumps(case["value"]) or np.allclose(plain(got), case["value"], rtol=1e-12)


def test_characters_and_one_hot() -> None:
    t = text.Tokenizer(char_level=True)
    t.fit_on_texts(["abca", ["x", "A"]])
    assert t.word_index == {"a": 1, "b": 2, "c": 3, "x": 4}
    assert t.texts_to_sequences(["cab!"]) == [[3, 1, 2]]
    assert all(1 <= n < 50 for n in text.one_hot("a b c", 50))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequence.pad_sequences(5), "must be iterable"),
        (lambda: sequence.pad_sequences([1, 2]), "Found non-iterable: 1"),
        (lambda: sequence.pad_sequences([[1]], padding="x"), 'Padding type "x"'),
        (lambda: sequence.pad_sequences([[1]], truncating="x"), 'Truncating type "x"'),
        (lambda: sequence.pad_sequences([["a"]], value="-"), "dtype=object"),
        (lambda: sequence.pad_sequences([[[1, 2]], [[1]]]), "position 1 is different"),
        (lambda: sequence.TimeseriesGenerator(np.arange(9), np.arange(9), 20), "no part of the sequence"),
        (lambda: sequence.TimeseriesGenerator(np.arange(9), np.arange(8), 2), "of same length"),
        (lambda: text.Tokenizer().texts_to_matrix(["a"]), "Specify a dimension"),
        (lambda: text.Tokenizer(3).sequences_to_matrix([[1]], "tfidf"), "before using tfidf"),
        (lambda: text.Tokenizer(3).sequences_to_matrix([[1]], "x"), "Unknown vectorization mode"),
    ],
)
def test_wrong_arguments_are_explained(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
