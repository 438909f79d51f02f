"""Millstream runs TensorFlow 2 programs: `import millstream as tf`, or `millstream run program.py`."""

import sys as _sys

from millstream.util import export as _export

_root = _export.adopt(_sys.modules[__name__], "")
_export.provide("", "millstream.ops", "millstream.autodiff.tape")
_export.provide("", "millstream.keras.initializers")  # tf.zeros_initializer and its like
_export.provide_names("millstream.staging.function", "tf.function")
_export.provide_names("millstream.staging.python_ops", "tf.py_function", "tf.numpy_function", "tf.compat.v1.py_func")
_export.provide_names("millstream.staging.module", "tf.Module")
_export.provide_names("millstream.staging.logs", "tf.get_logger")
_export.provide("autograph", "millstream.staging.autograph.api")
_export.provide("autograph.experimental", "millstream.staging.autograph.api")
_export.provide_names("millstream.staging.legacy", "tf.Graph")
for _space in ("config", "config.experimental", "config.optimizer", "config.threading"):
    _export.provide(_space, "millstream.staging.config")
_export.provide("test", "millstream.staging.testing")
_export.provide("compat.v1", "millstream.staging.legacy")
_export.provide("compat.v1.logging", "millstream.staging.logs")
_export.provide("data", "millstream.data.dataset", "millstream.data.files")
_export.provide_names(
    "millstream.data.records",
    "tf.data.TFRecordDataset",
    "tf.data.experimental.TFRecordWriter",
    "tf.io.TFRecordOptions",
    "tf.io.TFRecordWriter",
)
_export.provide_names("millstream.data.tables", "tf.data.experimental.CsvDataset", "tf.data.experimental.make_csv_dataset")
_export.provide_names("millstream.data.iterators", "tf.OptionalSpec", "tf.experimental.Optional")
_export.provide("data.experimental", "millstream.data.experimental")
_export.provide("compat.v1.data", "millstream.data.experimental")
_export.provide("io", "millstream.data.examples", "millstream.data.records")
_export.provide("keras", "millstream.keras")
_export.provide("train", "millstream.checkpoints.checkpoint", "millstream.data.examples")
for _space in ("initializers", "losses", "metrics", "optimizers", "optimizers.schedules"):  # tf.losses is tf.keras.losses
    _export.provide(_space, f"millstream.keras.{_space}")
_export.provide("distribute", "millstream.distribute")
_export.provide("summary", "millstream.staging.summary")
_export.provide("summary.experimental", "millstream.staging.summary")
_export.provide_names("millstream.compat.variables", "tf.gradients", "tf.compat.v1.get_variable", "tf.compat.v1.variable_scope")
_export.provide_names("millstream.compat.variables", "tf.compat.v1.tables_initializer")
_export.provide("compat.v1.train", "millstream.compat.variables")
_export.provide("compat", "millstream.compat.values")
_export.publish("2.4.4", "tf.__version__", "tf.version.VERSION")

__millstream_version__ = "0.1.0"
