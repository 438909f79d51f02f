"""Ops that make, move and select elements."""

from millstream.ops.array import creation, shape
