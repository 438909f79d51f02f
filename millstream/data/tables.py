"""Tables of comma-separated values as data sets."""

import csv
import glob
import io
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import DType, as_dtype, float32, float64, int32, int64, string
from millstream.core.spec import TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.data import specs
from millstream.data.dataset import Dataset
from millstream.data.files import filenames_of, open_file, text
from millstream.data.source import Run, Source
from millstream.util.errors import invalid
from millstream.util.export import export

KINDS = (int32, int64, float32, float64, string)  # what a column may be, narrowest first
Default = tuple[DType, Any]  # a column's dtype, and its value where the field is empty; None: it must be filled


class _Format:
    """How a file is written: delimiter, quotes, the text that stands for nothing, whether the first line names the columns."""

    def __init__(self, compression: Any, header: bool, delimiter: str, quotes: bool, missing: str) -> None:
        self.compression, self.header, self.delimiter, self.quotes, self.missing = compression, header, delimiter, quotes, missing

    def lines(self, name: str, with_header: bool = False) -> Iterator[list[str]]:
        """The fields of each line."""
        with open_file(name, self.compression) as file:
            reading = csv.reader(
                io.TextIOWrapper(file, "utf-8", newline=""),
                delimiter=self.delimiter,
                quoting=csv.QUOTE_MINIMAL if self.quotes else csv.QUOTE_NONE,
            )
            for number, fields in enumerate(reading):
                if fields and (number or with_header or not self.header):
                    yield fields


class _Table(Source):
    """Lines as tuples of scalars."""

    name = "CsvDatasetV2"

    def __init__(self, names: Sequence[str], defaults: Sequence[Default], form: _Format, columns: Sequence[int] | None) -> None:
        self.names, self.defaults, self.form, self.columns = names, defaults, form, columns

    @property
    def spec(self) -> Any:
        """A scalar per column."""
        return tuple(TensorSpec([], dtype) for dtype, _ in self.defaults)

    def size(self) -> int:
        """Unknown."""
        return specs.UNKNOWN

    def elements(self, run: Run) -> Iterator[Any]:
        """One pass. Raises: InvalidArgumentError for a line of another number of fields, and for a field of another type."""
        for name in self.names:
            for fields in self.form.lines(name):
                yield self._parsed(fields)

    def _parsed(self, fields: list[str]) -> tuple[Tensor, ...]:
        chosen = fields if self.columns is None else [fields[c] for c in self.columns if c < len(fields)]
        if len(chosen) != len(self.defaults):
            raise invalid(
                f"Expect {len(self.defaults)} fields but have {'more' if len(chosen) > len(self.defaults) else len(chosen)} in record"
            )
        return tuple([self._field(i, f, *d) for i, (f, d) in enumerate(zip(chosen, self.defaults, strict=True))])

    def _field(self, number: int, field: str, dtype: DType, default: Any) -> Tensor:
        if field in ("", self.form.missing):
            if default is None:
                raise invalid(f"Field {number} is required but missing in record!")
            field = default
        if dtype is string:
            return text(field.encode())
        try:
            return wrap(dtype.as_numpy_dtype(field))
        except (ValueError, OverflowError):
            raise invalid(f"Field {number} in record is not a valid {dtype.name}: {field}") from None


def _default(given: Any) -> Default:
    """A column's default: a dtype (the field must be filled), a value, or a tensor of at most one value."""
    if isinstance(given, (DType, type)):
        return as_dtype(given), None
    tensor = convert(given)
    array = np.asarray(tensor._array).reshape(-1)
    if not array.size:
        return tensor.dtype, None
    return tensor.dtype, array[0].decode() if tensor.dtype is string else str(array[0])


@export("tf.data.experimental.CsvDataset")
class CsvDataset(Dataset):
    """The lines of CSV files as tuples of scalars.

    record_defaults: for each column its dtype, when fields must be filled, or the value of empty ones. select_cols,
    exclude_cols: which columns to read (not both). Raises: InvalidArgumentError, when it is read, for lines that do not fit.
    """

    def __init__(
        self, filenames: Any, record_defaults: Sequence[Any], compression_type: Any = None, buffer_size: Any = None, header: bool = False, field_delim: str = ",",
        use_quote_delim: bool = True, na_value: str = "", select_cols: Sequence[int] | None = None, exclude_cols: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        if select_cols is not None and exclude_cols is not None:
            raise ValueError("select_cols and exclude_cols cannot both be given.")
        form = _Format(compression_type, header, field_delim, use_quote_delim, na_value)
        names = [str(x.numpy().decode()) for x in filenames_of(filenames)]
        if exclude_cols is not None:
            width = len(next(form.lines(names[0], with_header=True)))
            select_cols = [c for c in range(width) if c not in set(exclude_cols)]
        super().__init__(_Table(names, [_default(d) for d in record_defaults], form, select_cols))


# ---------------------------------------------------------------------------------------------- make_csv_dataset
def _fits(value: str, dtype: DType) -> bool:
    try:
        number = float(value) if dtype.is_floating else int(value)
    except ValueError:
        return dtype is string
    return dtype is string or dtype is float64 or bool(dtype.min <= number <= dtype.max)


def _inferred(names: Sequence[str], form: _Format, width: int, rows: int | None) -> list[Default]:
    """Each column's narrowest type that all of the first lines fit."""
    found = [-1] * width
    seen = 0
    for name in names:
        for fields in form.lines(name):
            if rows is not None and seen >= rows:
                break
            seen += 1
            if len(fields) != width:
                raise ValueError(f"Problem inferring types: CSV row {seen} has {len(fields)} fields; expected {width}.")
            for i, value in enumerate(fields):
                if value not in ("", form.missing):
                    found[i] = next(k for k in range(max(found[i], 0), len(KINDS)) if _fits(value, KINDS[k]))
    types = [KINDS[k] if k >= 0 else string for k in found]
    return [(t, "" if t is string else "0") for t in types]


@export("tf.data.experimental.make_csv_dataset")
def make_csv_dataset(
    file_pattern: Any, batch_size: int, column_names: Any = None, column_defaults: Any = None, label_name: str | None = None, select_columns: Any = None,
    field_delim: str = ",", use_quote_delim: bool = True, na_value: str = "", header: bool = True, num_epochs: int | None = None, shuffle: bool = True,
    shuffle_buffer_size: int = 10000, shuffle_seed: int | None = None, prefetch_buffer_size: Any = None, num_parallel_reads: Any = None, sloppy: bool = False,
    num_rows_for_inference: int | None = 100, compression_type: Any = None, ignore_errors: bool = False,
) -> Dataset:  # fmt: skip
    """Batches of a table's lines: an OrderedDict from column name to values, with the label column beside it if it is named.

    Types are inferred from the first lines. Without num_epochs it repeats for ever and all batches are full.
    Raises: ValueError for patterns that no file matches, and for columns that do not exist.
    """
    patterns = [file_pattern] if isinstance(file_pattern, str) else list(file_pattern)
    names = sorted(n for p in patterns for n in glob.glob(p))
    if not names:
        raise ValueError(f"No files match {file_pattern}.")
    form = _Format(compression_type, header, field_delim, use_quote_delim, na_value)
    columns = list(column_names) if column_names is not None else next(form.lines(names[0], with_header=True))
    if label_name is not None and label_name not in columns:
        raise ValueError("`label_name` provided must be one of the columns.")
    chosen = (
        sorted(columns.index(c) if isinstance(c, str) else int(c) for c in select_columns)
        if select_columns is not None
        else list(range(len(columns)))
    )
    if column_defaults is not None:
        defaults = [_default(d) for d in column_defaults]
    else:
        inferred = _inferred(names, form, len(columns), num_rows_for_inference)
        defaults = [inferred[c] for c in chosen]
    lines = Dataset(_Table(names, defaults, form, chosen))
    if shuffle:
        lines = lines.shuffle(shuffle_buffer_size, shuffle_seed)
    batches = lines.repeat(num_epochs).batch(batch_size, drop_remainder=num_epochs is None)
    kept = [columns[c] for c in chosen]

    def named(*values: Any) -> Any:
        found = OrderedDict(zip(kept, values, strict=True))
        return found if label_name is None else (found, found.pop(label_name))

    return batches.map(named).prefetch(1)
