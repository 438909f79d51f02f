"""tf.compat.v1: variables by scope, optimizers, and what has become tf.GradientTape."""

from typing import Any, Self

from millstream.autodiff.tape import GradientTape
from millstream.core import scope
from millstream.core.dtypes import as_dtype, float32
from millstream.core.variable import Variable
from millstream.keras import initializers
from millstream.keras.optimizers.adam import Adam
from millstream.keras.optimizers.descent import SGD
from millstream.util.export import export


@export("tf.compat.v1.get_variable")
def get_variable(
    name: str, shape: Any = None, dtype: Any = None, initializer: Any = None, regularizer: Any = None, trainable: Any = None, collections: Any = None,
    caching_device: Any = None, partitioner: Any = None, validate_shape: bool = True, use_resource: Any = None, custom_getter: Any = None,
    constraint: Any = None, synchronization: Any = None, aggregation: Any = None,
) -> Variable:  # fmt: skip
    """A new variable; each call makes one, as in eager TensorFlow. initializer: a tensor, a function, or a name (Glorot uniform).

    Raises: ValueError without a shape, unless the initializer is a tensor.
    >>> tf.compat.v1.get_variable("w", shape=(2,), initializer=tf.zeros_initializer()).numpy().tolist()
    [0.0, 0.0]
    """
    target = float32 if dtype is None else as_dtype(dtype)
    make = initializers.get("glorot_uniform" if initializer is None else initializer) if not hasattr(initializer, "shape") else None
    if make is None:
        return Variable(initializer, trainable, name=name, dtype=dtype, constraint=constraint)
    if shape is None:
        raise ValueError(f"Shape of a new variable ({name}) must be fully defined, but instead was None: pass shape.")
    sizes = [int(n) for n in shape] if hasattr(shape, "__iter__") else [int(shape)]
    return Variable(lambda: make(sizes, dtype=target), trainable, name=name, dtype=target, constraint=constraint)


@export("tf.compat.v1.variable_scope")
class variable_scope:  # noqa: N801  (TensorFlow's name)
    """Context manager: names of variables made inside get this prefix. Nothing is reused: eager variables are kept by the program.

    >>> with tf.compat.v1.variable_scope("outer"):
    ...     tf.compat.v1.get_variable("w", (1,)).name
    'outer/w:0'
    """

    def __init__(
        self, name_or_scope: Any, default_name: str | None = None, values: Any = None, initializer: Any = None, regularizer: Any = None,
        caching_device: Any = None, partitioner: Any = None, custom_getter: Any = None, reuse: Any = None, dtype: Any = None,
        use_resource: Any = None, constraint: Any = None, auxiliary_name_scope: bool = True,
    ) -> None:  # fmt: skip
        given = name_or_scope if name_or_scope is not None else default_name
        if given is None:
            raise ValueError("If default_name is None then name_or_scope is required")
        self.name, self.reuse = str(getattr(given, "name", given)), reuse
        self._scope = scope.name_scope(self.name)

    def __enter__(self) -> Self:
        self._scope.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._scope.__exit__(*error)


@export("tf.compat.v1.tables_initializer")
def tables_initializer(name: str = "init_all_tables") -> None:
    """Nothing: tables are filled when they are made."""


@export("tf.gradients")
def gradients(
    ys: Any, xs: Any, grad_ys: Any = None, name: str = "gradients", gate_gradients: bool = False, aggregation_method: Any = None,
    stop_gradients: Any = None, unconnected_gradients: Any = None,
) -> Any:  # fmt: skip
    """For TensorFlow 1's graphs. Raises: RuntimeError; tf.GradientTape is what takes its place."""
    raise RuntimeError("tf.gradients is not supported when eager execution is enabled. Use tf.GradientTape instead.")


class _Optimizer:
    """An optimizer with the methods that programs of TensorFlow 1 call; the work is done by Keras's."""

    def __init__(self, keras: Any, name: str) -> None:
        self._keras, self._name = keras, name

    def get_name(self) -> str:
        """The name."""
        return self._name

    def compute_gradients(self, loss: Any, var_list: Any = None, **options: Any) -> list[tuple[Any, Any]]:
        """Gradients of a loss function without arguments: pairs (gradient, variable).

        Raises: RuntimeError for a loss that is no function.
        """
        if not callable(loss):
            raise RuntimeError("`loss` passed to Optimizer.compute_gradients should be a function when eager execution is enabled.")
        with GradientTape() as tape:
            value = loss()
        variables = list(tape.watched_variables() if var_list is None else var_list)
        return list(zip(tape.gradient(value, variables), variables, strict=True))

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: str | None = None) -> None:
        """Change the variables by their gradients; global_step counts one up."""
        self._keras.apply_gradients([(g, v) for g, v in grads_and_vars if g is not None])
        if global_step is not None:
            global_step.assign_add(1)

    def minimize(self, loss: Any, global_step: Any = None, var_list: Any = None, **options: Any) -> None:
        """compute_gradients, then apply_gradients."""
        self.apply_gradients(self.compute_gradients(loss, var_list), global_step)

    def variables(self) -> list[Any]:
        """The optimizer's own variables."""
        return list(self._keras.variables())


@export("tf.compat.v1.train.AdamOptimizer")
class AdamOptimizer(_Optimizer):
    """Adam. Args: learning_rate; beta1; beta2; epsilon.

    >>> w = tf.Variable(1.0)
    >>> tf.compat.v1.train.AdamOptimizer(0.5).minimize(lambda: w * w)
    >>> round(float(w), 4)
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(Adam(learning_rate, beta1, beta2, epsilon), name)


@export("tf.compat.v1.train.GradientDescentOptimizer")
class GradientDescentOptimizer(_Optimizer):
    """Gradient descent. Args: learning_rate.

    >>> w = tf.Variable(1.0)
    >>> tf.compat.v1.train.GradientDescentOptimizer(0.25).minimize(lambda: w * w)
    >>> float(w)
    0.5
    """

    def __init__(self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent") -> None:
        super().__init__(SGD(learning_rate), name)
