"""EinsumDense: y = activation(einsum(equation, x, kernel) + bias)."""

from typing import Any

from millstream.keras import activations, constraints, initializers, regularizers
from millstream.keras.layers.base import Layer
from millstream.ops.nn.products import einsum
from millstream.util.export import export


@export("tf.keras.layers.experimental.EinsumDense")
class EinsumDense(Layer):
    """A dense layer of any shape. Args: equation, such as "ab,bc->ac", or "...x,xy->...y"; output_shape, without the batch size;
    activation; bias_axes, the letters of the output that the bias has; initializers, regularizers, constraints.

    Raises: ValueError for an equation that is none, or whose sizes are unknown.
    >>> tf.keras.layers.experimental.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d")(tf.ones((2, 3, 4))).shape
    TensorShape([2, 3, 5])
    """

    def __init__(
        self, equation: str, output_shape: Any, activation: Any = None, bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.equation, self.bias_axes = equation, bias_axes
        self.partial_output_shape = [output_shape] if isinstance(output_shape, int) else list(output_shape)
        self.activation = activations.get(activation)
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.kernel: Any = None
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        """Make kernel and bias, their sizes taken from the input's and the output's."""
        inputs, kernel, output = _letters(self.equation)
        given = dict(_sizes(inputs, list(input_shape)))
        wanted = dict(_sizes(output, [input_shape[0], *self.partial_output_shape]))
        sizes = {**{k: n for k, n in wanted.items() if n is not None}, **{k: n for k, n in given.items() if n is not None}}
        missing = [k for k in kernel if k not in sizes]
        if missing:
            raise ValueError(
                f"Layer {self.name}: the size of {missing} in {self.equation!r} is known neither from the input nor the output."
            )
        shape = [sizes[k] for k in kernel]
        self.kernel = self.add_weight("kernel", shape, None, self.kernel_initializer, self.kernel_regularizer, True, self.kernel_constraint)
        if self.bias_axes is not None:
            self.bias = self._make_bias(output, wanted)
        self.built = True

    def _make_bias(self, output: str, sizes: dict[str, Any]) -> Any:
        axes = self.bias_axes or ""
        wrong = [a for a in axes if a not in output]
        if wrong:
            raise ValueError(f"Bias dimension {wrong[0]!r} was requested, but is not part of the output specification {output!r}")
        first = min(output.index(a) for a in axes)
        shape = [sizes[a] if a in axes else 1 for a in output[first:]]
        return self.add_weight("bias", shape, None, self.bias_initializer, self.bias_regularizer, True, self.bias_constraint)

    def call(self, inputs: Any) -> Any:
        """activation(einsum(inputs, kernel) + bias)."""
        y = einsum(self.equation, inputs, self.kernel)
        return self.activation(y if self.bias is None else y + self.bias)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        own = {"output_shape": self.partial_output_shape, "equation": self.equation, "activation": activations.serialize(self.activation)}
        return {**super().get_config(), **own, "bias_axes": self.bias_axes, **options_config(self, vars(self))}


def options_config(layer: Any, options: Any) -> dict[str, Any]:
    """Initializers, regularizers and constraints of kernel and bias as a configuration, in Keras's order."""
    both = ("kernel", "bias")
    return {
        **{f"{w}_initializer": initializers.serialize(options[f"{w}_initializer"]) for w in both},
        **{f"{w}_regularizer": regularizers.serialize(options[f"{w}_regularizer"]) for w in both},
        "activity_regularizer": regularizers.serialize(layer.activity_regularizer),
        **{f"{w}_constraint": constraints.serialize(options[f"{w}_constraint"]) for w in both},
    }


def _letters(equation: str) -> tuple[str, str, str]:
    """The letters of input, kernel and output. Raises: ValueError."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    inputs, comma, kernel = left.partition(",")
    if not arrow or not comma or "," in kernel:
        raise ValueError(
            f"Invalid einsum equation {equation!r}. Equations are of the form [X],[Y]->[Z], as in 'ab,bc->ac' or '...x,xy->...y'."
        )
    return inputs, kernel, output


def _sizes(letters: str, shape: list[Any]) -> list[tuple[str, Any]]:
    """The size of each letter; those that an ellipsis stands for are left out."""
    head, dots, tail = letters.partition("...")
    last = len(shape) - len(tail)
    return [*zip(head, shape, strict=False), *(zip(tail, shape[last:], strict=True) if dots else ())]
