"""Tensors under Python's and NumPy's protocols."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import millstream as tf

C = tf.constant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'%f' % C(2.5)", "2.500000"), ("'%d' % C([2])", "2"), ("'%.2f' % C([2.5])", "2.50"), ("'%s' % C(2)", "tf.Tensor(2, shape=(), dtype=int32)"), ("f'{C(2.567):.2f}'", "2.57"),
        ("f'{C([1, 2])}'", "[1 2]"), ("'{:>4}'.format(C(2))", "   2"), ("'%s' % [C(1)]", "[<tf.Tensor: shape=(), dtype=int32, numpy=1>]"),
    ],
)  # fmt: skip
def test_formatting(text: str, expected: str) -> None:
    assert eval(text, {"C": C}) == expected  # noqa: S307  (the text stands above)


def test_one_element_stands_for_a_number() -> None:
    assert (int(C(2.7)), int(C([2.7])), float(C([[2]])), complex(C(2.0)), C(3).__index__()) == (2, 2, 2.0, 2 + 0j, 3)
    assert [10, 20, 30][C(1)] == 20
    assert list(range(C(3))) == [0, 1, 2]
    assert np.zeros(C(3)).shape == (3,)


def test_several_elements_do_not() -> None:
    for convert in (int, float, complex):
        with pytest.raises(TypeError, match="only size-1"):
            convert(C([1.0, 2.0]))
    with pytest.raises(TypeError, match="only integer scalar arrays"):
        [1, 2, 3].__getitem__(C([1]))  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="ambiguous"):
        bool(C([1, 2]))


@pytest.mark.parametrize(
    ("value", "truth"), [(0, False), (2.5, True), ([0.0], False), ([[1]], True), ([], False), ("", False), ("a", True)]
)
def test_truth(value: Any, truth: bool) -> None:
    assert bool(C(value)) is truth


def test_iteration_and_length() -> None:
    assert [int(v) for v in C([1, 2])] == [1, 2]
    assert [v.shape for v in tf.zeros((2, 3))] == [(3,), (3,)]
    assert len(tf.zeros((4, 2))) == 4
    for use in (len, iter):
        with pytest.raises(TypeError, match="[Ss]calar tensor"):
            use(C(1))


def test_tensors_are_keys_by_reference_only() -> None:
    x = C(1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)
    assert x.ref() == x.ref()
    assert x.ref() != C(1).ref()
    assert {x.ref(): 1}[x.ref()] == 1
    assert x.ref().deref() is x


def test_tensors_do_not_change() -> None:
    with pytest.raises(TypeError, match="item assignment"):
        C([1])[0] = 2
    x = C([1.0])
    np.asarray(x.numpy())[0] = 5
    assert x.numpy()[0] == 1.0


@pytest.mark.parametrize("value", [1, [1.5, 2.5], "a", [["a"], ["é"]], True, 1j])
def test_copies(value: Any) -> None:
    x = C(value)
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert (made.dtype, made.shape, repr(made)) == (x.dtype, x.shape, repr(x))


def test_numpy_reads_tensors() -> None:
    x = C([[1, 2], [3, 4]])
    assert np.array(x).tolist() == np.asarray(x).tolist() == [[1, 2], [3, 4]]
    assert np.asarray(x, dtype=float).dtype == np.float64
    assert np.array([C(1), C(2)]).tolist() == [1, 2]
    assert np.concatenate([C([1]), C([2])]).tolist() == [1, 2]
    assert np.sum(C([1.0, 2.0])) == 3.0
    assert np.sqrt(C([4.0])) == 2.0
    np.array(x)[0, 0] = 9
    assert x.numpy()[0, 0] == 1


@pytest.mark.parametrize(("name", "hint"), [("tolist", "numpy"), ("mean", "numpy"), ("nothing", "no attribute")])
def test_a_missing_attribute_says_what_to_do(name: str, hint: str) -> None:
    with pytest.raises(AttributeError, match=hint):
        getattr(C(1), name)


def test_printed_floats_are_numpy_1s() -> None:
    assert str(C(16777216.0)) == "tf.Tensor(16777216.0, shape=(), dtype=float32)"
    assert repr(C([[1, 2], [3, 4]], tf.int64)) == "<tf.Tensor: shape=(2, 2), dtype=int64, numpy=\narray([[1, 2],\n       [3, 4]])>"
    assert "shape=(2000,)" not in repr(tf.range(2000)).split("numpy=")[1]
    assert repr(C(0.1, tf.bfloat16)) == "<tf.Tensor: shape=(), dtype=bfloat16, numpy=bfloat16(0.100097656)>"


def test_numpys_options_are_followed() -> None:
    with np.printoptions(precision=2):
        assert str(C([1 / 3])) == "tf.Tensor([0.33], shape=(1,), dtype=float32)"


def test_indexed_slices_become_the_whole_tensor() -> None:
    rows = tf.IndexedSlices(C([[1.0], [2.0], [4.0]]), C([0, 2, 2]), C([3, 1]))
    assert tf.convert_to_tensor(rows).numpy().tolist() == [[1.0], [0.0], [6.0]]
    assert (-rows).values.numpy().tolist() == [[-1.0], [-2.0], [-4.0]]
    assert (rows.shape, rows.dtype) == ((3, 1), tf.float32)
    with pytest.raises(ValueError, match="dense_shape"):
        tf.convert_to_tensor(tf.IndexedSlices(C([1.0]), C([0])))
