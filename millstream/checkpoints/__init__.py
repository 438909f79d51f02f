"""Objects and the values in them, saved and restored: tf.train.Checkpoint and what Keras shares with it."""
