"""pandas: what 1.x deprecated and 2.0 and 3.0 removed, as far as courses' programs use it."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from millstream.compat.shims.put_back import put_back

# Any, in this file: frames hold anything, and the arguments are handed on to pandas.


def patch_pandas(pandas: ModuleType) -> None:
    """DataFrame.append and its like, positional axis, fillna(method=), arguments of read_csv that are gone."""
    frame, series = pandas.DataFrame, pandas.Series
    put_back(frame, {"append": _append, "applymap": _applymap, "iteritems": _items})
    put_back(series, {"append": _append, "iteritems": _items})
    for kind in (frame, series):
        put_back(kind, {"as_matrix": _as_matrix, "mad": _mad, "get_values": _as_matrix})
        kind.fillna = _with_method(kind.fillna)
    for name in ("drop", "sum", "mean", "min", "max", "std", "var", "median"):
        setattr(frame, name, _with_positional_axis(getattr(frame, name), 2 if name == "drop" else 1))
    put_back(
        pandas,
        {"np": np, "datetime": dt.datetime, "Int64Index": pandas.Index, "UInt64Index": pandas.Index, "Float64Index": pandas.Index},
    )
    pandas.read_csv = _with_old_arguments(pandas.read_csv)  # type: ignore[attr-defined]


def _append(self: Any, other: Any, ignore_index: bool = False, verify_integrity: bool = False, sort: bool = False) -> Any:
    """What append was: a concatenation, where a dict or an unnamed Series is one row."""
    import pandas as pd

    frame = isinstance(self, pd.DataFrame)
    if frame and isinstance(other, dict):
        other = pd.Series(other)
    if frame and isinstance(other, pd.Series):
        if other.name is None and not ignore_index:
            raise TypeError("Can only append a Series if ignore_index=True or if the Series has a name")
        other = other.to_frame().T.infer_objects()
    others = list(other) if isinstance(other, (list, tuple)) else [other]
    if frame:
        others = [pd.DataFrame([each]) if isinstance(each, dict) else each for each in others]
    options = {"sort": sort} if frame else {}
    return pd.concat([self, *others], ignore_index=ignore_index, verify_integrity=verify_integrity, **options)


def _applymap(self: Any, func: Callable[..., Any], na_action: Any = None, **options: Any) -> Any:
    return self.map(func, na_action=na_action, **options)


def _items(self: Any) -> Any:
    return self.items()


def _as_matrix(self: Any, columns: Any = None) -> Any:
    return (self if columns is None else self[columns]).to_numpy()


def _mad(self: Any, axis: Any = 0, skipna: bool = True) -> Any:
    """Mean absolute deviation from the mean."""
    centre = self.mean(axis=axis, skipna=skipna)
    distance = self.sub(centre, axis=0 if axis in (1, "columns") else "columns") if self.ndim == 2 else self - centre
    return distance.abs().mean(axis=axis, skipna=skipna)


def _with_method(fillna: Callable[..., Any]) -> Callable[..., Any]:
    """fillna(method='ffill') is ffill()."""

    @functools.wraps(fillna)
    def fill(self: Any, value: Any = None, method: str | None = None, **options: Any) -> Any:
        if method is None:
            return fillna(self, value, **options)
        if method not in ("ffill", "pad", "bfill", "backfill"):
            raise ValueError(f"fillna: method is {method!r}; 'ffill', 'pad', 'bfill' or 'backfill' was expected.")
        return (self.ffill if method in ("ffill", "pad") else self.bfill)(**options)

    return fill


def _with_positional_axis(method: Callable[..., Any], place: int) -> Callable[..., Any]:
    """drop('name', 1): the axis by position, counted with self."""

    @functools.wraps(method)
    def positional(self: Any, *args: Any, **options: Any) -> Any:
        if len(args) >= place:
            options["axis"] = args[place - 1]
            args = args[: place - 1] + args[place:]
        return method(self, *args, **options)

    return positional


def _with_old_arguments(read_csv: Callable[..., Any]) -> Callable[..., Any]:
    """squeeze, error_bad_lines, warn_bad_lines, delim_whitespace, prefix; those without effect today are dropped."""

    @functools.wraps(read_csv)
    def read(
        *args: Any, squeeze: bool = False, error_bad_lines: bool = True, delim_whitespace: bool = False, prefix: str = "", **options: Any
    ) -> Any:
        for name in ("warn_bad_lines", "mangle_dupe_cols", "tupleize_cols", "infer_datetime_format", "keep_date_col"):
            options.pop(name, None)
        if delim_whitespace:
            options["sep"] = r"\s+"
        if not error_bad_lines:
            options["on_bad_lines"] = "skip"
        read = read_csv(*args, **options)
        if prefix and options.get("header", 0) is None:
            read.columns = [f"{prefix}{name}" for name in read.columns]
        return read.squeeze("columns") if squeeze else read

    return read
