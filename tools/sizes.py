"""The house's laws on size: function and file lengths. Prints one line, and one more for each breach.

    python tools/sizes.py [FOLDER ...]      (millstream when none is given)

A function's length runs from `def` to its last line, without decorators and docstring. Laws: 95 functions of 100 have at
most 25 lines, none has more than 60; no file has 600 lines. Exit status 1 when one is broken.
"""

from __future__ import annotations

import ast
import math
import sys
from collections.abc import Iterator
from pathlib import Path

MOST_FUNCTIONS = 25  # lines, at the 95th percentile
ANY_FUNCTION = 60  # lines
ANY_FILE = 600  # lines

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def function_lengths(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """(length, line, name) of every function of a file, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            yield _length(node), node.lineno, node.name


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def percentile(values: list[int], share: float) -> int:
    """The smallest value that at least `share` of the values do not exceed; 0 for none.

    >>> percentile([1, 2, 3, 4], 0.5)
    2
    """
    if not values:
        return 0
    return sorted(values)[math.ceil(len(values) * share) - 1]


def main(folders: list[str]) -> int:
    """Measure the folders, print the findings, return the exit status."""
    lengths: list[int] = []
    breaches: list[str] = []
    files = sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
    for path in files:
        text = path.read_text(encoding="utf-8")
        if (count := text.count("\n") + 1) >= ANY_FILE:
            breaches.append(f"{path}: {count} lines; a file stays below {ANY_FILE}. Split it by subject.")
        for length, line, name in function_lengths(ast.parse(text)):
            lengths.append(length)
            if length > ANY_FUNCTION:
                breaches.append(f"{path}:{line}: {name} has {length} lines; a function has at most {ANY_FUNCTION}. Split it by step.")
    p95 = percentile(lengths, 0.95)
    if p95 > MOST_FUNCTIONS:
        breaches.append(f"95th percentile of function lengths is {p95}; the law is {MOST_FUNCTIONS}.")
    print(f"sizes: {len(files)} files, {len(lengths)} functions, 95th percentile {p95} lines, longest {max(lengths, default=0)}")
    print("\n".join(breaches), end="\n" if breaches else "")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["millstream"]))
