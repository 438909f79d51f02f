"""plot_model: the graph as text, and what is said when there is no Graphviz."""

from pathlib import Path

import pytest

import millstream as tf

L = tf.keras.layers


def test_layers_and_their_edges_as_text(tmp_path: Path) -> None:
    a = L.Input((3,), name="a")
    b, c = L.Dense(2, name="b")(a), L.Dense(2, name="c")(a)
    model = tf.keras.Model(a, L.Add(name="d")([b, c]))
    tf.keras.utils.plot_model(model, tmp_path / "m.dot")
    text = (tmp_path / "m.dot").read_text()
    assert '[label="b: Dense"]' in text
    number = {line.split('"')[1].split(":")[0]: line.split()[0] for line in text.splitlines() if "label" in line}
    for source, target in ("ab", "ac", "bd", "cd"):
        assert f"{number[source]} -> {number[target]};" in text


def test_a_missing_graphviz_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    model = tf.keras.Sequential([L.Dense(1, input_shape=(2,))])
    with pytest.raises(ImportError, match="to_file='model.dot'"):
        tf.keras.utils.plot_model(model, tmp_path / "m.png")
    with pytest.raises(ValueError, match="not yet been built"):
        tf.keras.utils.plot_model(tf.keras.Sequential([L.Dense(1)]), tmp_path / "m.dot")
