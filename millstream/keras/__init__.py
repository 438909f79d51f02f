"""tf.keras. Each namespace loads when one of its names is first asked for."""

from millstream.util.export import provide

provide("keras.activations", "millstream.keras.activations")
provide("keras.initializers", "millstream.keras.initializers")
provide("keras.regularizers", "millstream.keras.regularizers")
provide("keras.constraints", "millstream.keras.constraints")
provide("keras.losses", "millstream.keras.losses")
provide("keras.metrics", "millstream.keras.metrics")
provide("keras.optimizers", "millstream.keras.optimizers")
provide("keras.optimizers.schedules", "millstream.keras.optimizers.schedules")
provide("keras.backend", "millstream.keras.backend.config", "millstream.keras.backend.names")
