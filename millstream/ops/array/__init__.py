"""Ops that make, move and select elements."""
