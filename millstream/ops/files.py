"""tf.io.read_file and its like: whole files as string tensors."""

import glob
import os
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.tensor import Tensor, convert
from millstream.ops.gfile import explained
from millstream.util.export import export


def _text(x: Any) -> Any:
    value = np.asarray(convert(os.fspath(x) if isinstance(x, os.PathLike) else x)._array, object)
    return value[()]


@export("tf.io.read_file")
def read_file(filename: Any, name: str | None = None) -> Tensor:
    """The contents of a file, a scalar string. Raises: NotFoundError."""
    path = os.fsdecode(_text(filename))
    with explained(path), open(path, "rb") as file:
        made = np.empty((), object)
        made[()] = file.read()
    return wrap(made)


@export("tf.io.write_file")
def write_file(filename: Any, contents: Any, name: str | None = None) -> None:
    """Write a scalar string to a file; its folder is made when it is missing."""
    path, data = os.fsdecode(_text(filename)), _text(contents)
    with explained(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)


@export("tf.io.matching_files")
def matching_files(pattern: Any, name: str | None = None) -> Tensor:
    """The names of files that match patterns (* ? [a-z]), sorted: string [N]."""
    patterns = np.asarray(convert(pattern)._array, object).reshape(-1)
    found = sorted({p for each in patterns for p in glob.glob(os.fsdecode(each))})
    return convert(np.array([os.fsencode(p) for p in found], object))
