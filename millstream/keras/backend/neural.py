"""tf.keras.backend: activations, normalization, random numbers, and what depends on training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras.backend.arrays import variable
from millstream.keras.backend.compose import like, where
from millstream.keras.backend.config import dtype_or_default
from millstream.keras.backend.session import fixed_learning_phase, get_value, learning_phase, set_learning_phase
from millstream.ops.array.creation import cast
from millstream.ops.array.creation import ones as ones_
from millstream.ops.array.creation import zeros as zeros_
from millstream.ops.array.shape import expand_dims, reshape
from millstream.ops.math.comparison import less_equal
from millstream.ops.nn.normalization import batch_normalization as normalize
from millstream.ops.nn.normalization import bias_add as bias_add_
from millstream.ops.nn.normalization import l2_normalize as l2_normalize_
from millstream.ops.nn.normalization import moments
from millstream.util import tree
from millstream.util.export import export, exported


def _export(function: Callable[..., Any]) -> Callable[..., Any]:
    return export(f"tf.keras.backend.{function.__name__}")(function)


# ---------------------------------------------------------------------------------------------- activations
def _activation(name: str) -> Callable[..., Any]:
    """An activation of tf.keras.activations, which stands a floor higher: looked up when it is called."""

    def call(*args: Any, **kwargs: Any) -> Any:
        from millstream.util.export import space

        return getattr(space("keras.activations"), name)(*args, **kwargs)

    call.__name__, call.__doc__ = name, f"tf.keras.activations.{name}."
    return _export(call)


for _name in ("elu", "hard_sigmoid", "relu", "softmax"):
    _activation(_name)


@_export
def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Vectors along axes divided by their Euclidean lengths."""
    return l2_normalize_(x, axis)


@_export
def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """x plus a bias per channel."""
    first = data_format == "channels_first"
    return bias_add_(x, bias, "NC..." if first else None)


@_export
def batch_normalization(x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3) -> Any:
    """gamma * (x - mean) / sqrt(var + epsilon) + beta."""
    return normalize(x, mean, var, beta, gamma, epsilon)


@_export
def normalize_batch_in_training(x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3) -> tuple[Any, Any, Any]:
    """(normalized x, mean, variance) of a batch over axes."""
    mean, var = moments(x, list(reduction_axes))
    wide_mean, wide_var = moments(x, list(reduction_axes), keepdims=True)
    kept = tuple(wide_mean.shape)
    scale, shift = (None if v is None else reshape(v, kept) for v in (gamma, beta))
    return normalize(x, wide_mean, wide_var, shift, scale, epsilon), mean, var


@_export
def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Whether fewer than k predictions exceed that of the target. predictions [N, C], targets [N] -> bool [N]."""
    from millstream.util.export import space

    return cast(space("keras.metrics").sparse_top_k_categorical_accuracy(targets, predictions, k), "bool")


# ---------------------------------------------------------------------------------------------- random numbers
def _seed(seed: int | None) -> int:
    """Keras draws a seed from NumPy's generator where there is none."""
    return int(np.random.randint(int(10e6))) if seed is None else seed  # noqa: NPY002  (the generator that Keras draws from)


@_export
def random_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Normally distributed numbers."""
    return exported()["random.normal"](shape, mean, stddev, dtype_or_default(dtype), _seed(seed))


@_export
def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Normally distributed numbers, those beyond two standard deviations drawn again."""
    return exported()["random.truncated_normal"](shape, mean, stddev, dtype_or_default(dtype), _seed(seed))


@_export
def random_uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None) -> Any:
    """Numbers spread evenly over [minval, maxval)."""
    return exported()["random.uniform"](shape, minval, maxval, dtype_or_default(dtype), _seed(seed))


@_export
def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Any:
    """1 with probability p, else 0."""
    target = dtype_or_default(dtype)
    drawn = exported()["random.uniform"](shape, dtype=target, seed=_seed(seed))
    return where(less_equal(drawn, like(p, drawn)), ones_(shape, target), zeros_(shape, target))


@_export
def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Any:
    """The older name of random_bernoulli."""
    return random_bernoulli(shape, p, dtype, seed)


@_export
def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of evenly spread numbers."""
    return variable(random_uniform(shape, low, high, dtype, seed), dtype, name)  # type: ignore[no-any-return]


@_export
def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable of normally distributed numbers."""
    return variable(random_normal(shape, mean, scale, dtype, seed), dtype, name)  # type: ignore[no-any-return]


@_export
def dropout(x: Any, level: float, noise_shape: Any = None, seed: int | None = None) -> Any:
    """Elements set to 0 with probability `level`, the others scaled by 1 / (1 - level)."""
    return exported()["nn.dropout"](x, level, noise_shape, _seed(seed))


# ---------------------------------------------------------------------------------------------- training or not
@_export
def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x in training, else alt; either may be a function."""
    chosen = x if (learning_phase() if training is None else training) == 1 else alt
    return chosen() if callable(chosen) else chosen


@_export
def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """alt in training, else x."""
    return in_train_phase(alt, x, training)


@export("tf.keras.backend.learning_phase_scope")
@contextmanager
def learning_phase_scope(value: int) -> Iterator[None]:
    """Context manager: the learning phase inside. Raises: ValueError for other values than 0 and 1."""
    from millstream.keras.backend.session import _Phase

    before = fixed_learning_phase()
    set_learning_phase(value)
    try:
        yield
    finally:
        _Phase.fixed = before


@_export
def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two values (or functions' results) by a condition; elementwise for a condition with axes, which broadcasts from the left."""
    yes, no = (e() if callable(e) else e for e in (then_expression, else_expression))
    condition, yes = cast(condition, "bool"), convert(yes)
    no = convert(no, hint=yes.dtype)
    while 0 < condition.ndim < yes.ndim:
        condition = expand_dims(condition, -1)
    return where(condition, yes, no)


@_export
def stop_gradient(variables: Any) -> Any:
    """The values themselves; no gradient flows through."""
    return tree.map_structure(exported()["stop_gradient"], variables)


@_export
def print_tensor(x: Any, message: str = "") -> Any:
    """Print a message and a tensor; returns the tensor."""
    if STATE.trace is None:
        print(message, np.asarray(x))  # noqa: T201  (printing is what it is for)
    return x


@_export
def count_params(x: Any) -> int:
    """How many elements a variable or tensor has."""
    return int(np.prod([int(n) for n in x.shape]))


export("tf.keras.backend.eval")(get_value)


@_export
def is_keras_tensor(x: Any) -> bool:
    """Whether x is the symbolic output of a Keras layer. Raises: ValueError for what is no tensor."""
    if not isinstance(x, (Tensor, Variable)) and not hasattr(x, "_keras_history"):
        raise ValueError(f"Unexpectedly found an instance of type `{type(x)}`. Expected a symbolic tensor instance.")
    return "_keras_history" in getattr(x, "__dict__", {})


@_export
def is_sparse(tensor: Any) -> bool:
    """Whether x is a sparse tensor."""
    return type(tensor).__name__ == "SparseTensor"


@_export
def to_dense(tensor: Any) -> Any:
    """A sparse tensor as a dense one; others as they are."""
    return exported()["sparse.to_dense"](tensor) if is_sparse(tensor) else tensor


@_export
def backend() -> str:
    """The name of the library under Keras, as programs of the time compare it."""
    return "tensorflow"


@_export
def manual_variable_initialization(value: bool) -> None:
    """Without effect: variables are initialised when they are made."""


@_export
def gradients(loss: Any, variables: Any) -> Any:
    """Raises: RuntimeError: there is no graph to differentiate; as TensorFlow's eager mode says."""
    raise RuntimeError("tf.gradients is not supported when eager execution is enabled. Use tf.GradientTape instead.")
