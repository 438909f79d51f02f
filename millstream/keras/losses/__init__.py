"""tf.keras.losses: functions (y_true, y_pred) -> loss per sample, and classes that weigh and reduce them."""

from millstream.keras.losses import lookup
from millstream.keras.losses.base import Loss, LossFunctionWrapper, Reduction
from millstream.keras.losses.lookup import deserialize, get, serialize

__all__ = ["Loss", "LossFunctionWrapper", "Reduction", "deserialize", "get", "lookup", "serialize"]
