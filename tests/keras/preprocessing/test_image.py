"""ImageDataGenerator gives TensorFlow 2.4's pictures for NumPy's seeds, from arrays, folders and tables."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import millstream as tf

REFERENCE = Path(__file__).parents[2] / "reference"
FLOWS = json.loads((REFERENCE / "augment.json").read_text())["flows"]
DATA = dict(np.load(REFERENCE / "augment.npz"))
X = DATA["pictures"]
image = tf.keras.preprocessing.image


@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies `zca_whitening`")
@pytest.mark.parametrize("number", range(len(FLOWS)), ids=FLOWS)
def test_pictures_are_tensorflows(number: int) -> None:
    generator = eval(f"image.ImageDataGenerator({FLOWS[number]})", {"image": image, "np": np})  # noqa: S307  (texts of our own)
    generator.fit(X, augment=True, rounds=2, seed=4)
    flow = generator.flow(X, np.arange(5), batch_size=3, seed=5)
    for i in range(3):
        x, y = next(flow)
        assert y.tolist() == DATA[f"{number}/{i}/y"].tolist()
        assert x.dtype == DATA[f"{number}/{i}/x"].dtype
        np.testing.assert_allclose(x, DATA[f"{number}/{i}/x"], atol=1e-3 * max(1, np.abs(x).max()))


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("nearest", [1, 1, 1, 2, 4]),
        ("reflect", [2, 1, 1, 2, 4]),
        ("mirror", [4, 2, 1, 2, 4]),
        ("wrap", [4, 8, 1, 2, 4]),
        ("constant", [7, 7, 1, 2, 4]),
    ],
)
def test_beyond_the_edges(mode: str, row: list[int]) -> None:
    x = np.array([1, 2, 4, 8, 1]).reshape(1, 5, 1)
    got = image.apply_affine_transform(x, ty=-2, fill_mode=mode, cval=7)
    assert got[0, :, 0].tolist() == row


def test_first_channels_are_the_same_pictures() -> None:
    arguments = {"rotation_range": 40, "horizontal_flip": True, "channel_shift_range": 20.0, "samplewise_center": True}
    last = image.ImageDataGenerator(**arguments).flow(X, batch_size=5, seed=1)
    first = image.ImageDataGenerator(data_format="channels_first", **arguments).flow(X.transpose(0, 3, 1, 2), batch_size=5, seed=1)
    np.testing.assert_array_equal(next(first), next(last).transpose(0, 3, 1, 2))


def test_subsets_weights_and_numbers() -> None:
    generator = image.ImageDataGenerator(validation_split=0.4)
    labels = np.array([0, 1, 0, 1, 1])
    training = generator.flow(X, labels, sample_weight=np.arange(5), subset="training", batch_size=2)
    check = generator.flow(X, labels, subset="validation", shuffle=False)
    assert (len(training), len(check)) == (2, 1)
    assert [p.shape for p in training[1]] == [(1, 6, 7, 3), (1,), (1,)]
    np.testing.assert_array_equal(check[0][0], X[:2])
    with pytest.raises(ValueError, match="different number of classes"):
        generator.flow(X, np.arange(5), subset="training")
    with pytest.raises(ValueError, match="retrieve element 2"):
        training[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, x in enumerate(X):
        target = tmp_path / "pictures" / "ab"[i % 2]
        target.mkdir(parents=True, exist_ok=True)
        image.save_img(target / f"{i}.png", x, scale=False)
    return tmp_path


def test_folders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = image.ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        folder / "pictures", target_size=(6, 7), batch_size=5, shuffle=False
    )
    assert capsys.readouterr().out == "Found 5 images belonging to 2 classes.\n"
    assert flow.class_indices == {"a": 0, "b": 1}
    assert flow.filenames == ["a/0.png", "a/2.png", "a/4.png", "b/1.png", "b/3.png"]
    x, y = next(flow)
    np.testing.assert_allclose(x, X[[0, 2, 4, 1, 3]] / 255, rtol=1e-6)
    assert y.tolist() == [[1, 0]] * 3 + [[0, 1]] * 2
    small = image.ImageDataGenerator().flow_from_directory(folder / "pictures", (3, 3), "grayscale", class_mode="binary", seed=1)
    x, y = small[0]
    assert x.shape == (5, 3, 3, 1)
    assert sorted(y.tolist()) == [0, 0, 0, 1, 1]


def test_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame({"filename": [f"{'ab'[i % 2]}/{i}.png" for i in range(5)], "class": list("xyxyx"), "v": np.arange(5.0)})
    generator = image.ImageDataGenerator(validation_split=0.4)
    flow = generator.flow_from_dataframe(table, folder / "pictures", target_size=(6, 7), shuffle=False, class_mode="sparse", weight_col="v")
    assert capsys.readouterr().out == "Found 5 validated image filenames belonging to 2 classes.\n"
    x, y, w = next(flow)
    np.testing.assert_array_equal(x, X)
    assert (y.tolist(), w.tolist()) == ([0, 1, 0, 1, 0], [0, 1, 2, 3, 4])
    part = generator.flow_from_dataframe(table, folder / "pictures", y_col="v", class_mode="raw", subset="validation", shuffle=False)
    assert part[0][1].tolist() == [0, 1]
    table.loc[0, "filename"] = "a/nothing.png"
    with pytest.warns(UserWarning, match=r"Found 1 invalid image filename\(s\)"):
        generator.flow_from_dataframe(table, folder / "pictures")


def test_saved_pictures(tmp_path: Path) -> None:
    flow = image.ImageDataGenerator().flow(X, batch_size=5, save_to_dir=tmp_path, save_prefix="p", shuffle=False)
    next(flow)
    saved = sorted(tmp_path.glob("p_*.png"))
    assert [p.name.split("_")[1] for p in saved] == list("01234")
    assert image.load_img(saved[0], target_size=(3, 4)).size == (4, 3)
    assert image.img_to_array(image.load_img(saved[0], color_mode="grayscale")).shape == (6, 7, 1)


def test_a_model_trains_on_a_flow() -> None:
    model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    flow = image.ImageDataGenerator(rescale=1 / 255, rotation_range=5).flow(X, np.arange(5.0), batch_size=2)
    history = model.fit(flow, epochs=2, verbose=0, validation_data=flow)
    assert len(history.history["val_loss"]) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: image.ImageDataGenerator(zoom_range=(1, 2, 3)), "zoom_range"),
        (lambda: image.ImageDataGenerator(validation_split=2), "strictly between 0 and 1"),
        (lambda: image.ImageDataGenerator(brightness_range=1), "brightness_range"),
        (lambda: image.ImageDataGenerator(data_format="x"), "Invalid data_format: x"),
        (lambda: image.ImageDataGenerator().flow(X[0]), "should have rank 4"),
        (lambda: image.ImageDataGenerator().flow(X, [1]), "should have the same length"),
        (lambda: image.ImageDataGenerator().fit(X[0]), "should have rank 4"),
        (lambda: image.array_to_img(X), "rank 3"),
        (lambda: image.array_to_img(np.zeros((2, 2, 5))), "channel number: 5"),
        (lambda: image.load_img("x.png", color_mode="hsv"), "color_mode must be"),
    ],
)
def test_wrong_arguments_are_explained(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
