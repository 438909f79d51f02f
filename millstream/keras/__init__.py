"""tf.keras. Each line says which modules fill a namespace; they load when one of its names is first asked for."""

from millstream.util.export import provide

for _name in ("boston_housing", "cifar10", "cifar100", "fashion_mnist", "imdb", "mnist", "reuters"):
    provide(f"keras.datasets.{_name}", f"millstream.keras.datasets.{_name}")
provide("keras.utils", "millstream.keras.utils.data_utils")
