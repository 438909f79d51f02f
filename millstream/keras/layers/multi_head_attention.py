"""MultiHeadAttention: several attentions beside each other, each on its own projections. [B, T, dim] -> [B, T, dim].

B batch, T queries, S values, N heads, H size of a head
"""

import string
from typing import Any

from millstream.core.tensor import convert
from millstream.keras import constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.keras.layers.core import Dropout
from millstream.keras.layers.einsum_dense import EinsumDense, options_config
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims
from millstream.ops.math.exponential import exp
from millstream.ops.math.statistics import reduce_logsumexp
from millstream.ops.nn.products import einsum
from millstream.ops.nn.softmax import softmax
from millstream.util.export import export


@export("tf.keras.layers.MultiHeadAttention")
class MultiHeadAttention(Layer):
    """Attention of several heads. query [B, T, ...], value and key [B, S, ...] -> [B, T, ...].

    Args: num_heads; key_dim, the size of queries and keys in a head; value_dim, key_dim by default; dropout, of the scores; use_bias;
    output_shape, the query's last size by default; attention_axes, all but the batch and the last by default; initializers and the like.
    >>> layer = tf.keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> layer(tf.ones((2, 4, 8)), tf.ones((2, 5, 8))).shape
    TensorShape([2, 4, 8])
    """

    def __init__(
        self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True, output_shape: Any = None,
        attention_axes: Any = None, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._num_heads, self._key_dim, self._value_dim = num_heads, key_dim, value_dim or key_dim
        self._dropout, self._use_bias, self._output_shape = dropout, use_bias, output_shape
        self._attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes and tuple(attention_axes)
        self._common: dict[str, Any] = {
            "kernel_initializer": initializers.get(kernel_initializer), "bias_initializer": initializers.get(bias_initializer),
            "kernel_regularizer": regularizers.get(kernel_regularizer), "bias_regularizer": regularizers.get(bias_regularizer),
            "kernel_constraint": constraints.get(kernel_constraint), "bias_constraint": constraints.get(bias_constraint),
        }  # fmt: skip
        self._made = False

    def _projection(self, name: str, rank: int, sizes: list[int]) -> EinsumDense:
        """From the last axis to heads and their size."""
        letters = string.ascii_lowercase
        kept, summed, made = letters[: rank - 1], letters[rank - 1], letters[rank : rank + len(sizes)]
        equation = f"{kept}{summed},{summed}{made}->{kept}{made}"
        shape = [None] * (rank - 2) + sizes
        return EinsumDense(equation, shape, bias_axes=made if self._use_bias else None, name=name, dtype=self._dtype, **self._common)

    def _make(self, query: Any, value: Any, key: Any) -> None:
        """The projections, when the ranks are known."""
        self._query_dense = self._projection("query", query.ndim, [self._num_heads, self._key_dim])
        self._key_dense = self._projection("key", key.ndim, [self._num_heads, self._key_dim])
        self._value_dense = self._projection("value", value.ndim, [self._num_heads, self._value_dim])
        if self._attention_axes is None:
            self._attention_axes = tuple(range(1, query.ndim - 1))
        self._dropout_layer = Dropout(self._dropout)
        self._output_dense = self._output(query.ndim, int(query.shape[-1]))
        self._equations = _equations(query.ndim + 1, self._attention_axes)
        self._made = True

    def _output(self, rank: int, size: int) -> EinsumDense:
        """From heads and their size to the output's last axes."""
        wanted = self._output_shape
        sizes = [size] if wanted is None else [int(wanted)] if isinstance(wanted, int) else [int(n) for n in wanted]
        letters = string.ascii_lowercase
        kept, summed, made = letters[: rank - 1], letters[rank - 1 : rank + 1], letters[rank + 1 : rank + 1 + len(sizes)]
        equation = f"{kept}{summed},{summed}{made}->{kept}{made}"
        bias = made if self._use_bias else None
        return EinsumDense(
            equation, [None] * (rank - 2) + sizes, bias_axes=bias, name="attention_output", dtype=self._dtype, **self._common
        )

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
    ) -> Any:
        """The answers, and the scores [B, N, T, S] if asked for. attention_mask [B, T, S]: true where a query may look."""
        value = convert(value)
        key = value if key is None else convert(key)
        if not self._made:
            self._make(query, value, key)
        scores_of, answers_of = self._equations
        asked = self._query_dense(query) * (1.0 / float(self._key_dim) ** 0.5)
        scores = self._softmax(einsum(scores_of, self._key_dense(key), asked), attention_mask)
        answers = einsum(answers_of, self._dropout_layer(scores, training=training), self._value_dense(value))
        output = self._output_dense(answers)
        return (output, scores) if return_attention_scores else output

    def _softmax(self, scores: Any, mask: Any) -> Any:
        axes = self._attention_axes or ()
        if mask is not None:
            mask = convert(mask)
            for _ in range(scores.ndim - mask.ndim):
                mask = expand_dims(mask, -len(axes) * 2 - 1)
            scores = scores + (1.0 - cast(mask, scores.dtype)) * -1e9
        if len(axes) == 1:
            return softmax(scores)
        over = list(range(scores.ndim - len(axes), scores.ndim))
        return exp(scores - reduce_logsumexp(scores, over, keepdims=True))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {
            "num_heads": self._num_heads, "key_dim": self._key_dim, "value_dim": self._value_dim, "dropout": self._dropout,
            "use_bias": self._use_bias, "output_shape": self._output_shape, "attention_axes": self._attention_axes,
        }  # fmt: skip
        return {**super().get_config(), **own, **options_config(self, self._common)}


def _equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str]:
    """Of scores (keys, queries -> scores) and of answers (scores, values -> answers); letters of heads and their sizes included."""
    letters = string.ascii_lowercase
    target = letters[:rank]
    beside = [i for i in range(rank) if i not in axes and i != rank - 1]
    source = "".join(letters[rank + axes.index(i)] if i in axes else target[i] for i in range(rank))
    scores = "".join(target[i] for i in (*beside, *axes)) + "".join(source[i] for i in axes)
    return f"{source},{target}->{scores}", f"{scores},{source}->{target}"
