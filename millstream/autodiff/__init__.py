"""Differentiation: the tape and reverse mode."""
