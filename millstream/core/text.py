"""How the values of tensors are written: as TensorFlow wrote them with the NumPy of its time.

tf.Tensor(                                    a text of several lines begins on a line of its own
[[1 2]
 [3 4]], shape=(2, 2), dtype=int32)
"""

from typing import Any

import numpy as np

_BEFORE_NUMPY_2 = {"legacy": "1.25"}  # 16777216.0, not 1.6777216e+07; scalars bare; no shape in abridged arrays


class _Number(str):
    """A number already written out, for NumPy to place among others."""

    __slots__ = ()
    __repr__ = str.__str__


def text_of(array: Any) -> str:
    """The values as `print` shows them."""
    if array.dtype.name == "bfloat16":
        return _apart(str(_written(array)) if array.ndim else f"{float(array):.9g}")
    with np.printoptions(**_BEFORE_NUMPY_2):  # type: ignore[arg-type]  # its stubs know fewer versions than it does
        return _apart(str(_bare(array)))


def repr_of(array: Any) -> str:
    """The values as `repr` shows them, scalars bare."""
    if array.dtype.name == "bfloat16":
        return _apart(repr(_written(array)).replace("dtype=object", "dtype=bfloat16"))
    with np.printoptions(**_BEFORE_NUMPY_2):  # type: ignore[arg-type]
        return _apart(repr(_bare(array)))


def _bare(array: Any) -> Any:
    return array if array.ndim else array[()]


def _apart(text: str) -> str:
    return "\n" + text if "\n" in text else text


def _written(array: Any) -> Any:
    """Numbers of bfloat16 as TensorFlow's own scalar type writes them."""
    made = np.empty(array.shape, object)
    made.reshape(-1)[:] = [_Number(f"bfloat16({float(v):.9g})") for v in np.asarray(array).reshape(-1)]
    return _bare(made)
