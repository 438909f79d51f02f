"""Running compiled graphs: memory, threads, cache, executables."""
