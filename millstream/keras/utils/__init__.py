"""What the floors of Keras share: labels, names of objects, the progress bar, files and their cache."""
