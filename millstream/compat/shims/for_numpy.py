"""NumPy: what 1.20 deprecated and 1.24 to 2.x removed. Methods of arrays cannot be patched: `rewrite.py` mends their calls."""

from __future__ import annotations

import ast
from types import ModuleType
from typing import Any

import numpy as np

from millstream.compat.shims.put_back import put_back

# Any, in this file: these functions take what NumPy's take.

_PYTHON_TYPES = {"int": int, "float": float, "complex": complex, "object": object, "str": str, "unicode": str}

_TYPES = {
    "bool8": "bool_", "bytes0": "bytes_", "cfloat": "complex128", "clongfloat": "clongdouble", "complex_": "complex128", "float_": "float64",
    "int0": "intp", "longcomplex": "clongdouble", "longfloat": "longdouble", "object0": "object_", "singlecomplex": "complex64",
    "str0": "str_", "string_": "bytes_", "uint0": "uintp", "unicode_": "str_", "void0": "void",
}  # fmt: skip

_FUNCTIONS = {
    "alltrue": "all", "cumproduct": "cumprod", "mat": "asmatrix", "product": "prod", "round_": "round", "row_stack": "vstack",
    "sometrue": "any", "trapz": "trapezoid",
}  # fmt: skip

_CONSTANTS = {
    "Inf": np.inf, "Infinity": np.inf, "infty": np.inf, "PINF": np.inf, "NINF": -np.inf, "NAN": np.nan, "NaN": np.nan, "PZERO": 0.0, "NZERO": -0.0,
}  # fmt: skip

_EXCEPTIONS = ("AxisError", "ComplexWarning", "ModuleDeprecationWarning", "RankWarning", "TooHardError", "VisibleDeprecationWarning")


def patch_numpy(numpy: ModuleType) -> None:
    """np.float, np.product, np.Inf, np.asscalar and the rest."""
    put_back(numpy, _PYTHON_TYPES | _CONSTANTS)
    put_back(numpy, {old: getattr(numpy, new) for old, new in (_TYPES | _FUNCTIONS).items() if hasattr(numpy, new)})
    put_back(numpy, {name: getattr(numpy.exceptions, name) for name in _EXCEPTIONS if hasattr(numpy.exceptions, name)})
    put_back(
        numpy,
        {
            "asfarray": _asfarray, "asscalar": _asscalar, "in1d": _in1d, "msort": _msort, "rank": np.ndim, "safe_eval": ast.literal_eval,
            "sctypes": _SCTYPES, "typeDict": np.sctypeDict, "issubclass_": _issubclass, "issctype": _issctype, "obj2sctype": _obj2sctype,
            "find_common_type": _find_common_type, "DataSource": numpy.lib.npyio.DataSource, "cast": _Cast(),
        },
    )  # fmt: skip


_SCTYPES = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}


def _asscalar(a: Any) -> Any:
    return a.item()


def _in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """The flat form of isin, which it was."""
    return np.isin(np.asarray(ar1).ravel(), ar2, assume_unique=assume_unique, invert=invert)


def _msort(a: Any) -> Any:
    return np.sort(a, axis=0)


def _asfarray(a: Any, dtype: Any = np.float64) -> Any:
    return np.asarray(a, dtype=dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def _issubclass(arg1: Any, arg2: Any) -> bool:
    return isinstance(arg1, type) and issubclass(arg1, arg2)


def _issctype(rep: Any) -> bool:
    return isinstance(rep, (type, np.dtype)) and np.dtype(rep) != np.dtype(object)


def _obj2sctype(rep: Any, default: Any = None) -> Any:
    try:
        return np.dtype(rep).type
    except TypeError:
        return default


def _find_common_type(array_types: Any, scalar_types: Any) -> Any:
    return np.result_type(*array_types, *scalar_types)


class _Cast:
    """np.cast['float32'](x)."""

    def __getitem__(self, dtype: Any) -> Any:
        return lambda x: np.asarray(x).astype(dtype)
