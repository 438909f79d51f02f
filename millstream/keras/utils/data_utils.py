"""The folder of downloaded files, and the file from it, fetched when it is not there."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence

from millstream.keras.utils.archive import extract_archive
from millstream.keras.utils.download import download, matches
from millstream.util.export import export

_SHA256_DIGITS = 64


def cache_folder() -> str:
    """Keras's folder: $KERAS_HOME, or ~/.keras."""
    return os.path.expanduser(os.environ.get("KERAS_HOME") or os.path.join("~", ".keras"))


@export("tf.keras.utils.get_file")
def get_file(
    fname: str | os.PathLike[str],
    origin: str,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | None = None,
) -> str:
    """Path of a file in the cache, downloaded from the URL `origin` when it is not there or has another checksum.

    Args: fname, the name in the cache, or an absolute path; untar, take `fname` for a folder and fetch `fname`.tar.gz;
    file_hash, sha256 or md5 in hex digits (md5_hash: the same, older); cache_subdir, a folder under cache_dir; extract, unpack a
    tar or zip beside itself; cache_dir, $KERAS_HOME or ~/.keras when None. Where that cannot be written, the temporary folder serves.
    Raises: DownloadError, which says what to put where; what lay there is then still there.
    >>> import pathlib, tempfile
    >>> cache, there = tempfile.mkdtemp(), pathlib.Path(tempfile.mkdtemp(), "notes.txt")
    >>> _ = there.write_text("six steps")
    >>> path = get_file("notes.txt", there.as_uri(), cache_dir=cache)  # doctest: +ELLIPSIS
    Downloading data from file:///...
    >>> pathlib.Path(path).read_text()
    'six steps'
    """
    name = os.fspath(fname) + (".tar.gz" if untar else "")
    path = locate(name, cache_subdir, cache_dir)
    checksum = _checksum(file_hash, md5_hash, hash_algorithm)
    if not os.path.exists(path) or not _has(path, checksum):
        print("Downloading data from", origin)  # noqa: T201 - Keras's own line
        download(origin, path, checksum)
    if untar:
        folder = path.removesuffix(".tar.gz")
        if not os.path.exists(folder):
            extract_archive(path, os.path.dirname(path), "tar")
        return folder
    if extract:
        extract_archive(path, os.path.dirname(path), archive_format)
    return path


def locate(name: str, cache_subdir: str = "datasets", cache_dir: str | None = None) -> str:
    """Where the file called `name` lies, or where it is to be put: the cache, or the temporary folder where that cannot be written."""
    folders = [os.path.expanduser(cache_dir) if cache_dir else cache_folder(), os.path.join(tempfile.gettempdir(), ".keras")]
    paths = [os.path.join(folder, cache_subdir, name) for folder in folders]
    for path in paths:
        if os.path.exists(path):
            return path
    for path in paths:
        if _writable(os.path.dirname(path)):
            if path is not paths[0]:
                print(f"{os.path.dirname(paths[0])} cannot be written; using {os.path.dirname(path)}", file=sys.stderr)  # noqa: T201
            return path
    return paths[0]


def _writable(folder: str) -> bool:
    """Whether files can be made in the folder, which is made when it is absent."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _checksum(file_hash: str | None, md5_hash: str | None, algorithm: str) -> tuple[str, str] | None:
    """(algorithm, digest). 'auto' tells sha256 from md5 by its length."""
    if file_hash is None:
        return None if md5_hash is None else ("md5", md5_hash)
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == _SHA256_DIGITS else "md5"
    if algorithm not in ("md5", "sha256"):
        raise ValueError(f"hash_algorithm is {algorithm!r}; 'md5', 'sha256' and 'auto' are known.")
    return algorithm, file_hash


def _has(path: str, checksum: tuple[str, str] | None) -> bool:
    if checksum is None or matches(path, *checksum):
        return True
    print(f"{path} does not have the {checksum[0]} checksum {checksum[1]}: it is incomplete or out of date, and is fetched again.")  # noqa: T201
    return False
