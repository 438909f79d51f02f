"""Embedding: whole numbers -> rows of a learnt table.   ids [...], table [input_dim, output_dim] -> [..., output_dim]."""

from typing import Any

from millstream.keras import constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.ops.array.creation import cast
from millstream.ops.array.gather import gather
from millstream.ops.math.comparison import not_equal
from millstream.util.export import export


@export("tf.keras.layers.Embedding")
class Embedding(Layer):
    """A learnt vector for each whole number below input_dim.

    Args: input_dim, how many numbers; output_dim, the vectors' size; initializer, regularizer, constraint of the table;
    mask_zero, 0 stands for a step that does not count; input_length. Raises: ValueError for sizes below 1, InvalidArgumentError for a number outside.
    >>> tf.keras.layers.Embedding(10, 3)(tf.constant([[1, 2]])).shape
    TensorShape([1, 2, 3])
    """

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
        activity_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False, input_length: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        if "input_shape" not in kwargs and "batch_input_shape" not in kwargs:
            kwargs["input_shape"] = tuple(input_length) if isinstance(input_length, (list, tuple)) else (input_length,)
        super().__init__(activity_regularizer=activity_regularizer, autocast=False, **kwargs)
        if int(input_dim) < 1 or int(output_dim) < 1:
            raise ValueError(
                f"Embedding layer {self.name}: both `input_dim` and `output_dim` should be positive; got {input_dim} and {output_dim}."
            )
        self.input_dim, self.output_dim, self.mask_zero, self.input_length = int(input_dim), int(output_dim), mask_zero, input_length
        self.supports_masking = mask_zero
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)

    def build(self, input_shape: Any = None) -> None:
        """Make the table."""
        shape = (self.input_dim, self.output_dim)
        self.embeddings = self.add_weight(
            "embeddings", shape, None, self.embeddings_initializer, self.embeddings_regularizer, True, self.embeddings_constraint
        )
        self.built = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where the number is not 0; None unless mask_zero."""
        return not_equal(inputs, cast(0, inputs.dtype)) if self.mask_zero else None

    def call(self, inputs: Any) -> Any:
        """The rows."""
        ids = inputs if inputs.dtype.name in {"int32", "int64"} else cast(inputs, "int32")
        return gather(self.embeddings, ids)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "input_length": self.input_length,
        }
