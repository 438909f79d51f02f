"""Ops of neural networks."""

from millstream.ops.nn import activation, cross_entropy, dropout, embedding, matmul, normalization, products, softmax
