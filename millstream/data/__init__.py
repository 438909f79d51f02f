"""tf.data: pipelines of elements. `source` says what a recipe of elements is, the files beside it are its kinds, `dataset` its face."""
