"""tf.print: values as text, at the time when a traced function runs; TensorFlow's format (long dimensions keep both ends)."""

import math
import sys
from typing import Any

import numpy as np

from millstream.core.dispatch import execute
from millstream.core.dtypes import bool_
from millstream.core.op import op
from millstream.core.samples import Array as Sampled
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, reader_of
from millstream.ops.rules import Array, Namespace
from millstream.util import tree
from millstream.util.export import export

Parts = tuple[str | None, ...]


def number_text(value: Any) -> str:
    """One element: the shortest of two precisions that reads back as the same number."""
    if isinstance(value, (bool, np.bool_)):
        return "1" if value else "0"
    if isinstance(value, np.float64):
        return _shortest(float(value), 15, 17, np.float64)
    if isinstance(value, (np.floating, float)) or (hasattr(value, "dtype") and value.dtype.kind == "V"):
        return _shortest(float(value), 6, 9, np.float32)
    return str(value)


def _shortest(value: float, few: int, many: int, kind: Any) -> str:
    text = f"{value:.{few}g}"
    return text if math.isnan(value) or kind(float(text)) == kind(value) else f"{value:.{many}g}"


def _quoted(value: Any) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def array_text(array: Any, summarize: int = 3, alone: bool = False) -> str:
    """An array as text; of each dimension longer than twice `summarize` the middle is left out (-1: nothing is)."""
    array = np.asarray(array)
    if array.ndim == 0:
        if array.dtype == object:
            return array[()].decode(errors="replace") if alone else _quoted(array[()])
        return number_text(array[()])
    show = _quoted if array.dtype == object else number_text
    return _nested(array, summarize, show, 1)


def _nested(array: Any, summarize: int, show: Any, depth: int) -> str:
    if np.ndim(array) == 0:
        return str(show(array[()] if isinstance(array, np.ndarray) else array))
    n = len(array)
    cut = summarize >= 0 and n > 2 * summarize
    rows = [*range(summarize), *range(n - summarize, n)] if cut else list(range(n))
    parts = [_nested(array[i], summarize, show, depth + 1) for i in rows]
    if cut:
        parts.insert(summarize, "...")
    between = " " if array.ndim == 1 else "\n" * (array.ndim - 1) + " " * depth
    return "[" + between.join(parts) + "]"


@op(name="print_values", mixed=True, stateful=True, samples=lambda: [
    Sample("two", (Sampled((3,)), Sampled((), "int32", 0, 9)), {"parts": ("a ", None, " ", None), "end": "\n", "stream": "stderr", "summarize": 3}, False),
])  # fmt: skip
def print_values(xp: Namespace, *xs: Array, parts: Parts, end: str, stream: Any, summarize: int) -> Array:
    """Write the parts, each None replaced by the next array; always True."""
    values = iter(xs)
    alone = len(parts) == 1
    _write("".join(array_text(next(values), summarize, alone) if p is None else p for p in parts), end, stream)
    return np.bool_(True)


print_values.infer(lambda *xs, parts, end, stream, summarize: ArraySpec((), bool_))
print_values.no_gradient()


def _write(text: str, end: str, stream: Any) -> None:
    if stream in ("stdout", "stderr"):
        target = getattr(sys, stream)
        target.write(text + end)
        target.flush()
    elif isinstance(stream, str) and stream.startswith("file://"):
        with open(stream.removeprefix("file://"), "a", encoding="utf-8") as file:
            file.write(text + end)
    elif isinstance(stream, str):
        import logging

        logging.getLogger("tensorflow").log(getattr(logging, stream.removeprefix("log(").rstrip(")").upper()), text)
    else:
        stream.write(text + end)


class _Hole:
    """Stands for a tensor inside a structure that is written by Python's repr."""

    def __init__(self, index: int) -> None:
        self.index = index

    def __repr__(self) -> str:
        return f"\0{self.index}\0"


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor) or reader_of(x) is not None


def _parts_of(x: Any, holes: list[Any]) -> list[str | None]:
    """The text of one argument, None where a tensor stands."""
    if _is_tensor(x):
        holes.append(x)
        return [None]
    if not tree.is_nested(x):
        return [x if isinstance(x, str) else str(x) if isinstance(x, np.generic) else repr(x)]

    def hole(leaf: Any) -> Any:
        if not _is_tensor(leaf):
            return leaf
        holes.append(leaf)
        return _Hole(len(holes) - 1)

    pieces = repr(tree.map_structure(hole, x)).split("\0")
    return [p if i % 2 == 0 else None for i, p in enumerate(pieces)]


@export("tf.print")
def print_(
    *inputs: Any, output_stream: Any = "stderr", summarize: int = 3, sep: str = " ", end: str = "\n", name: str | None = None
) -> None:
    """Write values to a stream (sys.stderr by default, sys.stdout, "file://PATH" or a logging level), also from a traced function.

    summarize: how many elements of each dimension's ends are shown; -1 shows all.
    >>> tf.print("loss", tf.constant(0.5), output_stream=sys.stdout)
    loss 0.5
    """
    stream = "stderr" if output_stream is sys.stderr else "stdout" if output_stream is sys.stdout else output_stream
    holes: list[Any] = []
    parts: list[str | None] = []
    for i, x in enumerate(inputs):
        parts += ([sep] if i else []) + _parts_of(x, holes)
    execute(
        print_values,
        tuple(holes),
        {
            "parts": tuple(p for p in parts if p != ""),
            "end": end,
            "stream": stream,
            "summarize": int(summarize),
        },
    )


@export("tf.strings.format")
def format_(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: str | None = None) -> Any:
    """The template with each placeholder replaced by a tensor's text: a scalar string.

    >>> tf.strings.format("x = {}", tf.constant([1, 2])).numpy()
    b'x = [1 2]'
    """
    from millstream.core.tensor import convert

    values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    pieces = template.split(placeholder)
    if len(pieces) - 1 != len(values):
        raise ValueError(f"{len(pieces) - 1} placeholder(s) in template does not match {len(values)} tensor(s) provided as input")
    texts = [array_text(convert(v)._array, summarize) for v in values]
    return convert("".join(p + t for p, t in zip(pieces, [*texts, ""], strict=True)))
