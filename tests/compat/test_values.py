"""tf.compat, against what TensorFlow 2.4 answers."""

from pathlib import PurePosixPath

import pytest

import millstream as tf


def test_text_and_bytes() -> None:
    assert tf.compat.as_bytes("é") == b"\xc3\xa9"
    assert tf.compat.as_bytes(bytearray(b"x")) == b"x"
    assert tf.compat.as_text(b"\xc3\xa9") == tf.compat.as_str("é") == "é"
    assert tf.compat.as_str_any(b"q") == "q"
    assert tf.compat.as_str_any(3) == "3"
    assert tf.compat.path_to_str(PurePosixPath("/a/b")) == "/a/b"
    assert tf.compat.path_to_str(7) == 7


@pytest.mark.parametrize("convert", ["as_bytes", "as_text"])
def test_neither_text_nor_bytes(convert: str) -> None:
    with pytest.raises(TypeError, match="Expected binary or unicode string, got 3"):
        getattr(tf.compat, convert)(3)


def test_types_and_dates() -> None:
    assert isinstance(3, tf.compat.integral_types)
    assert not isinstance(3.0, tf.compat.integral_types)
    assert isinstance(3.0, tf.compat.real_types)
    assert tf.compat.forward_compatible(2020, 1, 1)
    assert not tf.compat.forward_compatible(2030, 1, 1)
