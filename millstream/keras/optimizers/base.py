"""The optimizer: hyperparameters, slots, and the way from gradients to assigned variables.

    hyperparameter   a number that may change during training: a variable made at first use, a schedule, or a function
    slot             a variable that belongs to a variable: its momentum, say

A step is: gradients -> clipped -> `_prepare` (what all variables share: decayed learning rate, bias corrections) ->
`_resource_apply_dense` for each variable -> constraints -> iterations + 1. It is written with ops, so that it traces.
"""

import copy
import inspect
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from millstream.autodiff.tape import GradientTape
from millstream.checkpoints.restore import resume
from millstream.core.dispatch import eagerly
from millstream.core.dtypes import DType, as_dtype
from millstream.core.scope import name_scope
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras.initializers import get as get_initializer
from millstream.keras.optimizers import clip
from millstream.keras.optimizers.schedules import LearningRateSchedule
from millstream.keras.optimizers.schedules import deserialize as schedule_of
from millstream.keras.optimizers.schedules import serialize as config_of
from millstream.keras.optimizers.slices import is_slices, scatter_rows
from millstream.ops.array.creation import cast
from millstream.util import tree
from millstream.util.errors import invalid
from millstream.util.export import export

Pairs = Sequence[tuple[Any, Any]]
Key = tuple[str, DType]
ApplyState = dict[Key, dict[str, Any]]
_ALLOWED = ("clipnorm", "clipvalue", "lr", "decay", "global_clipnorm")


@export("tf.keras.optimizers.Optimizer", "tf.optimizers.Optimizer")
class Optimizer:
    """Base class. Override `_create_slots`, `_resource_apply_dense` (and `_resource_apply_sparse`), and `get_config`.

    Args: name; gradient_transformers, functions of the pairs (gradient, variable); clipnorm, clipvalue, global_clipnorm, bounds
    of gradients; lr, another name of learning_rate; decay, the learning rate is divided by 1 + decay * iterations.
    Raises: TypeError for other arguments, ValueError for negative ones.
    >>> class Plain(tf.keras.optimizers.Optimizer):
    ...     def __init__(self, learning_rate=0.5, name="Plain", **kwargs):
    ...         super().__init__(name, **kwargs)
    ...         self._set_hyper("learning_rate", learning_rate)
    ...
    ...     def _resource_apply_dense(self, grad, var, apply_state=None):
    ...         return var.assign_sub(self._decayed_lr(var.dtype) * grad)
    >>> w = tf.Variable(1.0)
    >>> _ = Plain().apply_gradients([(tf.constant(1.0), w)])
    >>> float(w)
    0.5
    """

    _HAS_AGGREGATE_GRAD = True

    def __init__(
        self,
        name: str,
        gradient_aggregator: Callable[..., Any] | None = None,
        gradient_transformers: Sequence[Callable[..., Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        self._hyper: dict[str, Any] = {}
        for key, value in kwargs.items():
            if key not in _ALLOWED:
                raise TypeError(
                    f"Unexpected keyword argument passed to optimizer: {key}. Beside its own, an optimizer takes {', '.join(_ALLOWED)}."
                )
            if value is not None and value < 0:
                raise ValueError(f"Expected {key} >= 0, received: {value}")
        self._name = str(name)
        self.gradient_aggregator, self.gradient_transformers = gradient_aggregator, list(gradient_transformers or ())
        self._initial_decay = kwargs.get("decay") or 0.0
        self.clipnorm, self.clipvalue, self.global_clipnorm = (kwargs.get(k) for k in ("clipnorm", "clipvalue", "global_clipnorm"))
        if self.clipnorm is not None and self.global_clipnorm is not None:
            raise ValueError(
                f"Cannot accept both `clipnorm` and `global_clipnorm`, passed `clipnorm` {self.clipnorm}, `global_clipnorm` {self.global_clipnorm}"
            )
        self._slots: dict[int, tuple[Any, dict[str, Variable]]] = {}
        self._weights: list[Variable] = []
        self._iterations: Variable | None = None
        self._hypers_created = False
        self._prepared_for: tuple[int, ...] = ()
        self._dense_apply_args = tuple(inspect.signature(self._resource_apply_dense).parameters)
        self._sparse_apply_args = tuple(inspect.signature(self._resource_apply_sparse).parameters)

    # ------------------------------------------------------------------ the step
    def minimize(self, loss: Any, var_list: Any, grad_loss: Any = None, name: str | None = None, tape: GradientTape | None = None) -> Any:
        """Compute gradients of a loss and apply them.

        Args: loss, a function of no arguments, or a tensor together with the `tape` that saw it; var_list, variables or a function
        that returns them.   Raises: ValueError for a tensor without a tape, and when no variable has a gradient.
        """
        return self.apply_gradients(self._compute_gradients(loss, var_list, grad_loss, tape), name=name)

    def _compute_gradients(self, loss: Any, var_list: Any, grad_loss: Any = None, tape: GradientTape | None = None) -> Pairs:
        if not callable(loss) and tape is None:
            raise ValueError("`tape` is required when a `Tensor` loss is passed.")
        tape = GradientTape() if tape is None else tape
        if callable(loss):
            with tape:
                if not callable(var_list):
                    tape.watch(var_list)
                loss = loss()
                var_list = var_list() if callable(var_list) else var_list
        with tape:
            loss = self._transform_loss(loss)
        variables = tree.flatten(var_list)
        pairs = self._get_gradients(tape, loss, variables, grad_loss)
        _check_dtypes(v for g, v in pairs if g is not None)
        return pairs

    def _transform_loss(self, loss: Any) -> Any:
        """For subclasses: the loss before its gradient is taken."""
        return loss

    def _get_gradients(self, tape: GradientTape, loss: Any, var_list: Sequence[Any], grad_loss: Any = None) -> Pairs:
        """For subclasses: the pairs (gradient, variable)."""
        return list(zip(tape.gradient(loss, list(var_list), grad_loss), var_list, strict=True))

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Any, Any]], name: str | None = None, experimental_aggregate_gradients: bool = True
    ) -> Any:
        """Update the variables of pairs (gradient, variable); returns `iterations`, one higher.

        Raises: ValueError when no pair has a gradient; pairs without one are left out with a warning.
        """
        pairs = _with_gradients(list(grads_and_vars))
        variables = [v for _, v in pairs]
        self._make_variables(variables)
        if not pairs:
            return None
        state = self._prepare(variables)
        if experimental_aggregate_gradients and self.gradient_aggregator is not None:
            pairs = self.gradient_aggregator(pairs)
        for gradient, variable in self._transform_gradients(pairs):
            self._apply_one(gradient, variable, state)
        return self.iterations.assign_add(1)

    def _make_variables(self, variables: Sequence[Any]) -> None:
        """Hyperparameters, iterations and slots, unless they were made for the same variables before."""
        key = tuple(map(id, variables))
        if key == self._prepared_for:
            return
        with eagerly(), name_scope(self._name):
            self._create_all_weights(variables)
        resume()
        self._prepared_for = key

    def _create_all_weights(self, var_list: Sequence[Any]) -> None:
        _ = self.iterations
        self._create_hypers()
        self._create_slots(var_list)

    def _transform_gradients(self, pairs: Pairs) -> Pairs:
        pairs = clip.by_value(pairs, self.clipvalue)
        pairs = clip.by_norm(pairs, self.clipnorm)
        pairs = clip.by_global_norm(pairs, self.global_clipnorm)
        for function in self.gradient_transformers:
            pairs = function(pairs)
        return pairs

    def _apply_one(self, gradient: Any, variable: Any, state: ApplyState) -> None:
        if not isinstance(variable, Variable):
            raise NotImplementedError("Trying to update a Tensor ", variable)
        if is_slices(gradient):
            if variable.constraint is not None:
                raise RuntimeError("Cannot use a constraint function on a sparse variable.")
            kwargs = {"apply_state": state} if "apply_state" in self._sparse_apply_args else {}
            self._resource_apply_sparse_duplicate_indices(gradient.values, variable, gradient.indices, **kwargs)
            return
        gradient = convert(gradient)
        if _sizes(gradient) != variable._array.shape:
            shapes = f"{list(variable.shape)} {list(gradient.shape)}"
            raise invalid(
                f"var and delta do not have the same shape: {shapes} (variable {variable.name}). A gradient has the shape of its variable."
            )
        self._resource_apply_dense(gradient, variable, **({"apply_state": state} if "apply_state" in self._dense_apply_args else {}))
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))  # type: ignore[arg-type]  # TensorFlow hands over the variable

    # ------------------------------------------------------------------ what subclasses override
    def _create_slots(self, var_list: Sequence[Any]) -> None:
        """Make slots with `add_slot`."""

    def _resource_apply_dense(self, grad: Any, handle: Any, apply_state: Any = None) -> Any:
        """Update one variable. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(f"{type(self).__name__} must override _resource_apply_dense(grad, var, apply_state=None).")

    def _resource_apply_sparse(self, grad: Any, handle: Any, indices: Any, apply_state: Any = None) -> Any:
        """Update some rows of a variable; no row is named twice. Raises: NotImplementedError unless overridden."""
        raise NotImplementedError(
            f"{type(self).__name__} must override _resource_apply_sparse(grad, var, indices, apply_state=None) for gradients of looked-up rows."
        )

    def _resource_apply_sparse_duplicate_indices(self, grad: Any, handle: Any, indices: Any, **kwargs: Any) -> Any:
        """Update some rows of a variable, of which some may be named more than once: their gradients are added up."""
        rows = convert(np.unique(np.asarray(convert(indices))))
        total = scatter_rows(grad, indices, tuple(handle.shape))
        from millstream.ops.array.gather import gather

        return self._resource_apply_sparse(gather(total, rows), handle, rows, **kwargs)

    def _resource_scatter_add(self, x: Variable, i: Any, v: Any) -> Variable:
        """Add v[K, ...] to rows i[K] of a variable."""
        return x.assign_add(scatter_rows(v, i, x.spec.shape))

    def _prepare(self, var_list: Sequence[Any]) -> ApplyState:
        """What the variables of each dtype share in this step: {(device, dtype): {"lr_t": ...}}."""
        state: ApplyState = {}
        for device, dtype in {(v.device, v.dtype): None for v in var_list}:
            state[device, dtype] = {}
            self._prepare_local(device, dtype, state)
        return state

    def _prepare_local(self, var_device: str, var_dtype: DType, apply_state: ApplyState) -> None:
        """Fill apply_state[var_device, var_dtype]; overriding methods call this one first."""
        if "learning_rate" in self._hyper:
            apply_state[var_device, var_dtype]["lr_t"] = self._decayed_lr(var_dtype)

    def _fallback_apply_state(self, var_device: str, var_dtype: DType) -> dict[str, Any]:
        """The shared values for a variable that is updated outside of `apply_gradients`."""
        state: ApplyState = {(var_device, var_dtype): {}}
        self._prepare_local(var_device, var_dtype, state)
        return state[var_device, var_dtype]

    def _shared(self, var: Any, apply_state: ApplyState | None) -> dict[str, Any]:
        found = (apply_state or {}).get((var.device, var.dtype))
        return self._fallback_apply_state(var.device, var.dtype) if found is None else found

    # ------------------------------------------------------------------ hyperparameters
    def _set_hyper(self, name: str, value: Any) -> None:
        """Set a hyperparameter; one that is a variable already gets a new value."""
        before = self._hyper.get(name)
        if isinstance(before, Variable) and not isinstance(value, (LearningRateSchedule, Variable)) and not callable(value):
            before.assign(_number(value, before.dtype))
        else:
            self._hyper[name] = value
            self._hypers_created = False

    def _get_hyper(self, name: str, dtype: Any = None) -> Any:
        """A hyperparameter: a variable, a schedule, or what a function returns; cast when a dtype is given."""
        self._create_hypers()
        value = self._hyper[name]
        if isinstance(value, LearningRateSchedule):
            return value
        value = value() if callable(value) else value
        if isinstance(value, Variable) and value.dtype is dtype:
            return value.read_value()
        return value if dtype is None else cast(value, dtype)

    def _create_hypers(self) -> None:
        if self._hypers_created:
            return
        for name, value in sorted(self._hyper.items()):
            if not (isinstance(value, (Tensor, Variable)) or callable(value)):
                self._hyper[name] = self.add_weight(name, shape=(), initializer=value)
        self._hypers_created = True
        resume()

    def _decayed_lr(self, var_dtype: Any) -> Any:
        """The learning rate of this step, by schedule and decay."""
        rate = self._get_hyper("learning_rate", var_dtype)
        if isinstance(rate, LearningRateSchedule):
            rate = cast(rate(cast(self.iterations, var_dtype)), var_dtype)
        if self._initial_decay > 0.0:
            rate = rate / (
                convert(1.0, as_dtype(var_dtype))
                + convert(float(self._initial_decay), as_dtype(var_dtype)) * cast(self.iterations, var_dtype)
            )
        return rate

    def _serialize_hyperparameter(self, hyperparameter_name: str) -> Any:
        """A hyperparameter as a number, or a schedule as its config."""
        value = self._hyper[hyperparameter_name]
        if isinstance(value, LearningRateSchedule):
            return config_of(value)
        value = value() if callable(value) else value
        return float(str(value.numpy())) if hasattr(value, "numpy") else value

    def __getattr__(self, name: str) -> Any:
        hyper = self.__dict__.get("_hyper")
        if name == "lr":
            name = "learning_rate"
        if hyper is not None and name in hyper:
            return self._get_hyper(name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "lr":
            name = "learning_rate"
        if name in self.__dict__.get("_hyper", ()):
            self._set_hyper(name, value)
        else:
            object.__setattr__(self, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._hyper, *(["lr"] if "learning_rate" in self._hyper else [])})

    def __deepcopy__(self, memo: dict[int, Any]) -> "Optimizer":
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({k: copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        made.__dict__["_slots"] = {id(v): (v, slots) for v, slots in made._slots.values()}
        made.__dict__["_prepared_for"] = ()
        return made

    # ------------------------------------------------------------------ variables of the optimizer
    def add_weight(
        self,
        name: str,
        shape: Any,
        dtype: Any = None,
        initializer: Any = "zeros",
        trainable: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
    ) -> Variable:
        """A new variable of the optimizer's own; the initializer may be a number."""
        target = as_dtype("float32" if dtype is None else dtype)
        with eagerly():
            if isinstance(initializer, str) or callable(initializer):
                value = get_initializer(initializer)(tuple(shape), dtype=target)
            else:
                value = _number(initializer, target)
            return Variable(value, trainable=bool(trainable), name=name, dtype=target)

    def add_slot(self, var: Any, slot_name: str, initializer: Any = "zeros") -> Variable:
        """The slot of a variable, made unless it exists."""
        _, slots = self._slots.setdefault(id(var), (var, {}))
        if slot_name not in slots:
            with eagerly():
                make = get_initializer(initializer) if isinstance(initializer, str) or callable(initializer) else None
                value = convert(initializer, var.dtype) if make is None else make(tuple(var.shape), dtype=var.dtype)
                slots[slot_name] = Variable(value, trainable=False, name=f"{var._shared_name}/{slot_name}", dtype=var.dtype)
            self._weights.append(slots[slot_name])
        return slots[slot_name]

    def get_slot(self, var: Any, slot_name: str) -> Variable:
        """The slot of a variable. Raises: KeyError when there is none."""
        if id(var) not in self._slots:
            raise KeyError(var._shared_name)
        return self._slots[id(var)][1][slot_name]

    def get_slot_names(self) -> list[str]:
        """The names of all slots."""
        return list(dict.fromkeys(name for _, slots in self._slots.values() for name in slots))

    @property
    def iterations(self) -> Variable:
        """How many steps were made: an int64 variable."""
        if self._iterations is None:
            self._iterations = self.add_weight("iter", shape=(), dtype="int64", initializer=0)
            self._weights.append(self._iterations)
            resume()
        return self._iterations

    @iterations.setter
    def iterations(self, variable: Variable) -> None:
        if self._iterations is not None:
            raise RuntimeError("Cannot set `iterations` to a new Variable after the Optimizer weights have been created")
        self._iterations = variable
        self._weights.append(variable)

    def _checkpoint_children(self) -> list[tuple[str, Any]]:
        """What a checkpoint follows: iterations, hyperparameters that are variables, further variables by name."""
        iterations = [] if self._iterations is None else [("iter", self._iterations)]
        hypers = [(k, v) for k, v in sorted(self._hyper.items()) if isinstance(v, Variable)]
        slots = {id(v) for _, kept in self._slots.values() for v in kept.values()} | {id(v) for _, v in iterations}
        return [*iterations, *hypers, *((v._shared_name.rpartition("/")[2], v) for v in self._weights if id(v) not in slots)]

    @property
    def weights(self) -> list[Variable]:
        """iterations and all slots, in order of creation."""
        return self._weights

    def variables(self) -> list[Variable]:
        """The same as `weights`."""
        return self._weights

    def get_weights(self) -> list[Any]:
        """The weights as NumPy arrays."""
        return [w.numpy() for w in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the weights. Raises: ValueError when their number or a shape differs."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on optimizer {self._name} with a  weight list of length {len(weights)}, but the optimizer was expecting "
                f"{len(own)} weights. Provided weights: {str(list(weights))[:50]}... Apply gradients once to create the weights first."
            )
        for variable, array in zip(own, weights, strict=True):
            if tuple(variable.shape) != np.shape(array):
                raise ValueError(
                    f"Optimizer weight shape {tuple(variable.shape)} not compatible with provided weight shape {np.shape(array)}"
                )
            variable.assign(np.asarray(array))

    # ------------------------------------------------------------------ TensorFlow 1's ways, and configs
    def get_gradients(self, loss: Any, params: Sequence[Any]) -> list[Any]:
        """Raises: ValueError: without a tape there is no record to differentiate, in TensorFlow's eager mode neither."""
        raise ValueError(
            f"Variable {params[0] if params else None!r} has `None` for gradient. Please make sure that all of your ops have a gradient defined "
            "(i.e. are differentiable). Compute gradients with a tf.GradientTape, or call minimize(loss_function, variables)."
        )

    def get_updates(self, loss: Any, params: Sequence[Any]) -> list[Any]:
        """Apply `get_gradients`."""
        return [self.apply_gradients(zip(self.get_gradients(loss, params), params, strict=True))]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments that every optimizer has."""
        bounds = {k: getattr(self, k) for k in ("clipnorm", "clipvalue", "global_clipnorm")}
        return {"name": self._name, **{k: v for k, v in bounds.items() if v is not None}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Optimizer":
        """An optimizer of `get_config`'s result; `lr` counts as learning_rate."""
        config = dict(config)
        if "lr" in config:
            config["learning_rate"] = config.pop("lr")
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = schedule_of(config["learning_rate"], custom_objects)
        return cls(**config)


def _sizes(x: Any) -> tuple[Any, ...]:
    """The shape as a plain tuple, the quick way where there is an array."""
    return x._array.shape if type(x) is Tensor else tuple(x.shape)


def _number(value: Any, dtype: DType) -> Any:
    return cast(value, dtype) if hasattr(value, "dtype") else convert(float(value) if dtype.is_floating else value, dtype)


def _with_gradients(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The pairs that have a gradient. Raises: ValueError when there are pairs, but none has."""
    found = [(g, v) for g, v in pairs if g is not None]
    if len(found) == len(pairs):
        return pairs
    missing = [v.name for g, v in pairs if g is None]
    if not found:
        raise ValueError(
            f"No gradients provided for any variable: {missing}. The loss must be computed from them inside the tape, by differentiable ops."
        )
    logging.getLogger("tensorflow").warning("Gradients do not exist for variables %s when minimizing the loss.", missing)
    return found


def _check_dtypes(variables: Iterable[Any]) -> None:
    for v in variables:
        if not (v.dtype.is_floating or v.dtype.is_complex):
            raise ValueError(f"Invalid type {v.dtype!r} for {v.name}, expected a floating point or complex dtype.")
