"""Layer: weights that are made when the first inputs come, a `call` written with ops, and all that Keras lets one ask of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from millstream.checkpoints.restore import resume
from millstream.core import scope
from millstream.core.dispatch import STATE, eagerly
from millstream.core.dtypes import DType, as_dtype
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.keras import constraints, initializers, regularizers
from millstream.keras.backend.config import floatx
from millstream.keras.backend.names import to_snake_case, unique_object_name
from millstream.keras.backend.session import fixed_learning_phase
from millstream.keras.layers import abstract
from millstream.keras.layers.checkpointed import Checkpointed
from millstream.keras.layers.context import CALL, STRUCTURE
from millstream.keras.layers.described import Described
from millstream.keras.layers.input_spec import check_inputs
from millstream.keras.layers.keras_tensor import KerasTensor, Node, holds_symbolic
from millstream.keras.layers.losing import Losing
from millstream.keras.layers.signature import CallSignature
from millstream.keras.layers.weighty import Weighty
from millstream.ops.array.creation import cast
from millstream.staging.autograph.mode import MODE, method
from millstream.util import tree
from millstream.util.export import export

_COMMON = frozenset(
    ("input_dim", "input_shape", "batch_input_shape", "batch_size", "weights", "activity_regularizer", "autocast", "implementation")
)


@export("tf.keras.layers.Layer")
class Layer(Weighty, Losing, Described, Checkpointed):
    """Base class of layers: override `build` (make weights) and `call` (compute), and `get_config` to save.

    Args: trainable; name; dtype, of weights and computation; dynamic; input_shape, batch_input_shape, input_dim, batch_size,
    weights, activity_regularizer, autocast by keyword. Raises: TypeError for other keywords.
    >>> class Scale(tf.keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.w = self.add_weight("w", (), initializer="ones")
    ...
    ...     def call(self, x):
    ...         return x * self.w
    >>> Scale()(tf.constant([2.0])).numpy().tolist()
    [2.0]
    """

    _name: str
    _dtype: DType
    _compute_dtype: DType
    _autocast: bool
    _dynamic: bool
    _activity_regularizer: Any
    _batch_input_shape: Any
    _initial_weights: Any
    _signature: Any
    _checked: Any
    _is_layer = True
    _scopes_inner_names = True
    built = False
    stateful = False
    supports_masking = False
    input_spec: Any = None

    def __init__(self, trainable: bool = True, name: str | None = None, dtype: Any = None, dynamic: bool = False, **kwargs: Any) -> None:
        for key in kwargs:
            if key not in _COMMON:
                raise TypeError("Keyword argument not understood:", key)
        self._prepare(name, dtype)
        vars(self).update(
            _trainable=trainable, _dynamic=dynamic, _autocast=kwargs.get("autocast", True), _initial_weights=kwargs.get("weights")
        )
        vars(self)["_activity_regularizer"] = regularizers.get(kwargs.get("activity_regularizer"))
        vars(self)["_batch_input_shape"] = _batch_input_shape(kwargs)

    def _prepare(self, name: str | None, dtype: Any) -> None:
        """The state of every layer, set without tracking."""
        state = vars(self)
        state.setdefault("_tracked", {})
        chosen = getattr(dtype, "variable_dtype", dtype) or floatx()
        state.update(
            _name=name or self._default_name(), _dtype=as_dtype(chosen), _policy=dtype, built=False, _losses=[], _callable_losses=[], _metrics=[],
            _own_weights=[], _inbound_nodes=[], _outbound_nodes=[], _signature=None, _checked=None, _trainable=True, _autocast=True, _dynamic=False,
            _initial_weights=None, _activity_regularizer=None, _batch_input_shape=None, _compute_dtype=as_dtype(getattr(dtype, "compute_dtype", chosen)),
        )  # fmt: skip

    def _default_name(self) -> str:
        return unique_object_name(to_snake_case(type(self).__name__), zero_based=True)

    # ------------------------------------------------------------------ to override
    def build(self, input_shape: Any) -> None:
        """Make the weights; called once, with the shape (or structure of shapes) of the first inputs."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs of (inputs, ...); takes whatever a subclass wants. The inputs themselves unless overridden."""
        return args[0]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the outputs. Raises: TypeError for a mask given to a layer that does not support masking."""
        if self.supports_masking:
            return mask
        if any(m is not None for m in tree.flatten(mask)):
            raise TypeError(f"Layer {self.name} does not support masking, but was passed an input_mask: {mask}")
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = {"name": self.name, "trainable": self.trainable}
        if self._batch_input_shape is not None:
            config["batch_input_shape"] = self._batch_input_shape
        return {**config, "dtype": self.dtype, **({"dynamic": True} if self._dynamic else {})}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer of its configuration."""
        return cls(**config)

    # ------------------------------------------------------------------ properties
    @property
    def name(self) -> str:
        """The layer's name: `dense`, `dense_1`, ... unless given."""
        return self._name

    @property
    def dtype(self) -> str | None:
        """The name of the weights' dtype."""
        return self._dtype.name

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        """The name of the dtype in which `call` computes."""
        return self._compute_dtype.name

    @property
    def dynamic(self) -> bool:
        """Whether the layer can only run eagerly."""
        return self._dynamic or any(layer.dynamic for layer in self._children())

    @property
    def activity_regularizer(self) -> Any:
        """What is added to the loss for the outputs, or None."""
        return self._activity_regularizer

    @activity_regularizer.setter
    def activity_regularizer(self, regularizer: Any) -> None:
        vars(self)["_activity_regularizer"] = regularizer

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            super().__setattr__(name, value)
        except AttributeError:
            raise AttributeError(
                f'Can\'t set the attribute "{name}", likely because it conflicts with an existing read-only @property of the object. Please choose a different name.'
            ) from None

    # ------------------------------------------------------------------ weights
    def add_weight(
        self, name: str | None = None, shape: Any = None, dtype: Any = None, initializer: Any = None, regularizer: Any = None,
        trainable: bool | None = None, constraint: Any = None, partitioner: Any = None, use_resource: bool | None = None,
        synchronization: Any = None, aggregation: Any = None, **kwargs: Any,
    ) -> Variable:  # fmt: skip
        """Make a variable of this layer; its name goes below the layer's. Floats start as Glorot uniform, whole numbers as zeros.

        Raises: ValueError for other dtypes without an initializer.
        """
        target = as_dtype(dtype) if dtype is not None else self._dtype
        make = self._initializer(initializer, name, target)
        sizes = tuple(TensorShape(() if shape is None else shape).as_list())
        if None in sizes:
            raise ValueError(
                f"Weight {name} of layer {self.name} has an unknown size: shape {sizes}. Sizes that weights depend on must be known."
            )
        with eagerly():
            made = Variable(lambda: make(sizes, dtype=target), trainable, name=name, dtype=target, constraint=constraints.get(constraint))
        vars(made)["_local_name"] = name
        self._own_weights.append(made)
        STRUCTURE.version += 1
        penalty = regularizers.get(regularizer)
        if penalty is not None:
            self.add_loss(lambda: penalty(made))
        return made

    add_variable = add_weight

    def _initializer(self, given: Any, name: str | None, dtype: DType) -> Callable[..., Any]:
        if given is not None:
            return initializers.get(given)  # type: ignore[no-any-return]
        if dtype.is_floating:
            return initializers.get("glorot_uniform")  # type: ignore[no-any-return]
        if dtype.is_integer or dtype.is_bool:
            return initializers.get("zeros")  # type: ignore[no-any-return]
        raise ValueError(f"An initializer for variable {name} of type {dtype} is required for layer {self.name}")

    # ------------------------------------------------------------------ calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for (inputs, ...): tensors, arrays or numbers; on Keras tensors, one more call in a model being drawn up."""
        signature = self.__dict__.get("_signature") or self._look_at_call()
        if args:
            inputs, rest = args[0], args[1:]
        elif signature.first in kwargs:
            inputs, rest = kwargs.pop(signature.first), ()
        else:
            raise ValueError("The first argument to `Layer.call` must always be passed.")
        if type(inputs) is not Tensor and holds_symbolic(inputs, rest, kwargs):
            return self._draw_up(inputs, rest, kwargs)
        return self._run(inputs, rest, kwargs)

    def _look_at_call(self) -> CallSignature:
        if "_own_weights" not in vars(self):
            raise RuntimeError(f"You must call `super().__init__()` in the layer constructor: {type(self).__name__} does not.")
        vars(self)["_signature"] = made = CallSignature(self.call)
        return made

    def _run(self, inputs: Any, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call on tensors: training mode, names, weights, checks, then `call`, then masks and losses."""
        inputs = self._as_inputs(inputs)
        outer_training, outer_root, outer_lossy = CALL.training, CALL.root, CALL.lossy
        CALL.training = self._training(rest, kwargs, outer_training)
        if outer_root is None:
            self._begin()
        stack, trace = scope._stack, STATE.trace
        if trace is not None:
            outer_layer, trace.layer = trace.layer, self._name
        stack.append(f"{stack[-1]}/{self._name}" if stack and stack[-1] else self._name)
        try:
            if self.input_spec is not None:
                self._check(inputs)
            if not self.built:
                self._build_for(inputs)
            return self._compute(inputs, rest, kwargs)
        finally:
            stack.pop()
            if trace is not None:
                trace.layer = outer_layer
            CALL.training, CALL.root, CALL.lossy = outer_training, outer_root, outer_lossy

    def _begin(self) -> None:
        """This is the outermost call: losses of the call before are forgotten."""
        lossy = self.__dict__.get("_lossy")
        if lossy:
            for layer in lossy:
                layer._losses.clear()
        if CALL.lossy is None:
            vars(self)["_lossy"] = CALL.lossy = []
        CALL.root = self

    def _as_inputs(self, inputs: Any) -> Any:
        """Arrays and numbers become tensors; floats are cast to the layer's dtype."""
        if isinstance(inputs, Tensor):
            dtype = inputs.dtype
            if dtype is not self._compute_dtype and self._autocast and dtype.is_floating and self._compute_dtype.is_floating:
                return cast(inputs, self._compute_dtype)
            return inputs
        return tree.map_structure(self._as_input, inputs) if tree.is_nested(inputs) else self._as_input(inputs)

    def _as_input(self, x: Any) -> Any:
        if isinstance(x, (np.ndarray, np.generic, float, int)):
            x = convert(x)
        if isinstance(x, (Tensor, Variable)) and self._autocast and x.dtype.is_floating and self._compute_dtype.is_floating:
            return cast(x, self._compute_dtype)
        return x

    def _training(self, rest: tuple[Any, ...], kwargs: dict[str, Any], outer: Any) -> Any:
        """The mode for this call and those inside it: as passed, else the outer one, else the learning phase, else call's default."""
        signature = self._signature
        if not signature.expects_training:
            return kwargs.pop("training") if "training" in kwargs else outer
        at = signature.training_position
        by_position = at is not None and len(rest) > at
        given = rest[at] if by_position else kwargs.get("training")
        if given is None and not by_position:
            given = outer if outer is not None else fixed_learning_phase()
            kwargs["training"] = given = signature.training_default if given is None else given
        return given

    def _build_for(self, inputs: Any) -> None:
        shapes = tree.map_structure(lambda x: x.shape if hasattr(x, "shape") else None, inputs)
        with eagerly():
            self.build(shapes)
        vars(self)["built"] = True
        vars(self)["_build_input_shape"] = shapes
        STRUCTURE.version += 1
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            vars(self)["_initial_weights"] = None
        resume()

    def _check(self, inputs: Any) -> None:
        """Check the inputs, unless the last ones had the same shape."""
        seen = inputs._array.shape if type(inputs) is Tensor else None
        if seen is None or (seen, self.input_spec) != self._checked:
            check_inputs(self.input_spec, inputs, self._name)
            self.__dict__["_checked"] = seen, self.input_spec

    def _compute(self, inputs: Any, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        mask = _mask_of(inputs)
        if mask is not None and self._signature.expects_mask and kwargs.get("mask") is None:
            kwargs["mask"] = mask
        outputs = (method(self.call) if MODE.active else self.call)(inputs, *rest, **kwargs)
        if mask is not None or type(self).compute_mask is not Layer.compute_mask:
            self._set_mask(inputs, outputs, kwargs.get("mask", mask))
        if self._activity_regularizer is not None:
            self._regularize_activity(outputs)
        return outputs

    def _set_mask(self, inputs: Any, outputs: Any, mask: Any) -> None:
        leaves = tree.flatten(outputs)
        found = self.compute_mask(inputs, mask)
        for x, m in zip(leaves, tree.flatten(found) if found is not None else [None] * len(leaves), strict=False):
            if isinstance(x, Tensor) and "_keras_mask" not in x.__dict__:
                x.__dict__["_keras_mask"] = m

    def _regularize_activity(self, outputs: Any) -> None:
        for x in tree.flatten(outputs):
            self.add_loss(self._activity_regularizer(x) / cast(int(x.shape[0]), x.dtype))

    # ------------------------------------------------------------------ drawing up models
    def _draw_up(self, inputs: Any, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call on Keras tensors: build, find the outputs' shapes, and remember the call."""
        inputs = tree.map_structure(lambda x: x if isinstance(x, KerasTensor) else self._as_input(x), inputs)
        with scope.absolute(self._name):
            if self.input_spec is not None:
                check_inputs(self.input_spec, inputs, self._name)
            if not self.built:
                self._build_for(inputs)
        with scope.absolute(""):
            outputs = self._infer(inputs, rest, kwargs)
        for x in tree.flatten(outputs):
            x.name = self._name
        Node(self, (inputs, *rest), kwargs, outputs)
        return outputs

    def _infer(self, inputs: Any, rest: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._dynamic:
            shapes = tree.map_structure(lambda x: x.shape, inputs)
            return tree.map_structure(lambda s: KerasTensor(s, self._compute_dtype), self.compute_output_shape(shapes))
        return abstract.infer(self.__call__, (inputs, *rest), kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape (or structure of shapes) of the outputs for inputs of such a shape. Raises: NotImplementedError for dynamic layers."""
        if self._dynamic:
            raise NotImplementedError(f"Layer {self.name} is dynamic: it must override compute_output_shape.")
        leaves = [KerasTensor(s, self._compute_dtype) for s in _shape_leaves(input_shape)]
        outputs = self._infer(_like_shapes(input_shape, leaves), (), {})
        return tree.map_structure(lambda x: x.shape, outputs)

    def compute_output_signature(self, input_signature: Any) -> Any:
        """The TensorSpec (or structure) of the outputs for inputs of such a TensorSpec."""
        symbolic = tree.map_structure(lambda s: KerasTensor(s.shape, s.dtype), input_signature)
        return tree.map_structure(lambda x: x.type_spec, self._infer(symbolic, (), {}))

    # ------------------------------------------------------------------ sublayers
    def _children(self) -> list[Any]:
        """The layers held by this one, in order."""
        return [x for x in self._held() if getattr(x, "_is_layer", False)]

    def _flatten_layers(self) -> Iterator[Any]:
        """This layer and every layer inside it, outer ones first."""
        yield self
        for child in self._children():
            yield from child._flatten_layers()

    @property
    def submodules(self) -> Sequence[Any]:
        """Every layer inside this one."""
        return tuple(self._flatten_layers())[1:]


def _mask_of(inputs: Any) -> Any:
    """The mask that the inputs carry: one, or a list for several inputs; None without any."""
    if isinstance(inputs, Tensor):
        return inputs.__dict__.get("_keras_mask")
    masks = [x.__dict__.get("_keras_mask") if isinstance(x, Tensor) else None for x in tree.flatten(inputs)]
    return tree.pack(inputs, masks) if any(m is not None for m in masks) else None


def _batch_input_shape(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """The shape that a first layer promises, from any of the ways to say it."""
    if kwargs.get("batch_input_shape") is not None:
        return tuple(kwargs["batch_input_shape"])
    if kwargs.get("input_dim") is not None and kwargs.get("input_shape") is None:
        return kwargs.get("batch_size"), int(kwargs["input_dim"])
    if kwargs.get("input_shape") is not None:
        shape = kwargs["input_shape"]
        return kwargs.get("batch_size"), *(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
    return None


def _is_shape(x: Any) -> bool:
    return isinstance(x, TensorShape) or (isinstance(x, (tuple, list)) and all(n is None or isinstance(n, (int, np.integer)) for n in x))


def _shape_leaves(shape: Any) -> list[TensorShape]:
    if _is_shape(shape):
        return [TensorShape(shape)]
    items = [shape[k] for k in sorted(shape)] if isinstance(shape, dict) else shape
    return [leaf for s in items for leaf in _shape_leaves(s)]


def _like_shapes(shape: Any, leaves: list[Any]) -> Any:
    """The leaves in the structure of a shape, or structure of shapes."""
    if _is_shape(shape):
        return leaves.pop(0)
    if isinstance(shape, dict):
        return {k: _like_shapes(shape[k], leaves) for k in sorted(shape)}
    return [_like_shapes(s, leaves) for s in shape]
