"""tf.keras.models: Model, Sequential, and models from their configurations."""

from millstream.keras.models import configuration, model, saving, sequential
