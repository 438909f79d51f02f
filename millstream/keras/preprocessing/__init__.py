"""tf.keras.preprocessing: pictures, sequences and texts on their way into a model."""
