"""Writes augment.npz, augment.json and sequences.json: pictures and texts as the installed TensorFlow 2.4 prepares them.

python tests/reference/make_preprocessing.py        (with TensorFlow 2.4, SciPy 1.6 or newer)
"""

import json
import os
import random

import numpy as np
import tensorflow as tf

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURES = np.random.RandomState(1).randint(0, 256, (5, 6, 7, 3)).astype("float32")
FLOWS = [
    "rotation_range=45, width_shift_range=.15, height_shift_range=.15, zoom_range=0.5",
    "rotation_range=30, shear_range=20, fill_mode='constant', cval=7.",
    "rotation_range=30, fill_mode='wrap', zoom_range=(1.2, 2.5)",
    "horizontal_flip=True, vertical_flip=True, channel_shift_range=40., rescale=1/255.",
    "brightness_range=(0.5, 1.5)",
    "featurewise_center=True, featurewise_std_normalization=True",
    "samplewise_center=True, samplewise_std_normalization=True",
    "zca_whitening=True, zca_epsilon=0.1",
    "width_shift_range=[-2, -1, 0, 1, 2], height_shift_range=2",
    "rotation_range=90, preprocessing_function=lambda x: x + np.random.rand(), dtype='float64'",
]
SEQUENCES = [
    "s.pad_sequences([[1], [2, 3, 4], []])",
    "s.pad_sequences([[1], [2, 3, 4]], maxlen=2, padding='post', truncating='post', value=9, dtype='float32')",
    "s.skipgrams([1, 2, 0, 3, 4], 6, window_size=2, seed=7)",
    "s.skipgrams([1, 2, 3], 5, shuffle=False, negative_samples=0.5, categorical=True)",
    "s.skipgrams([1, 2, 3, 4], 5, sampling_table=s.make_sampling_table(5, 0.1))",
    "s.make_sampling_table(6)",
    "s.TimeseriesGenerator(np.arange(20).reshape(10, 2), np.arange(10), 3, sampling_rate=2, stride=2, batch_size=2)[1]",
    "s.TimeseriesGenerator(np.arange(10), np.arange(10), 3, start_index=1, end_index=8, reverse=True, batch_size=3)[1]",
    "s.TimeseriesGenerator(np.arange(10), np.arange(10), 3, shuffle=True, batch_size=3)[0]",
    "t.text_to_word_sequence('Hello, World! a\\tb\\n c  d')",
    "t.hashing_trick('the cat sat', 10, hash_function='md5')",
    "k.texts_to_sequences(TEXTS)",
    "k.sequences_to_texts(k.texts_to_sequences(TEXTS))",
    "k.texts_to_matrix(TEXTS, 'tfidf')",
    "k.texts_to_matrix(TEXTS, 'freq')",
    "t.tokenizer_from_json(k.to_json()).texts_to_sequences([['Cat', 'the', 'zebra']])",
]
TEXTS = ["The cat, sat on the mat.", "The dog ate the cat!", "un-do it"]


def plain(value):
    """As JSON has it."""
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def write(name, value):
    """A file of JSON beside this one."""
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, indent=1)


def main():
    arrays = {"pictures": PICTURES}
    for number, arguments in enumerate(FLOWS):
        generator = eval(f"tf.keras.preprocessing.image.ImageDataGenerator({arguments})")
        generator.fit(PICTURES, augment=True, rounds=2, seed=4)
        flow = generator.flow(PICTURES, np.arange(5), batch_size=3, seed=5)
        for i in range(3):
            arrays[f"{number}/{i}/x"], arrays[f"{number}/{i}/y"] = next(flow)
    np.savez_compressed(os.path.join(HERE, "augment.npz"), **arrays)
    write("augment.json", {"flows": FLOWS})
    names = {"s": tf.keras.preprocessing.sequence, "t": tf.keras.preprocessing.text, "np": np, "TEXTS": TEXTS}
    names["k"] = tf.keras.preprocessing.text.Tokenizer(num_words=5, oov_token="<o>")  # noqa: S106  (no password)
    names["k"].fit_on_texts(TEXTS)
    found = []
    for expression in SEQUENCES:
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002  (Keras draws from the global generator)
        found.append({"expression": expression, "value": plain(eval(expression, names))})
    write("sequences.json", {"texts": TEXTS, "cases": found})


if __name__ == "__main__":
    main()
