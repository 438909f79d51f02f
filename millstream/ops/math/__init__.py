"""Mathematical ops."""

from millstream.ops.math import (
    arithmetic,
    bits,
    combine,
    comparison,
    complex_,
    exponential,
    reduce,
    rounding,
    safe,
    scan,
    special,
    statistics,
    trigonometric,
)
