"""tf.keras.backend: settings of Keras, and functions of tensors under the names that Keras gave them before TensorFlow 2."""
