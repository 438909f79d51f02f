"""Kernels: loop nests of fused groups, templates, and the loop IR that they are written in."""
