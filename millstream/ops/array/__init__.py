"""Ops that make, move and select elements."""

from millstream.ops.array import creation, gather, indexing, join, sequence, shape, sorting
