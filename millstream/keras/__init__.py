"""tf.keras. Each line says which modules fill a namespace; they load when one of its names is first asked for."""

from millstream.util.export import provide

provide("keras.datasets.fashion_mnist", "millstream.keras.datasets.fashion_mnist")
provide("keras.datasets.mnist", "millstream.keras.datasets.mnist")
provide("keras.utils", "millstream.keras.utils.data_utils")
