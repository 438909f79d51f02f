"""Functions made into graphs: tf.function, functions of Python within them, modules that own variables, and the switches around them."""
