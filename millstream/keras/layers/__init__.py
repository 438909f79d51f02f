"""tf.keras.layers. Importing this package makes every layer known; a layer's file is named after its family."""

from millstream.keras.layers import (
    advanced_activations,
    base,
    core,
    dense,
    embedding,
    input,
    lambda_layer,
    merge,
    noise,
    normalization,
    op_layer,
    recurrent,
    recurrent_cells,
    recurrent_layers,
    side_effects,
    wrappers,
)
