"""Ops that make, move and select elements."""

from millstream.ops.array import creation, gather, indexing, join, shape
