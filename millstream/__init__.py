"""Millstream runs TensorFlow 2 programs: `import millstream as tf`, or `millstream run program.py`."""

import sys as _sys

from millstream.util import export as _export

_root = _export.adopt(_sys.modules[__name__], "")
_export.provide("", "millstream.ops", "millstream.autodiff.tape")
_export.provide("", "millstream.keras.initializers")  # tf.zeros_initializer and its like
_export.provide("data", "millstream.data.dataset")
_export.provide("keras", "millstream.keras")
for _space in ("initializers", "losses", "metrics", "optimizers", "optimizers.schedules"):  # tf.losses is tf.keras.losses
    _export.provide(_space, f"millstream.keras.{_space}")
_export.provide("compat", "millstream.compat.values")
_export.publish("2.4.4", "tf.__version__", "tf.version.VERSION")

__millstream_version__ = "0.1.0"
