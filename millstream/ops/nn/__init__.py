"""Ops of neural networks."""

from millstream.ops.nn import activation, dropout, matmul, softmax
