"""Attention: queries ask keys, values answer. query [B, T, dim], value and key [B, S, dim] -> [B, T, dim of value].

B batch, T queries, S values
"""

from typing import Any

import numpy as np

from millstream.keras.layers.base import Layer
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims
from millstream.ops.math.comparison import logical_and
from millstream.ops.math.exponential import tanh
from millstream.ops.math.reduce import reduce_sum
from millstream.ops.nn.dropout import dropout
from millstream.ops.nn.matmul import matmul
from millstream.ops.nn.softmax import softmax
from millstream.util.export import export


class BaseDenseAttention(Layer):
    """What both kinds share: masks, softmax of the scores, weighted sum of the values."""

    supports_masking = True

    def __init__(self, causal: bool = False, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.causal, self.dropout = causal, dropout

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """How well each query fits each key: [B, T, S]."""
        raise NotImplementedError(f"Layer {self.name} must define _calculate_scores.")

    def call(self, inputs: Any, mask: Any = None, training: Any = None, return_attention_scores: bool = False) -> Any:
        """[query, value] or [query, value, key] -> the answers, and the scores if asked for."""
        self._validate(inputs, mask)
        query, value = inputs[0], inputs[1]
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._calculate_scores(query, inputs[2] if len(inputs) > 2 else value)
        weights = softmax(self._masked(scores, value_mask))
        if training and self.dropout > 0:
            weights = dropout(weights, self.dropout)
        result = matmul(weights, value)
        if query_mask is not None:
            result = result * cast(expand_dims(query_mask, -1), result.dtype)
        return (result, weights) if return_attention_scores else result

    def _masked(self, scores: Any, value_mask: Any) -> Any:
        """Scores of values that are masked, or later than the query when causal, lowered beyond any chance."""
        allowed = None if value_mask is None else expand_dims(value_mask, -2)
        if self.causal:
            earlier = np.tri(int(scores.shape[-2]), int(scores.shape[-1]), dtype=bool)[None]
            allowed = earlier if allowed is None else logical_and(allowed, earlier)
        return scores if allowed is None else scores - 1e9 * (1.0 - cast(allowed, scores.dtype))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The query's."""
        self._validate(inputs, mask)
        return mask[0] if mask else None

    def _validate(self, inputs: Any, mask: Any) -> None:
        kind = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(f"{kind} layer must be called on a list of inputs, namely [query, value] or [query, value, key].")
        if not 2 <= len(inputs) <= 3:
            raise ValueError(
                f"{kind} layer accepts inputs list of length 2 or 3, namely [query, value] or [query, value, key]. Given length: {len(inputs)}"
            )
        if mask and (not isinstance(mask, list) or not 2 <= len(mask) <= len(inputs)):
            raise ValueError(f"{kind} layer mask must be a list, namely [query_mask, value_mask]; got {mask!r}.")

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "causal": self.causal, "dropout": self.dropout}


@export("tf.keras.layers.Attention")
class Attention(BaseDenseAttention):
    """Scores are products of queries and keys (Luong). Args: use_scale, a learnt factor of the scores; causal; dropout.

    >>> query, value = tf.ones((2, 3, 4)), tf.ones((2, 5, 4))
    >>> tf.keras.layers.Attention()([query, value]).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, use_scale: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.scale: Any = None

    def build(self, input_shape: Any) -> None:
        """Make the factor."""
        if self.use_scale:
            self.scale = self.add_weight("scale", (), None, "ones")
        super().build(input_shape)

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        scores = matmul(query, key, transpose_b=True)
        return scores if self.scale is None else scores * self.scale

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "use_scale": self.use_scale}


@export("tf.keras.layers.AdditiveAttention")
class AdditiveAttention(BaseDenseAttention):
    """Scores are sums of tanh(query + key) (Bahdanau). Args: use_scale, learnt factors of the summands; causal; dropout.

    >>> query, value = tf.ones((2, 3, 4)), tf.ones((2, 5, 4))
    >>> tf.keras.layers.AdditiveAttention()([query, value]).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, use_scale: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.scale: Any = None

    def build(self, input_shape: Any) -> None:
        """Make the factors."""
        if self.use_scale:
            self.scale = self.add_weight("scale", (input_shape[1][-1],), None, "glorot_uniform")
        super().build(input_shape)

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        summands = tanh(expand_dims(query, -2) + expand_dims(key, -3))
        return reduce_sum(summands if self.scale is None else summands * self.scale, -1)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "use_scale": self.use_scale}
