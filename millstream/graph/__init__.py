"""The graph of a traced function: nodes, tracing, views, printing, checking, interpreting."""
