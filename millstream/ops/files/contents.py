"""Whole files as string scalars, and names of files by pattern."""

import glob
import os
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import string
from millstream.core.tensor import Tensor, convert
from millstream.util.errors import NotFoundError, invalid
from millstream.util.export import export


def scalar_text(x: Any, what: str) -> bytes:
    """The bytes of a string scalar. Raises: InvalidArgumentError."""
    tensor = convert(os.fspath(x) if hasattr(x, "__fspath__") else x)
    if tensor.dtype is not string or tensor.ndim:
        raise invalid(f"{what} must be a scalar string; got {tensor.dtype.name} of shape {tensor.shape}.")
    return bytes(np.asarray(tensor._array, object)[()])


def as_text(data: bytes) -> Tensor:
    """A string scalar."""
    made = np.empty((), object)
    made[()] = data
    return wrap(made)


@export("tf.io.read_file")
def read_file(filename: Any, name: str | None = None) -> Tensor:
    """The bytes of a file. Raises: NotFoundError.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/a.txt"
    >>> tf.io.write_file(path, "abc")
    >>> tf.io.read_file(path).numpy()
    b'abc'
    """
    path = scalar_text(filename, "filename").decode()
    try:
        with open(path, "rb") as file:
            return as_text(file.read())
    except FileNotFoundError:
        raise NotFoundError(None, None, f"{path}; No such file or directory") from None


@export("tf.io.write_file")
def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write bytes into a file; the folder is made when it is missing. See read_file for an example."""
    path = scalar_text(filename, "filename").decode()
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "wb") as file:
        file.write(scalar_text(contents, "contents"))


@export("tf.io.matching_files")
def matching_files(pattern: Any, name: str | None = None) -> Tensor:
    """The names of the files that fit one of the patterns, sorted.

    >>> tf.io.matching_files("/nowhere/*.png").shape
    TensorShape([0])
    """
    patterns = [bytes(p).decode() for p in np.asarray(convert(pattern)._array, object).reshape(-1)]
    names = sorted({n for p in patterns for n in glob.glob(p)})
    return wrap(np.array([n.encode() for n in names], object))
