"""tf.data.Dataset: every transformation against what TensorFlow 2.4 gives, and the errors in words."""

import numpy as np
import pytest

import millstream as tf
from millstream.ops.random import seeds

Dataset = tf.data.Dataset


def values(dataset):
    """All elements as Python has them."""
    return [tf.nest.map_structure(lambda x: x.tolist() if hasattr(x, "tolist") else x, e) for e in dataset.as_numpy_iterator()]


ROWS = Dataset.from_tensor_slices([0, 1, 2, 3, 4, 5, 6])  # rows of an array
LONE = Dataset.range(7).map(lambda x: tf.cast(x, tf.int32))  # the same elements, one by one


@pytest.mark.parametrize("data", [ROWS, LONE], ids=["rows", "elements"])
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda d: d.take(3), [0, 1, 2]),
        (lambda d: d.take(-1), [0, 1, 2, 3, 4, 5, 6]),
        (lambda d: d.take(9).skip(5), [5, 6]),
        (lambda d: d.skip(-1), []),
        (lambda d: d.shard(3, 1), [1, 4]),
        (lambda d: d.repeat(2).shard(4, 2), [2, 6, 3]),
        (lambda d: d.take(2).repeat(3), [0, 1, 0, 1, 0, 1]),
        (lambda d: d.repeat().skip(6).take(3), [6, 0, 1]),
        (lambda d: d.repeat(0), []),
        (lambda d: d.batch(3), [[0, 1, 2], [3, 4, 5], [6]]),
        (lambda d: d.batch(3, drop_remainder=True), [[0, 1, 2], [3, 4, 5]]),
        (lambda d: d.take(3).repeat(2).batch(4), [[0, 1, 2, 0], [1, 2]]),
        (lambda d: d.take(6).batch(2).batch(2), [[[0, 1], [2, 3]], [[4, 5]]]),
        (lambda d: d.batch(4).unbatch(), [0, 1, 2, 3, 4, 5, 6]),
        (lambda d: d.cache().repeat(2).take(9), [0, 1, 2, 3, 4, 5, 6, 0, 1]),
        (lambda d: d.prefetch(1).enumerate(3).take(2), [(3, 0), (4, 1)]),
        (lambda d: d.filter(lambda x: x % 2 == 0), [0, 2, 4, 6]),
        (lambda d: d.concatenate(d.take(1)).skip(6), [6, 0]),
        (lambda d: d.flat_map(lambda x: Dataset.from_tensors(x).repeat(2)).take(3), [0, 0, 1]),
        (
            lambda d: d.interleave(lambda x: Dataset.from_tensors(x).repeat(3), cycle_length=2, block_length=2).take(7),
            [0, 0, 1, 1, 0, 1, 2],
        ),
        (lambda d: d.apply(tf.data.experimental.take_while(lambda x: x < 2)), [0, 1]),
        (lambda d: d.apply(tf.data.experimental.scan(0, lambda s, x: (s + x, s + x))), [0, 1, 3, 6, 10, 15, 21]),
        (lambda d: d.take(2).concatenate(d.take(2)).apply(tf.data.experimental.unique()), [0, 1]),
        (lambda d: d.window(3).flat_map(lambda w: w.batch(3)), [[0, 1, 2], [3, 4, 5], [6]]),
        (lambda d: d.window(2, shift=3, stride=2).flat_map(lambda w: w.batch(2)), [[0, 2], [3, 5], [6]]),
        (lambda d: d.window(3, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(3)), [[0, 1, 2], [2, 3, 4], [4, 5, 6]]),
        (lambda d: Dataset.zip((d, {"b": d.skip(5)})), [(0, {"b": 5}), (1, {"b": 6})]),
    ],
)
def test_elements(data, change, wanted):
    made = change(data)
    assert values(made) == wanted
    assert values(made) == wanted  # a second pass
    if made.cardinality() >= 0:
        assert len(made) == len(wanted)


def test_batches_are_slices_of_the_array_without_copies():
    x = tf.constant(np.arange(12.0).reshape(6, 2))
    batch = next(iter(Dataset.from_tensor_slices(x).batch(4)))
    assert batch._array.base is x._array


def test_nested_slices_keep_their_nesting():
    made = Dataset.from_tensor_slices({"a": [1, 2], "b": ([1.0, 2.0], ["x", "y"])}).batch(2)
    assert values(made) == [{"a": [1, 2], "b": ([1.0, 2.0], [b"x", b"y"])}]
    assert repr(made) == "<BatchDataset shapes: {a: (None,), b: ((None,), (None,))}, types: {a: tf.int32, b: (tf.float32, tf.string)}>"


def test_specs_follow_functions():
    made = Dataset.range(4).batch(2).map(lambda x: (tf.cast(x, tf.float32)[:, tf.newaxis], {"sum": tf.reduce_sum(x)}))
    assert made.element_spec == (tf.TensorSpec([None, 1], tf.float32), {"sum": tf.TensorSpec([], tf.int64)})
    sizes = Dataset.range(4).map(lambda n: tf.fill([n], n))
    assert sizes.element_spec == tf.TensorSpec([None], tf.int64)
    assert Dataset.range(4).window(2).element_spec == tf.data.DatasetSpec(tf.TensorSpec([], tf.int64))


def test_padded_batches():
    made = Dataset.range(1, 5).map(lambda n: tf.fill([n], n))
    assert values(made.padded_batch(2)) == [[[1, 0], [2, 2]], [[3, 3, 3, 0], [4, 4, 4, 4]]]
    filled = made.take(2).padded_batch(2, padded_shapes=[3], padding_values=tf.constant(-1, tf.int64))
    assert values(filled) == [[[1, -1, -1], [2, 2, -1]]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Attempted to pad to a smaller size"):
        values(made.padded_batch(4, padded_shapes=[2]))


def test_reduce():
    assert Dataset.range(5).reduce(np.int64(0), lambda total, x: total + x).numpy() == 10
    count, total = Dataset.range(5).reduce((0, np.int64(0)), lambda s, x: (s[0] + 1, s[1] + x))
    assert (int(count), int(total)) == (5, 10)
    with pytest.raises(TypeError, match="element types for the new state must match"):
        Dataset.range(2).reduce(0, lambda s, x: x)


def test_generators():
    made = Dataset.from_generator(lambda n: ((i, [i] * i) for i in range(n)), (tf.int32, tf.float32), ([], [None]), args=(3,))
    assert values(made) == [(0, []), (1, [1.0]), (2, [2.0, 2.0])]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"element of shape \(2,\) where an element of shape \(3,\) was expected"):
        values(Dataset.from_generator(lambda: iter([[1, 2]]), tf.int32, [3]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="could not be converted to the expected type"):
        values(Dataset.from_generator(lambda: iter(["a"]), tf.int32))
    with pytest.raises(TypeError, match="must be specified"):
        Dataset.from_generator(lambda: iter([1]))


def test_iterators():
    it = iter(Dataset.range(2))
    assert [int(next(it)), int(it.get_next())] == [0, 1]
    assert not it.get_next_as_optional().has_value()
    with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
        it.get_next()
    with pytest.raises(StopIteration):
        next(it)
    assert int(tf.compat.v1.data.make_one_shot_iterator(Dataset.range(3)).get_next()) == 0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ROWS.batch(0), tf.errors.InvalidArgumentError, "Batch size must be greater than zero"),
        (lambda: ROWS.shuffle(0), tf.errors.InvalidArgumentError, "buffer_size must be greater than zero"),
        (lambda: ROWS.shard(2, 2), tf.errors.InvalidArgumentError, "Index must be between 0 and 1"),
        (lambda: len(ROWS.repeat()), TypeError, "dataset length is infinite"),
        (lambda: len(ROWS.filter(lambda x: x > 1)), TypeError, "dataset length is unknown"),
        (lambda: Dataset.from_tensor_slices(([1, 2], [1])), ValueError, "Dimensions 2 and 1 are not compatible"),
        (lambda: Dataset.from_tensor_slices(3), ValueError, "insufficient rank for batching"),
        (lambda: Dataset.zip([ROWS]), TypeError, "please use a tuple instead"),
        (lambda: ROWS.concatenate(Dataset.range(2)), TypeError, "different types"),
        (lambda: ROWS.apply(lambda d: 3), TypeError, "must return a Dataset"),
        (lambda: values(ROWS.flat_map(lambda x: x)), TypeError, "must return a `Dataset`"),
        (lambda: values(ROWS.filter(lambda x: x)), ValueError, "scalar boolean tensor"),
        (lambda: values(LONE.map(lambda n: tf.zeros([n])).batch(2)), tf.errors.InvalidArgumentError, "Cannot add tensor to the batch"),
        (lambda: values(ROWS.apply(tf.data.experimental.assert_cardinality(6))), tf.errors.FailedPreconditionError, "at least 7 elements"),
        (lambda: tf.data.experimental.get_single_element(ROWS), tf.errors.InvalidArgumentError, "more than one element"),
    ],
)
def test_wrong_use_is_explained(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_lines_of_text(tmp_path):
    for name, lines in (("a", b"one\r\ntwo\n"), ("b", b"three")):
        (tmp_path / name).write_bytes(lines)
    files = [str(tmp_path / n) for n in ("a", "b")]
    assert values(tf.data.TextLineDataset(files)) == [b"one", b"two", b"three"]
    assert values(tf.data.TextLineDataset(files, num_parallel_reads=2)) == [b"one", b"three", b"two"]
    assert values(Dataset.list_files(str(tmp_path / "*"), shuffle=False)) == [f.encode() for f in files]
    with pytest.raises(tf.errors.NotFoundError, match="No such file"):
        values(tf.data.TextLineDataset("/nowhere/at/all"))


def test_groups_and_buckets():
    groups = Dataset.range(6).apply(tf.data.experimental.group_by_window(lambda x: x % 2, lambda key, d: d.batch(3), 2))
    assert values(groups) == [[0, 2], [1, 3], [4], [5]]
    lengths = Dataset.range(1, 5).map(lambda n: tf.fill([n], n))
    buckets = lengths.apply(tf.data.experimental.bucket_by_sequence_length(lambda x: tf.shape(x)[0], [3], [2, 2]))
    assert values(buckets) == [[[1, 0], [2, 2]], [[3, 3, 3, 0], [4, 4, 4, 4]]]


def test_options_are_kept():
    options = tf.data.Options()
    options.experimental_optimization.map_fusion = True
    made = Dataset.range(2).with_options(options).batch(1)
    assert made.options().experimental_optimization.map_fusion is True
    with pytest.raises(AttributeError, match="Cannot set the property"):
        options.no_such_option = 1


# ---------------------------------------------------------------------------------------------- files
@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_records(tmp_path, compression):
    path = str(tmp_path / "r.tfrecord")
    tf.data.experimental.TFRecordWriter(path, compression).write(Dataset.from_tensor_slices([b"one", b"", b"x" * 5000]))
    assert values(tf.data.TFRecordDataset(path, compression)) == [b"one", b"", b"x" * 5000]


def test_a_damaged_record_is_found(tmp_path):
    path = tmp_path / "r.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"abc")
    whole = path.read_bytes()
    assert whole.hex() == "0300000000000000b099490e6162636e57f121"  # as TensorFlow writes it
    for at in (1, 9, 13, 17):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(tf.errors.DataLossError, match="corrupted record at"):
            values(tf.data.TFRecordDataset(str(path)))
    path.write_bytes(whole[:16])
    with pytest.raises(tf.errors.DataLossError, match="truncated record at 0"):
        values(tf.data.TFRecordDataset(str(path)))


TABLE = 'a,b,c\n1,2.5,x\n2,,"y,z"\n,3,w\n4,5e3,\n'


def test_tables(tmp_path):
    path = str(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(TABLE)
    rows = tf.data.experimental.CsvDataset(path, [0, 0.5, "d"], header=True)
    assert values(rows) == [(1, 2.5, b"x"), (2, 0.5, b"y,z"), (0, 3.0, b"w"), (4, 5000.0, b"d")]
    for defaults, message in (
        ([tf.int32, 0.0, ""], "Field 0 is required"),
        ([0], "Expect 1 fields but have more"),
        ([0, 0, ""], "not a valid int32: 2.5"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            values(tf.data.experimental.CsvDataset(path, defaults, header=True))


def test_batches_of_a_table_in_tensorflows_order(tmp_path, monkeypatch):
    monkeypatch.setattr(seeds, "_current", [seeds._Context(None)])  # as if no test before had set the global seed
    path = str(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text(TABLE)
    made = tf.data.experimental.make_csv_dataset(path, 3, num_epochs=2, shuffle_seed=1, label_name="c")
    assert repr(made.element_spec[0]["b"]) == "TensorSpec(shape=(None,), dtype=tf.float32, name=None)"
    shuffled = [([int(n) for n in x["a"]], label.numpy().tolist()) for x, label in made]
    assert shuffled == [([1, 4, 2], [b"x", b"", b"y,z"]), ([0, 0, 4], [b"w", b"w", b""]), ([2, 1], [b"y,z", b"x"])]
    with pytest.raises(ValueError, match="must be one of the columns"):
        tf.data.experimental.make_csv_dataset(path, 3, label_name="q")
    plain = tf.data.experimental.make_csv_dataset(path, 2, select_columns=["c", "a"], shuffle=False)
    first = next(iter(plain))
    assert {k: v.numpy().tolist() for k, v in first.items()} == {"a": [1, 2], "c": [b"x", b"y,z"]}
