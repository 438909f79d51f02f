"""Sequential: layers one after the other. Without a known input shape the layers are built when the first data come."""

import warnings
from typing import Any

from millstream.core import scope
from millstream.core.dispatch import eagerly
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor
from millstream.keras.layers.base import Layer
from millstream.keras.layers.checkpointed import numbered
from millstream.keras.layers.context import CALL, STRUCTURE
from millstream.keras.layers.input import Input, InputLayer
from millstream.keras.layers.keras_tensor import KerasTensor
from millstream.keras.models.model import Model, Plain
from millstream.keras.models.network import Network, conform
from millstream.util import tree
from millstream.util.export import export


@export("tf.keras.Sequential", "tf.keras.models.Sequential")
class Sequential(Model):
    """A chain of layers. Args: layers, a list; name.

    Raises: TypeError for what is no layer, ValueError for a second layer of one name.
    >>> model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(2)])
    >>> model(tf.ones((3, 4, 4))).shape
    TensorShape([3, 2])
    """

    _chain: list[Any]
    _entry: Any
    _end: Any
    _inferred: Any
    _inferred_dtype: Any

    def __init__(self, layers: Any = None, name: str | None = None) -> None:
        super().__init__(name=name)
        vars(self).update(
            _chain=[], _entry=None, _end=None, _inferred=None, _inferred_dtype=None, _stale=False, _autocast=False, supports_masking=True
        )
        for layer in [layers] if isinstance(layers, Layer) else layers or ():
            self.add(layer)

    # ------------------------------------------------------------------ the chain
    def add(self, layer: Any) -> None:
        """Put a layer at the end. Raises: TypeError for what is no layer, ValueError for a name twice, or several outputs."""
        if isinstance(layer, KerasTensor) and isinstance(layer._keras_history.layer, InputLayer):
            layer = layer._keras_history.layer
        if not isinstance(layer, Layer):
            raise TypeError(f"The added layer must be an instance of class Layer. Found: {layer}")
        if any(layer.name == other.name for other in self._chain):
            raise ValueError(
                f'All layers added to a Sequential model should have unique names. Name "{layer.name}" is already the name of a layer in this model. '
                "Update the `name` argument to pass a unique name."
            )
        if not self._chain:
            self._begin_with(layer)
        elif self._end is not None:
            vars(self)["_end"] = _single(layer(self._end))
        self._chain.append(layer)
        self._changed()

    def _begin_with(self, layer: Any) -> None:
        """A first layer that knows its input shape makes the whole chain known."""
        if isinstance(layer, InputLayer):
            entry = layer._inbound_nodes[-1].outputs
            vars(self).update(_entry=entry, _end=entry)
            return
        shape, dtype = _promised(layer)
        if shape is not None:
            entry = Input(batch_shape=shape, dtype=dtype, name=f"{layer.name}_input")
            vars(self).update(_entry=entry, _end=_single(layer(entry)))

    def pop(self) -> None:
        """Take the last layer away. Raises: TypeError when there is none."""
        if not self._chain:
            raise TypeError("There are no layers in the model.")
        layer = self._chain.pop()
        if self._entry is not None and layer._inbound_nodes:
            layer._inbound_nodes.pop()
            vars(self)["_end"] = tree.flatten(self._chain[-1]._inbound_nodes[-1].outputs)[0] if self._chain else None
            if not self._chain:
                vars(self)["_entry"] = None
        self._changed()

    def _changed(self) -> None:
        vars(self).update(_network=None, _stale=True, _signature=None, built=self._entry is not None, _inferred=None)
        STRUCTURE.version += 1

    # ------------------------------------------------------------------ the graph, drawn when somebody asks for it
    def _graph(self) -> Network | None:
        if vars(self).get("_stale"):
            vars(self)["_stale"] = False
            if self._entry is not None and self._end is not None and self._chain:
                self._connect(self._entry, self._end)
            elif self._inferred is not None:
                self._draw()
        network: Network | None = vars(self).get("_network")
        return network

    def _draw(self) -> None:
        """Call the layers on a Keras tensor of the inferred shape; earlier drawings are forgotten."""
        for layer in self._chain:
            layer._inbound_nodes.clear()
            layer._outbound_nodes.clear()
        try:
            with eagerly():
                x = entry = Input(batch_shape=self._inferred, dtype=self._inferred_dtype, name=f"{self._chain[0].name}_input")
                for layer in self._chain:
                    x = _single(layer(x))
        except Exception:  # a layer that cannot be traced: the chain runs all the same, without a graph
            if not self.built:
                raise
            return
        vars(self)["_network"] = Network(entry, x, self._extra)

    @property
    def _network(self) -> Network | None:  # type: ignore[override]
        """The graph, if the input shape is known."""
        return self._graph()

    @property
    def layers(self) -> list[Any]:
        """The layers, without the input layer."""
        self._graph()
        chain = self._chain
        return chain[1:] if chain and isinstance(chain[0], InputLayer) else list(chain)

    def _held(self) -> Any:
        yield from self._chain
        known = {id(layer) for layer in self._chain}
        for item in self.__dict__.get("_tracked", {}).values():
            if id(item) not in known and isinstance(item, Layer):
                yield item

    def _checkpoint_children(self) -> list[tuple[str, Any]]:
        own = [*numbered([x for x in self._chain if not isinstance(x, InputLayer)]), *Layer._checkpoint_children(self)]
        return own if self.optimizer is None else [*own, ("optimizer", self.optimizer)]

    # ------------------------------------------------------------------ building and calling
    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of such a shape. Raises: ValueError without one."""
        if self._entry is None:
            if input_shape is None:
                raise ValueError("You must provide an `input_shape` argument.")
            vars(self).update(_inferred=tuple(TensorShape(input_shape)), _inferred_dtype=None, _stale=True)
            self._graph()
        vars(self)["built"] = True

    def _build_for(self, inputs: Any) -> None:
        """Data have come: the layers build themselves as the data pass through."""
        if isinstance(inputs, KerasTensor):
            self.build(inputs.shape)
            STRUCTURE.version += 1

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """One layer after the other."""
        if self._entry is None:
            self._infer_shape(inputs)
        elif self._chain:
            inputs = self._conform(inputs)
        x = inputs
        if not self.built:
            with scope.absolute(""):
                for layer in self._chain:
                    x = layer(x)
            vars(self)["built"] = True
            STRUCTURE.version += 1
            return x
        for layer in self._chain:
            x = layer(x)
        return x

    def _conform(self, inputs: Any) -> Any:
        return conform(tree.flatten(inputs)[0], self._entry)

    def _infer_shape(self, inputs: Any) -> None:
        """Remember the shape of the data; sizes in which later data differ become unknown."""
        if CALL.root is not None and not hasattr(inputs, "shape"):
            return
        seen = inputs._array.shape if type(inputs) is Tensor else tuple(inputs.shape)
        if CALL.batch_is_unknown and seen:
            seen = (None, *seen[1:])
        known = self._inferred
        if seen == known:
            return
        if known is None:
            vars(self).update(_inferred=seen, _inferred_dtype=inputs.dtype, _stale=True)
        else:
            relaxed = tuple(a if a == b else None for a, b in zip(known, seen, strict=True)) if len(known) == len(seen) else None
            if relaxed is not None and relaxed != known:
                vars(self).update(_inferred=relaxed, _stale=True)

    @property
    def input_spec(self) -> Any:
        """What the first layer's inputs must be like."""
        given = vars(self).get("_given_spec")
        if given is None and self._chain:
            first = self._chain[1] if isinstance(self._chain[0], InputLayer) and len(self._chain) > 1 else self._chain[0]
            return first.input_spec
        return given

    @input_spec.setter
    def input_spec(self, spec: Any) -> None:
        vars(self)["_given_spec"] = spec

    # ------------------------------------------------------------------ older names
    def predict_proba(self, x: Any, batch_size: int = 32, verbose: Any = 0) -> Any:
        """The older name of predict."""
        warnings.warn(
            "`model.predict_proba()` is deprecated and will be removed after 2021-01-01. Please use `model.predict()` instead.",
            stacklevel=2,
        )
        return self.predict(x, batch_size, verbose)

    def predict_classes(self, x: Any, batch_size: int = 32, verbose: Any = 0) -> Any:
        """The most likely class of each row; of a single output whether it is above 0.5."""
        warnings.warn(
            "`model.predict_classes()` is deprecated and will be removed after 2021-01-01. Please use instead:* `np.argmax(model.predict(x), axis=-1)`, "
            'if your model does multi-class classification (e.g. if it uses a `softmax` last-layer activation).* `(model.predict(x) > 0.5).astype("int32")`, '
            "if your model does binary classification (e.g. if it uses a `sigmoid` last-layer activation).",
            stacklevel=2,
        )
        found = self.predict(x, batch_size, verbose)
        return found.argmax(axis=-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")

    # ------------------------------------------------------------------ configuration
    def get_config(self) -> dict[str, Any]:
        """Name and layers as plain data."""
        config: dict[str, Any] = Plain.of_chain(self)
        return config

    @classmethod
    def from_config(cls, config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """A model of its configuration."""
        return Plain.to_chain(cls, config, custom_objects)


def _single(outputs: Any) -> Any:
    found = tree.flatten(outputs)
    if len(found) != 1:
        raise ValueError(
            "All layers in a Sequential model should have a single output tensor. For multi-output layers, use the functional API."
        )
    return found[0]


def _promised(layer: Any) -> tuple[Any, Any]:
    """The input shape and dtype that a first layer (or a model's own first layer) promises."""
    while layer._batch_input_shape is None and isinstance(layer, Model):
        if layer.inputs is not None and len(layer.inputs) == 1:
            return tuple(layer.inputs[0].shape), layer.inputs[0].dtype
        if not isinstance(layer, Sequential) or not layer._chain:
            return None, None
        layer = layer._chain[0]
    return layer._batch_input_shape, layer.dtype
