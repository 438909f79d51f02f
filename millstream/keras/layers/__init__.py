"""tf.keras.layers. Importing this package makes every layer known; a layer's file is named after its family."""

from millstream.keras.layers import base, core, dense, input, op_layer, side_effects
