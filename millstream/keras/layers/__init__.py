"""tf.keras.layers. A layer's file is named after its family; `keras/__init__.py` says which files there are, and they load at first use."""
