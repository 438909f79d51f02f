"""Unpacking of downloaded archives. Members that would leave the folder are refused."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence


def extract_archive(path: str, folder: str, archive_format: str | Sequence[str] | None = "auto") -> bool:
    """Unpack `path` into `folder` when it is an archive of one of the formats ('tar', 'zip'); tells whether it was one.

    The members are unpacked aside and moved into place at the end: an archive that is cut leaves nothing half done.
    Raises: tarfile.TarError, zipfile.BadZipFile, EOFError or OSError for a damaged archive or one that reaches outside the folder.
    """
    formats = ("tar", "zip") if archive_format == "auto" else archive_format or ()
    formats = (formats,) if isinstance(formats, str) else formats
    if "tar" in formats and tarfile.is_tarfile(path):
        unpack = _untar
    elif "zip" in formats and zipfile.is_zipfile(path):
        unpack = _unzip
    else:
        return False
    with tempfile.TemporaryDirectory(prefix=".unpack-", dir=folder) as aside:
        unpack(path, aside)
        for entry in os.listdir(aside):
            _move(os.path.join(aside, entry), os.path.join(folder, entry))
    return True


def _untar(path: str, folder: str) -> None:
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")  # "data": no absolute paths, no links or .. to the outside, no devices


def _unzip(path: str, folder: str) -> None:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)  # noqa: S202 - zipfile itself keeps members inside the folder


def _move(source: str, target: str) -> None:
    """Into place by renaming; into a folder that is there already, file by file."""
    if os.path.isdir(source) and os.path.isdir(target):
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        os.replace(source, target)
