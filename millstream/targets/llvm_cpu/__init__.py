"""Kernels as machine code of the CPU, by LLVM."""
