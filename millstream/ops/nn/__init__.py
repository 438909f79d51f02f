"""Ops of neural networks."""

from millstream.ops.nn import activation, cross_entropy, dropout, matmul, softmax
