"""Data sets of Keras. What lies in the cache is used when it is whole, and is never deleted; else it is downloaded."""
