"""What the floors of Keras share: files and their cache."""
