"""Modules that programs of the time imported although they were never public, and where their names are public.

Two rules: `tensorflow.python.keras.X` is `tensorflow.keras.X`; and a table of folders inside Keras and TensorFlow.
"""

from __future__ import annotations

# Inside Keras: module -> the public namespaces, below keras, that have its names. "" is keras itself.
_KERAS: dict[str, tuple[str, ...]] = {
    "engine": ("layers", "models", ""),
    "engine.base_layer": ("layers",),
    "engine.functional": ("models", ""),
    "engine.input_layer": ("layers", ""),
    "engine.input_spec": ("layers",),
    "engine.network": ("models", ""),
    "engine.sequential": ("models",),
    "engine.topology": ("layers", "models", ""),
    "engine.training": ("models",),
    "callbacks.callbacks": ("callbacks",),
    "backend.tensorflow_backend": ("backend",),
    "objectives": ("losses",),
    "optimizer_v2": ("optimizers",),
    "saving": ("models",),
    "saving.save": ("models",),
    "utils.all_utils": ("utils",),
    "utils.conv_utils": ("utils",),
    "utils.data_utils": ("utils",),
    "utils.generic_utils": ("utils",),
    "utils.io_utils": ("utils",),
    "utils.layer_utils": ("utils",),
    "utils.np_utils": ("utils",),
    "utils.vis_utils": ("utils",),
}
_KERAS |= {
    f"layers.{name}": ("layers",)
    for name in (
        "advanced_activations", "convolutional", "convolutional_recurrent", "core", "cudnn_recurrent", "dense_attention", "embeddings",
        "local", "merge", "noise", "normalization", "normalization_v2", "pooling", "recurrent", "recurrent_v2", "wrappers",
    )
}  # fmt: skip
_KERAS |= {
    f"optimizer_v2.{name}": ("optimizers", "optimizers.schedules")
    for name in (
        "adadelta", "adagrad", "adam", "adamax", "ftrl", "gradient_descent", "learning_rate_schedule", "nadam", "optimizer_v2", "rmsprop",
    )
}  # fmt: skip

# Inside TensorFlow: module below tensorflow.python -> the public namespaces below tensorflow.
_TENSORFLOW: dict[str, tuple[str, ...]] = {
    "": ("",),
    "data": ("data",),
    "data.ops": ("data",),
    "data.ops.dataset_ops": ("data",),
    "eager": ("",),
    "eager.backprop": ("",),
    "eager.context": ("",),
    "eager.def_function": ("",),
    "framework": ("",),
    "framework.constant_op": ("",),
    "framework.dtypes": ("", "dtypes"),
    "framework.errors": ("errors",),
    "framework.errors_impl": ("errors",),
    "framework.ops": ("",),
    "framework.random_seed": ("random", ""),
    "framework.tensor_shape": ("",),
    "framework.tensor_spec": ("",),
    "lib": ("io",),
    "lib.io": ("io",),
    "lib.io.file_io": ("io.gfile",),
    "module": ("",),
    "module.module": ("",),
    "ops": ("", "nn", "math"),
    "ops.array_ops": ("",),
    "ops.clip_ops": ("",),
    "ops.control_flow_ops": ("",),
    "ops.gen_math_ops": ("math", ""),
    "ops.gen_nn_ops": ("nn",),
    "ops.image_ops": ("image",),
    "ops.init_ops_v2": ("initializers",),
    "ops.linalg_ops": ("linalg", ""),
    "ops.math_ops": ("math", ""),
    "ops.nn": ("nn",),
    "ops.nn_ops": ("nn",),
    "ops.random_ops": ("random",),
    "ops.resource_variable_ops": ("",),
    "ops.string_ops": ("strings",),
    "ops.variables": ("",),
    "platform": ("",),
    "platform.gfile": ("io.gfile",),
    "training": ("train",),
    "util": ("", "nest"),
}


def public_names_of(fullname: str) -> list[str]:
    """The public modules that have the names of a module inside TensorFlow or Keras; empty for one that is not known.

    >>> public_names_of("keras.layers.core"), public_names_of("tensorflow.python.keras.utils.np_utils")
    (['keras.layers'], ['tensorflow.keras.utils'])
    """
    for prefix, public, table in (
        ("tensorflow.python.keras", "tensorflow.keras", _KERAS),
        ("tensorflow.keras", "tensorflow.keras", _KERAS),
        ("keras", "keras", _KERAS),
        ("tensorflow.python", "tensorflow", _TENSORFLOW),
    ):
        if fullname == prefix or fullname.startswith(prefix + "."):
            inner = fullname[len(prefix) + 1 :]
            below = table.get(inner, (inner,) if table is _KERAS else ())
            return [f"{public}.{name}" if name else public for name in below]
    return []
