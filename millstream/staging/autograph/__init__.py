"""AutoGraph: Python's control flow on tensors, inside functions that are traced."""
