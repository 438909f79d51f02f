"""The compiler passes over graphs; `pipeline.py` lists them in order."""
