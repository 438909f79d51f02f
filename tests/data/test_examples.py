"""Examples written and parsed, tables, buckets, sparse tensors, files: values and bytes as TensorFlow 2.4.4's."""

from pathlib import Path

import numpy as np
import pytest

import millstream as tf

NAMED = tf.train
FIXED = {"a": tf.io.FixedLenFeature([2], tf.int64), "b": tf.io.FixedLenFeature([], tf.float32, 7.0)}


def example(**lists):
    kinds = {"a": "int64_list", "b": "float_list", "c": "bytes_list"}
    classes = {"a": NAMED.Int64List, "b": NAMED.FloatList, "c": NAMED.BytesList}
    features = {k: NAMED.Feature(**{kinds[k]: classes[k](value=v)}) for k, v in lists.items()}
    return NAMED.Example(features=NAMED.Features(feature=features)).SerializeToString()


def test_bytes_are_protobufs() -> None:
    assert example(a=[1, 300]).hex() == "0a0e0a0c0a016112071a050a0301ac02"


def test_parsed_features() -> None:
    rows = [example(a=[1, 2], c=[b"x", b"yy"]), example(a=[3, 4], b=[0.5], c=[b"z"])]
    found = tf.io.parse_example(rows, {**FIXED, "c": tf.io.VarLenFeature(tf.string)})
    assert found["a"].numpy().tolist() == [[1, 2], [3, 4]]
    assert found["b"].numpy().tolist() == [7.0, 0.5]
    assert found["c"].indices.numpy().tolist() == [[0, 0], [0, 1], [1, 0]]
    assert tf.sparse.to_dense(found["c"]).numpy().tolist() == [[b"x", b"yy"], [b"z", b""]]


def test_parsed_in_a_data_set_with_its_spec(tmp_path: Path) -> None:
    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for i in range(3):
            writer.write(example(a=[i, i + 1]))
    ds = tf.data.TFRecordDataset(path).map(lambda x: tf.io.parse_single_example(x, FIXED)).batch(2)
    assert ds.element_spec["a"] == tf.TensorSpec([None, 2], tf.int64)
    assert [d["a"].numpy().tolist() for d in ds] == [[[0, 1], [1, 2]], [[2, 3]]]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\xff\xff", "Could not parse example"), (example(b=[1.0]), "Feature: a .* is required"), (example(a=[1]), "Values size: 1"),
     (NAMED.Example(features=NAMED.Features(feature={"a": NAMED.Feature(float_list=NAMED.FloatList(value=[1.0]))})).SerializeToString(),
      "Data types don't match")],
)  # fmt: skip
def test_what_cannot_be_parsed_is_explained(data: bytes, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        tf.io.parse_single_example(data, FIXED)


def test_buckets_are_farmhashes() -> None:
    words = [b"", b"a", b"hello", b"0123456789abcdef0", b"x" * 40, b"y" * 65, b"z" * 200]
    assert tf.strings.to_hash_bucket_fast(words, 10**12).numpy().tolist() == WANTED_BUCKETS


WANTED_BUCKETS = [154034397263, 110809363939, 463427800296, 519069722889, 230054984852, 507848426076, 208429024092]


def test_tables() -> None:
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1, 2], ["one", "two"]), "none")
    assert table[tf.constant([[2], [5]])].numpy().tolist() == [[b"two"], [b"none"]]
    assert int(table.size()) == 2
    with pytest.raises(TypeError, match="Keys must be dtype"):
        table.lookup(tf.constant(["a"]))
    with pytest.raises(tf.errors.FailedPreconditionError, match="different value"):
        tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1, 1], [1, 2]), 0)


def test_a_table_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("red\ngreen\n")
    index = tf.lookup.TextFileIndex
    made = tf.lookup.TextFileInitializer(str(path), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER)
    assert tf.lookup.StaticVocabularyTable(made, 1).lookup(tf.constant(["green", "red", "blue"])).numpy().tolist() == [1, 0, 2]


def test_sparse_tensors_keep_order_and_gradients() -> None:
    unsorted = tf.sparse.SparseTensor([[1, 0], [0, 1]], [2.0, 3.0], [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of order"):
        tf.sparse.to_dense(unsorted)
    x = tf.constant([2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.sparse.to_dense(tf.sparse.reorder(tf.sparse.SparseTensor([[1, 0], [0, 1]], x, [2, 2])))
        total = tf.reduce_sum(y * [[1.0, 10.0], [100.0, 1000.0]])
    assert tape.gradient(total, x).numpy().tolist() == [100.0, 10.0]
    with pytest.raises(ValueError, match="differ in the number"):
        tf.sparse.SparseTensor([[0, 0]], [1, 2], [2, 2])


def test_folders_and_files(tmp_path: Path) -> None:
    gfile = tf.io.gfile
    folder = str(tmp_path / "a" / "b")
    gfile.makedirs(folder)
    with gfile.GFile(folder + "/x.bin", "wb") as file:
        file.write(b"12")
    gfile.copy(folder + "/x.bin", folder + "/y.bin")
    assert gfile.glob(folder + "/*.bin") == [folder + "/x.bin", folder + "/y.bin"]
    with pytest.raises(tf.errors.AlreadyExistsError, match="overwrite=True"):
        gfile.copy(folder + "/x.bin", folder + "/y.bin")
    assert gfile.stat(folder + "/y.bin").length == 2
    gfile.rmtree(str(tmp_path / "a"))
    assert not gfile.exists(folder)
    with pytest.raises(tf.errors.NotFoundError, match="No such file"):
        tf.io.read_file(folder + "/x.bin")


def test_csv_refuses_wrong_lines() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expect 2 fields but have 1"):
        tf.io.decode_csv("1", [0, 0])
    with pytest.raises(tf.errors.InvalidArgumentError, match="Field 0 is required"):
        tf.io.decode_csv(",1", [tf.int32, 0])
    assert np.isclose(tf.io.decode_csv('"1,5";2', [["x"], 0.0], ";")[1].numpy(), 2.0)
