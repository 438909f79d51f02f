"""Mathematical ops."""

from millstream.ops.math import arithmetic, comparison, exponential, reduce
