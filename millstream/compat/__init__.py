"""Run a program as if Millstream were `tensorflow`.

`install()` is for notebooks: after it, later cells can say `import tensorflow as tf`. `millstream run` does the same and more.
"""

from millstream.compat.installing import install

__all__ = ["install"]
