"""Model: layers grouped into one that can be trained. By subclassing (`call`), or functional: `Model(inputs, outputs)`."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from millstream.core.dispatch import STATE, eagerly
from millstream.core.spec import TensorShape
from millstream.core.variable import Variable
from millstream.keras.backend.names import unique_object_name
from millstream.keras.engine import at_once
from millstream.keras.engine.persistent import Persistent
from millstream.keras.engine.trainer import Trainer
from millstream.keras.layers import abstract
from millstream.keras.layers.base import Layer, _like_shapes, _shape_leaves
from millstream.keras.layers.checkpointed import numbered
from millstream.keras.layers.context import CALL, STRUCTURE
from millstream.keras.layers.keras_tensor import KerasTensor
from millstream.keras.layers.side_effects import AddLoss, AddMetric
from millstream.keras.layers.tracking import contents, is_metric, unique
from millstream.keras.models.network import Network, shape_of
from millstream.keras.models.summary import print_summary
from millstream.util import tree
from millstream.util.export import export


class Plain:
    """How models become plain data and come back; installed by `configuration`."""

    of_network: Callable[[Any], Any]
    to_network: Callable[[Any, Any, Any], Any]
    of_chain: Callable[[Any], Any]
    to_chain: Callable[[Any, Any, Any], Any]
    for_json: Callable[[Any], Any]


@export("tf.keras.Model", "tf.keras.models.Model")
class Model(Trainer, Persistent, Layer):
    """A group of layers with fit, evaluate and predict.

    Args: inputs and outputs, Keras tensors in any structure, make a functional model; without them a subclass defines `call`. name; trainable.
    >>> i = tf.keras.Input((3,))
    >>> model = tf.keras.Model(i, tf.keras.layers.Dense(2)(i))
    >>> model(tf.ones((5, 3))).shape
    TensorShape([5, 2])
    """

    _network: Network | None = None
    _extra: list[Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Model(inputs, outputs) makes a Functional."""
        made: Any = object.__new__(Functional if cls is Model and _is_functional(args, kwargs) else cls)
        return made  # type: ignore[no-any-return]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for key in kwargs:
            if key not in {"inputs", "outputs", "name", "trainable", "dtype", "dynamic", "autocast"}:
                raise TypeError("Keyword argument not understood:", key)
        functional = _is_functional(args, kwargs)
        if functional:
            inputs, outputs, *names = [*args, *(kwargs.pop(k) for k in ("inputs", "outputs")[len(args) :])]
            kwargs.update(zip(("name", "trainable"), names, strict=False))
        elif args:
            raise TypeError(
                f"Model takes inputs and outputs, or neither; got {len(args)} positional argument(s). A subclass passes its own to its own __init__."
            )
        Layer.__init__(self, **kwargs)
        vars(self)["_extra"] = []
        self._init_trainer()
        if functional:
            self._connect(inputs, outputs)

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Become a functional model. Its layers cast their own inputs."""
        vars(self).update(_network=Network(inputs, outputs, self._extra), built=True, _autocast=False)
        STRUCTURE.version += 1

    def __setattr__(self, name: str, value: Any) -> None:
        if "_trainer_ready" not in self.__dict__ and next(contents(value), None) is not None:
            raise RuntimeError(
                "It looks like you are subclassing `Model` and you forgot to call `super(YourClass, self).__init__()`. Always start with this line."
            )
        super().__setattr__(name, value)

    # ------------------------------------------------------------------ calling, building
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for inputs; on values, in one native call where that is possible."""
        if len(args) == 1 and not kwargs and CALL.root is None and STATE.trace is None and not STATE.tapes:
            found = at_once.call(self, args[0])
            if found is not None:
                return found
        return super().__call__(*args, **kwargs)

    def _call_layers(self, x: Any) -> Any:
        """Call layer by layer."""
        return super().__call__(x)

    def _compiled_calls(self) -> dict[Any, Any]:
        """What `at_once` keeps for this model, until its layers, weights or trainable flags change."""
        if vars(self)["_seen_version"] != STRUCTURE.version:
            self._notice_changes()
        calls: dict[Any, Any] = self._runners.setdefault("calls", {})
        return calls

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Compute the outputs; a subclass overrides this. Raises: NotImplementedError when it does not."""
        if self._network is None:
            raise NotImplementedError("When subclassing the `Model` class, you should implement a `call` method.")
        return self._network.run(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: outputs carry the masks of the layers that made them."""

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of such a shape (batch included, None where unknown), by tracing `call`.

        Raises: ValueError for what is no shape, or when `call` fails on it.
        """
        if self._network is not None:
            return
        if input_shape is not None and not isinstance(input_shape, (tuple, list, dict)):
            raise ValueError(
                "Specified input shape is not one of the valid types. Please specify a batch input shape of type tuple or list of input "
                f"shapes. User provided input type: {type(input_shape)}"
            )
        if input_shape is not None and not self.built:
            symbolic = _like_shapes(input_shape, [KerasTensor(s, self._compute_dtype) for s in _shape_leaves(input_shape)])
            training = {"training": None} if "training" in (self._signature or self._look_at_call()).names else {}
            with eagerly():
                abstract.infer(self.call, (symbolic,), training)
        vars(self)["built"] = True

    def _build_for(self, inputs: Any) -> None:
        """A subclassed model's layers are built by its `call`; a `build` of the user's is called."""
        if type(self).build is Model.build:
            vars(self)["built"] = True
            STRUCTURE.version += 1
        else:
            super()._build_for(inputs)

    @property
    def input_spec(self) -> Any:
        """What the inputs must be like."""
        given = vars(self).get("_given_spec")
        return self._network.spec if given is None and self._network is not None else given

    @input_spec.setter
    def input_spec(self, spec: Any) -> None:
        vars(self)["_given_spec"] = spec

    # ------------------------------------------------------------------ layers, weights
    def _held(self) -> Iterator[Any]:
        seen: set[int] = set()
        for item in (*(self._network.layers if self._network is not None else ()), *super()._held()):
            if id(item) not in seen:
                seen.add(id(item))
                yield item

    @property
    def layers(self) -> list[Any]:
        """The layers right inside the model, in order."""
        return self._children()

    def reset_states(self) -> None:
        """Forget the states of all stateful layers."""
        for layer in self.layers:
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
                layer.reset_states()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of a name, or at an index. Raises: ValueError when there is none."""
        layers = self.layers
        if index is not None and name is not None:
            raise ValueError("Provide only a layer name or a layer index.")
        if index is not None:
            if len(layers) <= index:
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has {len(layers)} layers.")
            return layers[index]
        if name is None:
            raise ValueError("Provide either a layer name or layer index.")
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. The model's layers are: {', '.join(layer.name for layer in layers)}.")

    def _check_built(self) -> None:
        if not self.built and "build" in type(self).__dict__:
            raise ValueError(
                f"Weights for model {self.name} have not yet been created. Weights are created when the Model is first called on inputs or "
                "`build()` is called with an `input_shape`."
            )

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training changes, layer by layer."""
        self._check_built()
        if not self.trainable:
            return []
        found = [v for item in self._inner() if not is_metric(item) for v in item.trainable_weights]
        return unique(found + [v for v in self._own() if v.trainable])

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The variables that training leaves alone, layer by layer."""
        self._check_built()
        inner, own = self._inner(), self._own()
        found = [v for item in inner for v in (item.variables if is_metric(item) else item.non_trainable_weights)]
        if not self.trainable:
            found = [v for item in inner if not is_metric(item) for v in item.trainable_weights] + found + [v for v in own if v.trainable]
        return unique(found + [v for v in own if not v.trainable])

    @property
    def weights(self) -> list[Variable]:
        """All variables, layer by layer."""
        self._check_built()
        own = self._own()
        found = [v for item in self._inner() for v in item.variables]
        return unique(found + [v for v in own if v.trainable] + [v for v in own if not v.trainable])

    def _checkpoint_children(self) -> list[tuple[str, Any]]:
        network = self._network
        own = [*(numbered(network.layers) if network is not None else ()), *super()._checkpoint_children()]
        return own if self.optimizer is None else [*own, ("optimizer", self.optimizer)]

    # ------------------------------------------------------------------ ends of a functional model
    def _of_network(self, what: str, name: str) -> Any:
        if self._network is None:
            raise AttributeError(f"Layer {self.name} is not connected, no {name} to return.")
        return getattr(self._network, what)

    @property
    def inputs(self) -> Any:
        """The Keras tensors that come in, as a list; None for a subclassed model."""
        return None if self._network is None else self._network.input_list

    @property
    def outputs(self) -> Any:
        """The Keras tensors that come out, as a list; None for a subclassed model."""
        return None if self._network is None else self._network.output_list

    @property
    def input(self) -> Any:
        """The inputs in their structure. Raises: AttributeError for a subclassed model."""
        return self._of_network("inputs", "input")

    @property
    def output(self) -> Any:
        """The outputs in their structure. Raises: AttributeError for a subclassed model."""
        return self._of_network("outputs", "output")

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs in their structure."""
        return shape_of(self._network.inputs) if self._network is not None else Layer.input_shape.fget(self)  # type: ignore[attr-defined]

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs in their structure."""
        return shape_of(self._network.outputs) if self._network is not None else Layer.output_shape.fget(self)  # type: ignore[attr-defined]

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs."""
        return list(self._network.input_names) if self._network is not None else []

    @property
    def output_names(self) -> Any:
        """The names of the outputs; None for a subclassed model until it is trained."""
        return list(self._network.output_names) if self._network is not None else vars(self).get("_output_names")

    def _add_symbolic_loss(self, loss: Any) -> None:
        self._append(AddLoss()(loss))

    def _add_symbolic_metric(self, value: Any, name: str | None, aggregation: str | None) -> None:
        self._append(AddMetric(aggregation, name)(value))

    def _append(self, output: Any) -> None:
        """Compute one more tensor in every call."""
        if self._network is None:
            raise ValueError(f"Model {self.name} is no functional model: add losses and metrics of tensors inside its `call`.")
        self._extra.append(output)
        self._connect(self._network.inputs, self._network.outputs)

    # ------------------------------------------------------------------ looking at it
    def summary(
        self, line_length: int | None = None, positions: Sequence[float] | None = None, print_fn: Callable[[str], Any] | None = None
    ) -> None:
        """Print the table of layers. Raises: ValueError while the model has no weights yet."""
        if not self.built:
            raise ValueError(
                "This model has not yet been built. Build the model first by calling `build()` or calling `fit()` with some data, or specify "
                "an `input_shape` argument in the first layer(s) for automatic build."
            )
        print_summary(self, line_length, positions, print_fn)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of such shapes."""
        return Layer.compute_output_shape(self, input_shape)

    # ------------------------------------------------------------------ saving the whole
    def save(
        self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True, save_format: str | None = None,
        signatures: Any = None, options: Any = None, save_traces: bool = True,
    ) -> None:  # fmt: skip
        """Save the whole model: configuration, weights, how it was compiled, the optimizer's state. As tf.keras.models.save_model."""
        from millstream.keras.models.saving import save_model

        save_model(self, filepath, overwrite, include_optimizer, save_format, signatures, options, save_traces)

    # ------------------------------------------------------------------ configuration
    def get_config(self) -> dict[str, Any]:
        """The functional model's graph as plain data. Raises: NotImplementedError for a subclassed model."""
        if self._network is None:
            raise NotImplementedError(f"Model {self.name} is a subclass: override get_config to say which arguments make it.")
        config: dict[str, Any] = Plain.of_network(self)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """A model of its configuration."""
        return Plain.to_network(cls, config, custom_objects)

    def to_json(self, **kwargs: Any) -> str:
        """The configuration as JSON, as `tf.keras.models.model_from_json` reads it."""
        return json.dumps(Plain.for_json(self), **kwargs)


class Functional(Model):
    """A model made of inputs and outputs."""

    def _default_name(self) -> str:
        return unique_object_name("model", zero_based=True)


def _is_functional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    given = len(args) + sum(k in kwargs for k in ("inputs", "outputs"))
    return given >= 2 and (len(args) >= 2 or "outputs" in kwargs)


def shapes_of(x: Any) -> Any:
    """Shapes of tensors in their structure."""
    return tree.map_structure(lambda t: TensorShape(t.shape), x)
