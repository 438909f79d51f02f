"""Data sets of folders: TensorFlow 2.4's order, labels and pictures."""

from pathlib import Path

import numpy as np
import pytest

import millstream as tf

make = tf.keras.preprocessing.image_dataset_from_directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(11):
        target = tmp_path / "pictures" / "ab"[i % 2]
        target.mkdir(parents=True, exist_ok=True)
        tf.keras.preprocessing.image.save_img(target / f"{i}.png", np.full((5 + i, 7, 3), i, np.float32), scale=False)
        (target / f"{i}.txt").write_text(f"text {i}")
    return tmp_path / "pictures"


def seen(dataset) -> list[list[int]]:
    return [[int(v) for v in x.numpy()[:, 0, 0, 0]] for x, _ in dataset]


def test_order_is_tensorflows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tf.random.set_seed(1)
    dataset = make(folder, image_size=(4, 6), batch_size=4, seed=5)
    assert capsys.readouterr().out == "Found 11 files belonging to 2 classes.\n"
    assert dataset.class_names == ["a", "b"]
    assert dataset.element_spec[0] == tf.TensorSpec((None, 4, 6, 3), tf.float32)
    assert seen(dataset) == [[5, 8, 0, 10], [4, 3, 1, 7], [6, 2, 9]]  # TensorFlow 2.4's
    tf.random.set_seed(1)
    assert [y.numpy().tolist() for _, y in make(folder, seed=5, batch_size=11)] == [[1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1]]


def test_modes(folder: Path) -> None:
    x, y = next(iter(make(folder, label_mode="categorical", color_mode="grayscale", interpolation="nearest", shuffle=False)))
    assert (x.dtype, x.shape) == (tf.uint8, (11, 256, 256, 1))
    assert y.numpy()[[0, -1]].tolist() == [[1, 0], [0, 1]]
    assert next(iter(make(folder, label_mode="binary", shuffle=False)))[1].shape == (11, 1)
    assert next(iter(make(folder, label_mode=None, shuffle=False))).shape == (11, 256, 256, 3)


def test_halves_do_not_overlap(folder: Path) -> None:
    halves = [make(folder, validation_split=0.3, subset=s, seed=5, image_size=(4, 4)) for s in ("training", "validation")]
    numbers = [sorted(n for batch in seen(h) for n in batch) for h in halves]
    assert [len(n) for n in numbers] == [8, 3]
    assert sorted(numbers[0] + numbers[1]) == list(range(11))
    with pytest.raises(ValueError, match="must provide a `seed`"):
        make(folder, validation_split=0.3, subset="training")


def test_texts(folder: Path) -> None:
    tf.random.set_seed(1)
    dataset = tf.keras.preprocessing.text_dataset_from_directory(folder, batch_size=4, seed=5)
    assert next(x.numpy().tolist() for x, _ in dataset) == [b"text 5", b"text 8", b"text 0", b"text 10"]


def test_linear_resizing() -> None:
    from millstream.keras.preprocessing.folders import _bilinear

    row = np.array([0, 10, 20, 30], np.float32).reshape(1, 4, 1)
    assert _bilinear(row, (1, 8))[0, :, 0].tolist() == [0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 30]
    assert _bilinear(row, (1, 2))[0, :, 0].tolist() == [5, 25]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color_mode": "x"}, "color_mode"),
        ({"label_mode": "x"}, "label_mode"),
        ({"labels": [1]}, "len\\(labels\\) is 1"),
        ({"class_names": ["a"]}, "did not match the names"),
        ({"validation_split": 0.3}, "given together"),
        ({"interpolation": "x"}, "'bilinear' or 'nearest'"),
    ],
)
def test_wrong_arguments_are_explained(folder: Path, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(folder, **options)
