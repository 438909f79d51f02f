"""What libraries dropped since 2020, put back: names, arguments and modules that programs of TensorFlow 2.0 to 2.4 use.

A library is patched right after it loads, and never loaded for that purpose. Each file here is one library: a function
`patch_X(module)` for each module that gets names back, and a function for each module that is gone. `hook.py` knows when.
"""

from millstream.compat.shims.hook import install

__all__ = ["install"]
