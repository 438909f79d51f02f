"""The training loop: runners, sources of batches, callbacks, compile and fit."""
