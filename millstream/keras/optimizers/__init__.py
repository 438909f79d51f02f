"""tf.keras.optimizers: gradients in, better variables out."""

from millstream.keras.optimizers.adam import Adam, Adamax, Nadam
from millstream.keras.optimizers.adaptive import Adadelta, Adagrad, RMSprop
from millstream.keras.optimizers.base import Optimizer
from millstream.keras.optimizers.descent import SGD
from millstream.keras.optimizers.ftrl import Ftrl
from millstream.keras.optimizers.lookup import deserialize, get, serialize

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop", "deserialize", "get", "serialize"]
