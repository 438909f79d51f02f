"""get_file: cache, checksums, archives; the network is a server on this machine, or absent."""

import functools
import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from millstream.keras.utils import data_utils
from millstream.keras.utils.data_utils import get_file
from millstream.keras.utils.download import DownloadError

DATA = bytes(range(256)) * 1000


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing on the error stream."""

    def do_GET(self) -> None:
        if self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"only this")
        else:
            super().do_GET()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "data.bin").write_bytes(DATA)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(data_utils.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    return tmp_path / "home"


def test_downloads_once(server: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = get_file("data.bin", f"{server}/data.bin")
    assert path == str(home / "datasets" / "data.bin")
    assert Path(path).read_bytes() == DATA
    out = capsys.readouterr().out
    assert out.startswith(f"Downloading data from {server}/data.bin\n")
    assert "256000/256000 [==============================] - 0s 0us/step\n" in out
    assert os.listdir(home / "datasets") == ["data.bin"]
    get_file("data.bin", f"{server}/data.bin")
    assert not capsys.readouterr().out


def test_length_unknown_and_empty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert Path(get_file("empty", (tmp_path / "empty").as_uri())).read_bytes() == b""
    assert "0/Unknown - 0s" in capsys.readouterr().out


def test_right_checksum_of_either_kind(server: str) -> None:
    get_file("a", f"{server}/data.bin", file_hash=hashlib.sha256(DATA).hexdigest())
    get_file("b", f"{server}/data.bin", md5_hash=hashlib.md5(DATA, usedforsecurity=False).hexdigest())


def test_wrong_checksum_leaves_what_was_there(server: str, home: Path) -> None:
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "data.bin").write_bytes(b"older")
    with pytest.raises(DownloadError, match="does not have the sha256 checksum 0000"):
        get_file("data.bin", f"{server}/data.bin", file_hash="0" * 64)
    assert (home / "datasets" / "data.bin").read_bytes() == b"older"
    assert os.listdir(home / "datasets") == ["data.bin"]


def test_outdated_file_is_replaced(server: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "data.bin").write_bytes(b"older")
    path = get_file("data.bin", f"{server}/data.bin", file_hash=hashlib.sha256(DATA).hexdigest())
    assert Path(path).read_bytes() == DATA
    assert "incomplete or out of date" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "says"), [("/none", "HTTP Error 404|File not found|Not Found"), ("/broken", "broke after 9 of 1000 bytes")]
)
def test_server_trouble(server: str, home: Path, path: str, says: str) -> None:
    with pytest.raises(DownloadError, match=says):
        get_file("data.bin", server + path)
    assert os.listdir(home / "datasets") == []


def test_offline_says_what_to_put_where(home: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        get_file("data.bin", "http://127.0.0.1:9/data.bin")
    message = str(caught.value)
    assert "data.bin is not on this machine and could not be fetched: " in message
    assert "from: http://127.0.0.1:9/data.bin" in message
    assert f"to:   {home / 'datasets' / 'data.bin'}" in message
    assert "put it there under that name" in message


def test_unwritable_cache_gives_way_to_the_temporary_folder(
    server: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file where the folder should be: not even root can write beneath it")
    path = get_file("data.bin", f"{server}/data.bin")
    assert path == str(tmp_path / "temporary" / ".keras" / "datasets" / "data.bin")
    assert "cannot be written; using" in capsys.readouterr().err


def test_file_in_a_read_only_folder_is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "data.bin").write_bytes(DATA)
    monkeypatch.setattr(data_utils.os, "access", lambda *_: False)
    assert get_file("data.bin", "http://127.0.0.1:9/never") == str(home / "datasets" / "data.bin")


def test_unknown_algorithm() -> None:
    with pytest.raises(ValueError, match="'sha1'; 'md5', 'sha256'"):
        get_file("data.bin", "http://127.0.0.1:9/", file_hash="00", hash_algorithm="sha1")


def tar_of(path: Path, name: str) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(DATA)
        archive.addfile(member, io.BytesIO(DATA))


def test_untar_gives_the_folder(home: Path, tmp_path: Path) -> None:
    tar_of(tmp_path / "flowers.tar.gz", "flowers/rose.bin")
    folder = get_file("flowers", (tmp_path / "flowers.tar.gz").as_uri(), untar=True)
    assert folder == str(home / "datasets" / "flowers")
    assert (Path(folder) / "rose.bin").read_bytes() == DATA
    assert sorted(os.listdir(home / "datasets")) == ["flowers", "flowers.tar.gz"]


def test_extract_zip_beside_itself(home: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr("pets/cat.txt", "meow")
    path = get_file("pets.zip", (tmp_path / "pets.zip").as_uri(), extract=True, cache_subdir="mine")
    assert path == str(home / "mine" / "pets.zip")
    assert (home / "mine" / "pets" / "cat.txt").read_text() == "meow"
    get_file("pets.zip", "http://127.0.0.1:9/", extract=True, cache_subdir="mine")  # into a folder that is there


def test_tar_that_reaches_outside_is_refused(home: Path, tmp_path: Path) -> None:
    tar_of(tmp_path / "evil.tar.gz", "../../evil.bin")
    with pytest.raises(tarfile.TarError):
        get_file("evil", (tmp_path / "evil.tar.gz").as_uri(), untar=True)
    assert not (home.parent / "evil.bin").exists()
    assert os.listdir(home / "datasets") == ["evil.tar.gz"]
