"""Bytes <-> arrays: one file, one format. What lies on a disk may be damaged, so each reader says what is wrong with it."""
