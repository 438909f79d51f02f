"""Object code on disk: small files named by their key, safe against other processes, crashes and damage.

A file is MAGIC, the SHA-256 of the rest, the rest: a bundle of kernels that were compiled together, linked under each
one's key. It appears under its name by an atomic rename, and what does not match
its checksum is never used. The folder is the user's own (0700); without a usable folder everything works uncached.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from functools import cache
from pathlib import Path

from millstream.targets.llvm_cpu.jit import Bundle

MAGIC = b"millstream objects 1\n"
LIMIT_BYTES = 256 << 20
ABANDONED_SECONDS = 3600  # a temporary file this old belongs to a process that died
SUFFIX, TEMPORARY = ".o", ".part"
log = logging.getLogger("millstream.cache")


class DiskStore:
    """Bundles by key in a folder; every failure means "not stored", with one debug line."""

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self.folder, self.limit = folder, limit
        self.usable = self._prepare()
        self._untrimmed = limit  # bytes put since the last look at the folder's size; the first put looks

    def _prepare(self) -> bool:
        """Makes the folder; refuses one that other users may write to, since its files are executed."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            facts = self.folder.stat()
        except OSError as error:
            return self._complain(f"cannot be used ({error})")
        if hasattr(os, "getuid") and (facts.st_uid != os.getuid() or facts.st_mode & 0o022):
            return self._complain("belongs to, or may be written by, other users")
        return True

    def _complain(self, why: str) -> bool:
        log.debug("Compiled kernels are not kept: the folder %s %s. Set MILLSTREAM_CACHE to another folder.", self.folder, why)
        return False

    def path(self, key: str) -> Path:
        """Where a key's file lies."""
        return self.folder / (key + SUFFIX)

    def get(self, key: str) -> Bundle | None:
        """The bundle put under a key; None when absent or damaged (a damaged file is removed)."""
        if not self.usable:
            return None
        path = self.path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        bundle = _unpacked(content)
        if bundle is None or key not in bundle.symbols:
            log.debug("The stored kernel %s is damaged; it will be compiled again.", path)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # trimming goes by last use
        return bundle

    def put(self, bundle: Bundle) -> None:
        """Writes a bundle's file under all its keys; after a failure (read-only, full) no more is tried."""
        if not self.usable:
            return
        content = _packed(bundle)
        try:
            self._write([self.path(key) for key in bundle.symbols], content)
        except OSError as error:
            self.usable = self._complain(f"cannot be written ({error})")
            return
        self._untrimmed += len(content)
        if self._untrimmed > self.limit // 8:
            self._untrimmed = 0
            self.trim()

    def _write(self, paths: list[Path], content: bytes) -> None:
        """One file with many names; copies where the file system has no hard links."""
        handle, temporary = tempfile.mkstemp(TEMPORARY, dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            for path in paths[1:]:
                try:
                    os.link(temporary, path)
                except FileExistsError:
                    continue  # another process was first, or the old one will be found damaged when it is read
                except OSError:
                    self._write([path], content)
            os.replace(temporary, paths[0])
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def trim(self) -> None:
        """Removes the files used longest ago beyond the limit, and what dead processes left."""
        files, total, now = [], 0, time.time()
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                facts = entry.stat()
                if entry.name.endswith(TEMPORARY) and now - facts.st_mtime > ABANDONED_SECONDS:
                    os.unlink(entry.path)
                elif entry.name.endswith(SUFFIX):
                    share = facts.st_size // facts.st_nlink
                    files.append((facts.st_mtime, share, entry.path))
                    total += share
        for _, size, path in sorted(files):
            if total <= self.limit:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
                total -= size


def _packed(bundle: Bundle) -> bytes:
    """The file's bytes: MAGIC, digest, lines of keys, symbols and C functions, object code."""
    lines = (bundle.symbols, bundle.symbols.values(), bundle.externals)
    body = "".join(" ".join(line) + "\n" for line in lines).encode() + bundle.data
    return MAGIC + hashlib.sha256(body).digest() + body


def _unpacked(content: bytes) -> Bundle | None:
    """The bundle of a file's bytes; None when they are not what was written."""
    start = len(MAGIC) + hashlib.sha256().digest_size
    body = content[start:]
    if content[:start] != MAGIC + hashlib.sha256(body).digest():
        return None
    *lines, data = body.split(b"\n", 3)
    keys, symbols, externals = (line.decode().split() for line in lines)
    return Bundle(dict(zip(keys, symbols, strict=True)), tuple(externals), data)


def default_folder() -> Path | None:
    """MILLSTREAM_CACHE, else the system's cache folder for this user; None when MILLSTREAM_CACHE is "off"."""
    asked = os.environ.get("MILLSTREAM_CACHE")
    if asked:
        return None if asked.lower() in ("off", "0") else Path(asked)
    import platformdirs

    return Path(platformdirs.user_cache_dir("millstream", appauthor=False)) / "kernels"


@cache
def _store_at(folder: Path) -> DiskStore:
    return DiskStore(folder)


def default_store() -> DiskStore | None:
    """The store of this user, or None when caching is off."""
    folder = default_folder()
    return None if folder is None else _store_at(folder)
