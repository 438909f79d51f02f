"""Flags, errors, public names, trees."""
