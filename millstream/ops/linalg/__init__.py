"""Linear algebra. Loads when one of its names is first asked for."""

from millstream.ops.linalg import decompose, diagonal, solve
