"""Labels and norms of NumPy arrays: to_categorical, normalize."""

from typing import Any

import numpy as np

from millstream.util.export import export


@export("tf.keras.utils.to_categorical")
def to_categorical(y: Any, num_classes: int | None = None, dtype: Any = "float32") -> Any:
    """Whole numbers [...] as one-hot rows [..., num_classes]; a last dimension of 1 is dropped first.

    Raises: IndexError for a label that is not below num_classes.
    >>> tf.keras.utils.to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    labels = np.array(y, dtype="int")
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    flat = labels.ravel()
    classes = num_classes or int(flat.max()) + 1
    rows = np.zeros((flat.size, classes), dtype=dtype)
    rows[np.arange(flat.size), flat] = 1
    return rows.reshape((*shape, classes))


@export("tf.keras.utils.normalize")
def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """An array divided by its norm along an axis; rows of zeros stay.

    >>> tf.keras.utils.normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]
    """
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return x / np.expand_dims(norms, axis)
