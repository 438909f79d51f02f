"""tf.keras. Each line says which modules fill a namespace; they load when one of its names is first asked for."""

from millstream.util.export import provide

provide("keras.datasets.fashion_mnist", "millstream.keras.datasets.fashion_mnist")
provide("keras.datasets.mnist", "millstream.keras.datasets.mnist")
provide("keras.utils", "millstream.keras.utils.data_utils")
provide("keras.utils", "millstream.keras.objects", "millstream.keras.utils.np_utils", "millstream.keras.utils.progbar", "millstream.keras.utils.sequence")
provide("keras.layers", "millstream.keras.layers")
provide("keras.models", "millstream.keras.models")
provide("keras.callbacks", "millstream.keras.engine.callbacks")
provide("keras", "millstream.keras.models", "millstream.keras.layers.input")
