"""Pickles that hold data: lists, numbers, text, NumPy arrays. Anything else in one is refused, since unpickling it would run code."""

from __future__ import annotations

import os
import pickle
import warnings
from typing import IO, Any

from millstream.formats.damage import DamagedFileError

# What NumPy's arrays, dtypes and scalars are made of in a pickle, under the names that its versions have used.
_ALLOWED = {
    (f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")
} | {
    (f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")
} | {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}  # fmt: skip

_UNREADABLE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ImportError,
    MemoryError,
    OverflowError,
)


class _DataUnpickler(pickle.Unpickler):
    """Builds data only."""

    # Any: the type is pickle's own.
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Raises: UnpicklingError for everything but arrays."""
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module_name}.{global_name}, which is not data")
        return super().find_class(module_name, global_name)


# Any, below: a pickle holds what it holds.
def load_data(stream: IO[bytes], encoding: str = "ASCII") -> Any:
    """The data in a pickle; `encoding` says how text of Python 2 is read ("bytes": left as bytes).

    Raises: pickle.UnpicklingError and others of Python's for a pickle that is damaged or holds more than data.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of the way in which its own old versions wrote a dtype
        return _DataUnpickler(stream, encoding=encoding).load()


def read_pickle(path: str | os.PathLike[str], encoding: str = "bytes") -> Any:
    """The data in a pickle file. Raises: FileNotFoundError; DamagedFileError when it is cut, damaged or holds more than data."""
    with open(path, "rb") as file:
        try:
            return load_data(file, encoding)
        except _UNREADABLE as error:
            raise DamagedFileError(path, f"it cannot be read as pickled data ({str(error) or type(error).__name__})") from error
