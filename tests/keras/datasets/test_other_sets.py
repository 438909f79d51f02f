"""boston_housing, imdb, reuters, cifar: small caches, and what TensorFlow 2.4.4 loads from the same ones (reference.json)."""

import importlib.util
import json
import os
import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import millstream as tf
from millstream.formats.damage import DamagedFileError
from millstream.keras.datasets import cached
from millstream.keras.utils import data_utils
from millstream.keras.utils.download import DownloadError

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text())


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_keras_cache", HERE / "make_keras_cache.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(data_utils.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setattr(cached, "ORIGIN", "http://127.0.0.1:9/")
    maker().write_cache(tmp_path)
    return tmp_path / "datasets"


@pytest.mark.parametrize("call", REFERENCE)
def test_as_tensorflow(call: str) -> None:
    name, options = call.split(" ", 1)
    splits = getattr(tf.keras.datasets, name).load_data(**json.loads(options))
    assert [maker().facts(array) for split in splits for array in split] == REFERENCE[call]


def test_cifar10(datasets: Path) -> None:
    (x_train, y_train), (x_test, y_test) = tf.keras.datasets.cifar10.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((20, 32, 32, 3), (20, 1), (4, 32, 32, 3), (4, 1))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    first = pickle.loads((datasets / "cifar-10-batches-py" / "data_batch_2").read_bytes())
    assert x_train[4, 3, 7, 1] == first[b"data"][0, 1024 + 3 * 32 + 7]
    assert y_train[4, 0] == first[b"labels"][0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [1, 2]}), r"\(4, 32, 32, 3\) and its training labels \(2, 1\)"),
        (pickle.dumps({b"data": np.zeros((4, 100), np.uint8), b"labels": [1] * 4}), "its images are not of 3x32x32 values"),
        (pickle.dumps({b"data": np.zeros((4, 3072), np.uint8)}), "it has no 'labels'; it holds data"),
        (pickle.dumps([1]), "it has no 'data'; it holds something else"),
        (pickle.dumps({b"data": np.zeros((4, 3072), np.uint8)})[:-20], "it cannot be read as pickled data"),
        (pickle.dumps(os.getcwd), "it holds posix.getcwd, which is not data"),
        (b"", "it cannot be read as pickled data"),
    ],
)
def test_damaged_cifar(datasets: Path, content: bytes, says: str) -> None:
    (datasets / "cifar-10-batches-py" / "data_batch_3").write_bytes(content)
    with pytest.raises(DamagedFileError, match=f"data_batch_3 is damaged: .*{says}.* Move it away"):
        tf.keras.datasets.cifar10.load_data()


def test_objects_in_an_archive_are_data_only(datasets: Path) -> None:
    evil = np.empty(1, object)
    evil[0] = os.getcwd
    np.savez(datasets / "reuters.npz", x=evil, y=np.zeros(1))
    with pytest.raises(DamagedFileError, match="array 'x' cannot be read .it holds posix.getcwd, which is not data"):
        tf.keras.datasets.reuters.load_data()


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index(datasets: Path, name: str) -> None:
    (datasets / f"{name}_word_index.json").write_text('{"the": 1, "fa\\u00e7ade": 2}')
    assert getattr(tf.keras.datasets, name).get_word_index() == {"the": 1, "façade": 2}
    (datasets / f"{name}_word_index.json").write_text('{"the": 1,')
    with pytest.raises(DamagedFileError, match="it is no JSON"):
        getattr(tf.keras.datasets, name).get_word_index()


@pytest.mark.parametrize("name", ["imdb", "reuters", "boston_housing"])
def test_offline(datasets: Path, name: str) -> None:
    (datasets / f"{name}.npz").unlink()
    with pytest.raises(DownloadError, match=f"{name}.npz is not on this machine"):
        getattr(tf.keras.datasets, name).load_data()


def test_wrong_arguments() -> None:
    sets = tf.keras.datasets
    with pytest.raises(ValueError, match="no sequence was kept. Increase maxlen"):
        sets.imdb.load_data(maxlen=2)
    with pytest.raises(TypeError, match="Unrecognized keyword arguments: {'words': 3}"):
        sets.imdb.load_data(words=3)
    with pytest.raises(ValueError, match="`label_mode` must be one of"):
        sets.cifar100.load_data(label_mode="medium")
    with pytest.raises(ValueError, match="test_split is the share"):
        sets.boston_housing.load_data(test_split=1.5)


def test_nb_words_is_num_words(caplog: pytest.LogCaptureFixture) -> None:
    (x, _), _ = tf.keras.datasets.imdb.load_data(nb_words=5)
    assert max(max(text) for text in x) < 5
    assert "renamed `num_words`" in caplog.text
