"""The `millstream` command's own words: help, version, what cannot be run, info."""

from pathlib import Path

import pytest

from millstream.cli.main import main, own_version


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"millstream {own_version()}\n"


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "run a program that imports tensorflow or keras" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.py", "there is no file"),
        ("folder", "is a folder; name the program's file in it"),
        ("lesson.ipynb", "is a notebook. Open it in Jupyter"),
    ],
)
def test_what_cannot_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "lesson.ipynb").write_text("{}")
    assert main(["run", str(tmp_path / name)]) == 2
    assert says in capsys.readouterr().err


def test_run_without_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run"])
    assert "PROGRAM" in capsys.readouterr().err


def test_info(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("MILLSTREAM_CACHE", str(tmp_path / "kernels"))
    assert main(["info"]) == 0
    rows = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines() if not line.startswith(("compiled", "data")))
    assert rows["millstream"] == own_version()
    assert "vector registers of" in rows["processor"]
    assert "usable of" in rows["cores"]
    assert rows["MILLSTREAM_CACHE"].startswith(str(tmp_path / "kernels"))


def test_info_names_the_folders(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("MILLSTREAM_CACHE", str(tmp_path / "kernels"))
    main(["info"])
    out = capsys.readouterr().out
    assert str(tmp_path / "datasets") in out
    assert str(tmp_path / "kernels") in out
