"""What `millstream info` prints: versions, the processor, threads, folders, switches."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from millstream.core.machine import cores, machine
from millstream.keras.utils.data_utils import cache_folder
from millstream.runtime.cache import default_folder
from millstream.util.flags import FLAGS

_PACKAGES = ("numpy", "llvmlite", "ml_dtypes", "h5py", "pillow", "protobuf", "safetensors")


def report(own_version: str) -> str:
    """One `name  value` line each."""
    rows = [
        ("millstream", own_version),
        ("serves", "tensorflow 2.4.4"),
        ("python", f"{platform.python_version()} on {platform.platform()}"),
        *((name, package_version(name)) for name in _PACKAGES),
        ("processor", _processor()),
        ("cores", f"{cores()} usable of {os.cpu_count()}"),
        ("compiled code", str(default_folder() or "nowhere: no folder could be made")),
        ("data sets", os.path.join(cache_folder(), "datasets")),
        *((flag.name, f"{flag.read() or '-'}  ({flag.help})") for flag in FLAGS.values()),
    ]
    return "\n".join(f"{name:22} {value}" for name, value in rows)


def _processor() -> str:
    here = machine()
    return (
        f"{here.cpu}: {here.name}, {here.registers} vector registers of {here.vector_bytes * 8} bits"
        + ", fused multiply-add" * here.has_fma
    )


def package_version(package: str) -> str:
    """The version that is installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
