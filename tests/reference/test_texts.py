"""What tensors print, and what ops refuse, as TensorFlow 2.4 does: its stored texts, evaluated."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest


def _compare() -> Any:
    spec = importlib.util.spec_from_file_location("reference_compare", Path(__file__).with_name("compare.py"))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


COMPARE = _compare()
GRADIENTS = ("gradient_", "tape_", "jacobian_", "apply_", "if_", "item_", "variable_")


def test_printing() -> None:
    assert COMPARE.differences("printing") == []


def test_errors_of_ops_and_conversions() -> None:
    assert list(COMPARE.errors("ops")) == []


def test_errors_of_gradients_and_variables() -> None:
    assert [d for d in COMPARE.errors("programs") if d.case.startswith(GRADIENTS)] == []


def test_a_wrong_text_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    case = {
        "expression": "tf.constant(3)",
        "str": "tf.Tensor(4, shape=(), dtype=int32)",
        "repr": "<tf.Tensor: shape=(), dtype=int32, numpy=3>",
    }
    monkeypatch.setattr(COMPARE, "load", lambda part: {"tensors": [case]})
    assert [d.case for d in COMPARE.printing()] == ["str of tf.constant(3)"]
