"""tf.io: files, folders, and pictures as bytes."""

from pathlib import Path

import numpy as np
import pytest

import millstream as tf

A = np.random.RandomState(0).randint(0, 255, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_there_and_back(channels: int) -> None:
    picture = np.concatenate([A, A], axis=2)[:, :, :channels]
    np.testing.assert_array_equal(tf.io.decode_png(tf.io.encode_png(picture)).numpy(), picture)


def test_channels_and_depth() -> None:
    data = tf.io.encode_png(A)
    gray = tf.io.decode_png(data, channels=1).numpy()
    assert int(gray.sum()) == 4515  # TensorFlow 2.4's
    assert tf.io.decode_png(data, channels=4).numpy()[:, :, 3].tolist() == [[255] * 7] * 5
    np.testing.assert_array_equal(tf.io.decode_png(tf.io.encode_png(A[:, :, :1]), channels=3).numpy(), np.repeat(A[:, :, :1], 3, 2))
    np.testing.assert_array_equal(tf.io.decode_png(data, dtype=tf.uint16).numpy(), A.astype(np.uint16) * 257)
    deep = A[:, :, :1].astype(np.uint16) * 200
    np.testing.assert_array_equal(tf.io.decode_png(tf.io.encode_png(deep), dtype=tf.uint16).numpy(), deep)
    np.testing.assert_array_equal(tf.io.decode_png(tf.io.encode_png(deep)).numpy(), (deep >> 8).astype(np.uint8))


def test_jpeg() -> None:
    smooth = np.repeat(np.repeat(A, 8, 0), 8, 1)
    data = tf.io.encode_jpeg(smooth, quality=100, chroma_downsampling=False)
    assert bool(tf.io.is_jpeg(data))
    assert tf.io.extract_jpeg_shape(data).numpy().tolist() == [40, 56, 3]
    assert np.abs(tf.io.decode_jpeg(data).numpy().astype(int) - smooth).max() <= 3
    assert tf.io.decode_jpeg(data, channels=1, ratio=2).shape == (20, 28, 1)


def test_decode_image() -> None:
    data = tf.io.encode_png(A)
    np.testing.assert_allclose(tf.io.decode_image(data, dtype=tf.float32).numpy(), A / np.float32(255), rtol=1e-6)
    assert tf.image.decode_image is tf.io.decode_image


def test_animations(tmp_path: Path) -> None:
    from PIL import Image

    frames = [Image.fromarray(np.full((4, 5), value, np.uint8)) for value in (0, 90, 255)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    data = tf.io.read_file(str(tmp_path / "a.gif"))
    assert tf.io.decode_gif(data).shape == (3, 4, 5, 3)
    assert tf.io.decode_image(data).shape == (3, 4, 5, 3)
    assert tf.io.decode_image(data, expand_animations=False).shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.io.decode_png(b"abc"), "One of JPEG, PNG, GIF, BMP required"),
        (lambda: tf.io.decode_jpeg(b""), "Input is empty"),
        (lambda: tf.io.decode_png(tf.io.encode_png(A).numpy()[:60]), "Invalid PNG data, size 60"),
        (lambda: tf.io.decode_png(tf.io.encode_png(A), channels=2), "must be 0, 1, 3 or 4 but got 2"),
        (lambda: tf.io.encode_png(A.astype("float32")), "not in the list of allowed values: uint8, uint16"),
        (lambda: tf.io.encode_png(A[0]), "3-dimensional"),
        (lambda: tf.io.decode_raw([b"ab", b"c"], tf.uint8), "all be the same size"),
        (lambda: tf.io.decode_raw(b"abc", tf.int16), "not a multiple of 2"),
    ],
)
def test_wrong_bytes_are_explained(call, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        call()


def test_whole_files(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "a.txt")
    tf.io.write_file(path, "hello")
    assert tf.io.read_file(path).numpy() == b"hello"
    assert tf.io.matching_files(str(tmp_path / "new" / "*")).numpy().tolist() == [path.encode()]
    with pytest.raises(tf.errors.NotFoundError, match="No such file"):
        tf.io.read_file(path + "x")


def test_gfile(tmp_path: Path) -> None:
    gfile, path = tf.io.gfile, str(tmp_path / "a.txt")
    with gfile.GFile(path, "w") as file:
        file.write("a\nb\nc")
    file = gfile.GFile(path)
    assert (file.readline(), file.readlines(), file.size(), file.tell()) == ("a\n", ["b\n", "c"], 5, 5)
    file.seek(0)
    assert [file.read(2), list(file)] == ["a\n", ["b\n", "c"]]
    file.close()
    gfile.makedirs(str(tmp_path / "x" / "y"))
    gfile.copy(path, str(tmp_path / "x" / "b"))
    gfile.rename(str(tmp_path / "x" / "b"), str(tmp_path / "x" / "c"))
    assert sorted(gfile.listdir(str(tmp_path / "x"))) == ["c", "y"]
    assert gfile.glob(str(tmp_path / "x" / "[c]")) == [str(tmp_path / "x" / "c")]
    assert gfile.stat(path).length == 5
    assert [len(files) for _, _, files in gfile.walk(str(tmp_path / "x"))] == [1, 0]
    with pytest.raises(tf.errors.AlreadyExistsError, match="overwrite=True"):
        gfile.copy(path, str(tmp_path / "x" / "c"))
    gfile.rmtree(str(tmp_path / "x"))
    assert not gfile.exists(str(tmp_path / "x"))
    for call in (gfile.remove, gfile.listdir, gfile.rmtree, gfile.stat, lambda p: gfile.GFile(p).read(), lambda p: gfile.mkdir(p + "/z")):
        with pytest.raises(tf.errors.NotFoundError):
            call(str(tmp_path / "nothing"))
    assert tf.gfile.Exists(path)
    assert tf.compat.v1.gfile.GFile is gfile.GFile
