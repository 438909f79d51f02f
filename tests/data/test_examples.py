"""tf.train.Example: bytes as TensorFlow writes them, and tensors of them."""

from pathlib import Path

import pytest

import millstream as tf

train, io = tf.train, tf.io
# train.Example of {"i": [2]} as TensorFlow 2.4 serializes it
OF_TENSORFLOW = bytes.fromhex("0a0c0a0a0a016912051a030a0102")


def example(i: int) -> bytes:
    numbers = train.Feature(int64_list=train.Int64List(value=[i, i + 1]))
    halves = train.Feature(float_list=train.FloatList(value=[0.5] * i))
    texts = train.Feature(bytes_list=train.BytesList(value=[b"ab"]))
    return train.Example(features=train.Features(feature={"i": numbers, "f": halves, "s": texts})).SerializeToString()


def test_bytes_are_tensorflows() -> None:
    made = train.Example(features=train.Features(feature={"i": train.Feature(int64_list=train.Int64List(value=[2]))}))
    assert made.SerializeToString() == OF_TENSORFLOW
    assert train.Example.FromString(OF_TENSORFLOW).features.feature["i"].int64_list.value == [2]


def test_single() -> None:
    wanted = {"i": io.FixedLenFeature([2], tf.int64), "f": io.FixedLenFeature([2, 1], tf.float32), "s": io.FixedLenFeature([], tf.string)}
    got = io.parse_single_example(example(2), {**wanted, "q": io.FixedLenFeature([], tf.float32, 3.0)})
    assert (got["i"].numpy().tolist(), got["f"].numpy().tolist()) == ([2, 3], [[0.5], [0.5]])
    assert (got["s"].numpy(), float(got["q"])) == (b"ab", 3.0)


def test_many_with_rows_of_unequal_number() -> None:
    wanted = {"f": io.FixedLenSequenceFeature([], tf.float32, allow_missing=True), "s": io.FixedLenFeature([], tf.string)}
    got = io.parse_example([example(1), example(3)], wanted)
    assert got["f"].numpy().tolist() == [[0.5, 0, 0], [0.5, 0.5, 0.5]]
    assert got["s"].numpy().tolist() == [b"ab", b"ab"]


def test_records_of_examples(tmp_path: Path) -> None:
    path = str(tmp_path / "r.tfrecord")
    with io.TFRecordWriter(path) as writer:
        for i in range(3):
            writer.write(example(i))
    wanted = {"i": io.FixedLenFeature([2], tf.int64)}
    dataset = tf.data.TFRecordDataset(path).map(lambda s: io.parse_single_example(s, wanted)["i"]).batch(3)
    assert [b.numpy().tolist() for b in dataset] == [[[0, 1], [1, 2], [2, 3]]]


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ({"z": io.FixedLenFeature([], tf.int64)}, r"Feature: z \(data type: int64\) is required"),
        ({"i": io.FixedLenFeature([3], tf.int64)}, "values size: 2 but output shape: \\[3\\]"),
        ({"i": io.FixedLenFeature([2], tf.float32)}, "Data types don't match"),
    ],
)
def test_what_does_not_fit_is_explained(feature, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        io.parse_single_example(example(2), feature)


def test_other_bytes_are_refused() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="is no tf.train.Example"):
        io.parse_single_example(b"\xff\xffabc", {})
    with pytest.raises(tf.errors.UnimplementedError, match="sparse"):
        io.parse_single_example(example(1), {"i": io.VarLenFeature(tf.int64)})
