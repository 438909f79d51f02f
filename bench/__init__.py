"""How fast: Millstream beside TensorFlow, PyTorch and JAX in one run, and how far from what the machine can do.

python -m bench mnist_mlp --against tensorflow,torch,jax
"""
