"""tf.keras.metrics: things with state that are fed batch by batch, and the functions behind some of them."""

from millstream.keras.metrics import lookup
from millstream.keras.metrics.base import Mean, MeanMetricWrapper, Metric, Sum
from millstream.keras.metrics.lookup import deserialize, get, resolve, serialize

__all__ = ["Mean", "MeanMetricWrapper", "Metric", "Sum", "deserialize", "get", "lookup", "resolve", "serialize"]
