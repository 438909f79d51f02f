"""What tensors and ops are: dtypes, shapes, records, dispatch, variables."""
