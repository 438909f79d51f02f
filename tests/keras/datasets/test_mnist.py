"""mnist and fashion_mnist: what lies in the cache, whole or damaged; no cache and no network."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from millstream.formats.damage import DamagedFileError
from millstream.keras.datasets import cached, fashion_mnist, mnist
from millstream.keras.utils import data_utils
from millstream.keras.utils.download import DownloadError

RANDOM = np.random.default_rng(5)
ARRAYS = {
    "x_train": RANDOM.integers(0, 256, (20, 28, 28), np.uint8),
    "y_train": RANDOM.integers(0, 10, 20, np.uint8),
    "x_test": RANDOM.integers(0, 256, (5, 28, 28), np.uint8),
    "y_test": RANDOM.integers(0, 10, 5, np.uint8),
}


@pytest.fixture(autouse=True)
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; the network answers nothing."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(data_utils.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setattr(cached, "ORIGIN", "http://127.0.0.1:9/")
    folder = tmp_path / "home" / "datasets"
    folder.mkdir(parents=True)
    return folder


def check(loaded: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> None:
    (x_train, y_train), (x_test, y_test) = loaded
    for name, array in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == np.uint8


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mnist_of_any_compression_and_checksum(datasets: Path, save: object) -> None:
    save(datasets / "mnist.npz", **ARRAYS)
    check(mnist.load_data())


def test_mnist_elsewhere(tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", **ARRAYS)
    check(mnist.load_data(str(tmp_path / "digits.npz")))


def test_cut_mnist_is_explained_and_kept(datasets: Path) -> None:
    path = datasets / "mnist.npz"
    np.savez(path, **ARRAYS)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DamagedFileError) as caught:
        mnist.load_data()
    assert str(caught.value) == (
        f"{path} is damaged: its end is missing, as after a download that broke off. "
        "Move it away and it is downloaded again, or put a whole one in its place."
    )
    assert path.stat().st_size == 5000


def test_changed_byte_in_mnist(datasets: Path) -> None:
    path = datasets / "mnist.npz"
    np.savez(path, **ARRAYS)
    data = bytearray(path.read_bytes())
    data[data.index(ARRAYS["x_train"].tobytes()) + 77] ^= 4
    path.write_bytes(data)
    with pytest.raises(DamagedFileError, match="array 'x_train' cannot be read .*CRC.* Move it away"):
        mnist.load_data()


def test_lengths_that_do_not_agree(datasets: Path) -> None:
    np.savez(datasets / "mnist.npz", **{**ARRAYS, "y_test": ARRAYS["y_train"]})
    with pytest.raises(DamagedFileError, match=r"test images have shape \(5, 28, 28\) and its test labels \(20,\)"):
        mnist.load_data()


def test_mnist_offline(datasets: Path) -> None:
    with pytest.raises(DownloadError, match=r"mnist\.npz is not on this machine") as caught:
        mnist.load_data()
    assert f"to:   {datasets / 'mnist.npz'}" in str(caught.value)


def test_mnist_is_downloaded_and_checked(tmp_path: Path, datasets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "mnist.npz", **ARRAYS)
    monkeypatch.setattr(cached, "ORIGIN", tmp_path.as_uri() + "/")
    with pytest.raises(DownloadError, match="checksum"):
        mnist.load_data()
    assert list(datasets.iterdir()) == []
    monkeypatch.setattr(mnist, "_SHA256", hashlib.sha256((tmp_path / "mnist.npz").read_bytes()).hexdigest())
    check(mnist.load_data())
    assert [path.name for path in datasets.iterdir()] == ["mnist.npz"]


def write_fashion(folder: Path) -> Path:
    folder.mkdir()
    for split, prefix in (("train", "train"), ("test", "t10k")):
        for array, kind in ((ARRAYS[f"x_{split}"], "images-idx3"), (ARRAYS[f"y_{split}"], "labels-idx1")):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{prefix}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes(), 1))
    return folder


def test_fashion_mnist(datasets: Path) -> None:
    write_fashion(datasets / "fashion-mnist")
    check(fashion_mnist.load_data())


def test_fashion_mnist_is_downloaded(tmp_path: Path, datasets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "ORIGIN", write_fashion(tmp_path / "server").as_uri() + "/")
    check(fashion_mnist.load_data())
    assert len(list((datasets / "fashion-mnist").iterdir())) == 4


def test_cut_fashion_mnist(datasets: Path) -> None:
    path = write_fashion(datasets / "fashion-mnist") / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedFileError, match=r"t10k-images-idx3-ubyte\.gz is damaged: its end is missing.* Move it away"):
        fashion_mnist.load_data()


def test_fashion_mnist_offline_names_all_four(datasets: Path) -> None:
    with pytest.raises(DownloadError, match="Fashion-MNIST has four files, all in that folder: train-images.*t10k-labels") as caught:
        fashion_mnist.load_data()
    assert str(datasets / "fashion-mnist" / "train-images-idx3-ubyte.gz") in str(caught.value)
