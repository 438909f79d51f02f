"""tf.keras. Each line says which modules fill a namespace; they load when one of its names is first asked for."""

from millstream.util.export import provide, publish

for _name in ("boston_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters"):
    provide(f"keras.datasets.{_name}", f"millstream.keras.datasets.{_name}")
provide("keras.utils", "millstream.keras.utils.data_utils", "millstream.keras.objects")
provide("keras.utils", "millstream.keras.utils.np_utils", "millstream.keras.utils.progbar", "millstream.keras.utils.sequence")
provide("keras.utils", "millstream.keras.utils.vis_utils")
provide("keras.activations", "millstream.keras.activations")
provide("keras.initializers", "millstream.keras.initializers")
provide("keras.regularizers", "millstream.keras.regularizers")
provide("keras.constraints", "millstream.keras.constraints")
provide("keras.losses", "millstream.keras.losses")
provide("keras.metrics", "millstream.keras.metrics")
provide("keras.optimizers", "millstream.keras.optimizers")
provide("keras.optimizers.schedules", "millstream.keras.optimizers.schedules")
provide("keras.backend", "millstream.keras.backend.config", "millstream.keras.backend.names", "millstream.keras.backend.session")
provide("keras.backend", "millstream.keras.backend.arrays", "millstream.keras.backend.neural", "millstream.keras.losses")
provide("keras.experimental", "millstream.keras.optimizers.schedules")
_LAYERS = (
    *("advanced_activations", "base", "conv_transpose", "convolutional", "core", "dense", "embedding", "input", "lambda_layer", "merge"),
    *("attention", "einsum_dense", "multi_head_attention"),
    *("noise", "normalization", "op_layer", "pooling", "recurrent", "recurrent_cells", "recurrent_layers", "separable"),
    *("side_effects", "spatial", "wrappers"),
)
for _space in ("keras.layers", "keras.layers.experimental"):
    provide(_space, *[f"millstream.keras.layers.{name}" for name in _LAYERS], "millstream.keras.models.configuration")
provide("keras.layers.experimental.preprocessing", "millstream.keras.layers.preprocessing", "millstream.keras.layers.vocabulary")
provide("keras.models", "millstream.keras.models")
provide("keras.callbacks", "millstream.keras.engine.callbacks", "millstream.keras.engine.monitors", "millstream.keras.engine.tensorboard")
provide("keras", "millstream.keras.models", "millstream.keras.layers.input")
provide("keras.preprocessing", "millstream.keras.preprocessing.folders")
provide("keras.preprocessing.image", "millstream.keras.preprocessing.image", "millstream.keras.preprocessing.folders")
provide("keras.preprocessing.sequence", "millstream.keras.preprocessing.sequence")
provide("keras.preprocessing.text", "millstream.keras.preprocessing.text", "millstream.keras.preprocessing.folders")
provide("keras.mixed_precision", "millstream.keras.mixed_precision")
publish("2.4.0", "tf.keras.__version__")
