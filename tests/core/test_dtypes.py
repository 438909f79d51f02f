"""DType: names, equality, limits, pickling."""

import pickle
from typing import Any

import numpy as np
import pytest

import millstream as tf

NAMES = ["float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_finds_its_dtype(name: str) -> None:
    dtype = tf.as_dtype(name)
    assert dtype is getattr(tf, name)
    assert (dtype.name, repr(dtype), str(dtype)) == (name, f"tf.{name}", f"<dtype: '{name}'>")
    assert pickle.loads(pickle.dumps(dtype)) is dtype


@pytest.mark.parametrize("value", ["float32", np.float32, np.dtype("float32"), float, np.dtype(">f4"), 1])
def test_what_means_float32(value: Any) -> None:
    assert tf.as_dtype(value) is tf.float32


@pytest.mark.parametrize("value", ["float33", None, tf, 999])
def test_what_is_no_dtype(value: Any) -> None:
    with pytest.raises(TypeError, match="Cannot convert value"):
        tf.as_dtype(value)


def test_equality_is_with_names_and_numpy_types() -> None:
    assert tf.float32 == "float32"
    assert tf.float32 == np.float32
    assert tf.float32 != "float64"
    assert tf.float32 != "nothing"
    assert tf.float32 is not None
    assert len({tf.float32, tf.as_dtype("float32"), tf.int32}) == 2


def test_limits() -> None:
    assert (tf.int8.min, tf.int8.max, tf.int8.limits) == (-128, 127, (0, 127))
    assert tf.float32.max == np.finfo("float32").max
    assert tf.float32.limits == (0, 1)
    with pytest.raises(TypeError, match="maximum"):
        _ = tf.bool.max
    with pytest.raises(TypeError, match="minimum"):
        _ = tf.string.min


def test_kinds() -> None:
    assert [n for n in NAMES if tf.as_dtype(n).is_floating] == NAMES[:4]
    assert [n for n in NAMES if tf.as_dtype(n).is_integer] == NAMES[4:12]
    assert [n for n in NAMES if tf.as_dtype(n).is_complex] == NAMES[14:]
    assert [tf.as_dtype(n).size for n in NAMES] == [2, 4, 8, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1, 0, 8, 16]
