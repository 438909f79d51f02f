"""Mathematical ops."""
