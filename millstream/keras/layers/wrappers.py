"""Layers round layers: Wrapper, TimeDistributed, Bidirectional."""

from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras.layers.base import Layer
from millstream.keras.layers.by_name import deserialize, serialize
from millstream.keras.layers.recurrent_cells import build_inner
from millstream.ops.array.creation import stack
from millstream.ops.array.indexing import reverse
from millstream.ops.array.join import concat
from millstream.ops.array.shape import reshape
from millstream.util import tree
from millstream.util.export import export


@export("tf.keras.layers.Wrapper")
class Wrapper(Layer):
    """Base of layers round one other. Args: layer. Raises: ValueError for what is no layer."""

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__} wraps a layer; got {layer!r}. Pass an instance of tf.keras.layers.Layer.")
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside."""
        if not self.layer.built:
            self.layer.build(input_shape)
            vars(self.layer)["built"] = True
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "layer": serialize(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The wrapper of its configuration."""
        rest = dict(config)
        layer = deserialize(rest.pop("layer"), custom_objects)
        return cls(layer, **rest)


@export("tf.keras.layers.TimeDistributed")
class TimeDistributed(Wrapper):
    """A layer applied to every step. Input [batch, steps, ...] -> [batch, steps, ...]: all steps of all samples are one batch.

    Args: layer. Raises: ValueError for an input of fewer than three dimensions.
    >>> tf.keras.layers.TimeDistributed(tf.keras.layers.Dense(3))(tf.ones((2, 5, 4))).shape
    TensorShape([2, 5, 3])
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        """Build the layer for one step's inputs."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        if any(len(TensorShape(s)) < 3 for s in shapes):
            raise ValueError(
                f"`TimeDistributed` Layer should be passed an `input_shape` with at least 3 dimensions, received: {input_shape}"
            )
        inner = [TensorShape((s[0], *s[2:])) for s in shapes]
        super().build(inner if isinstance(input_shape, list) else inner[0])

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """The layer on the steps of all samples at once; on one step after the other where its batch size must stay."""
        kwargs = self._arguments(training)
        leaves = tree.flatten(inputs)
        batch, steps = int(leaves[0].shape[0]), int(leaves[0].shape[1])
        if getattr(self.layer, "stateful", False):
            made = [self.layer(tree.map_structure(lambda x, t=t: x[:, t], inputs), **kwargs) for t in range(steps)]
            return tree.map_structure(lambda *parts: stack(list(parts), axis=1), *made)
        flags = tree.flatten(mask)[0] if mask is not None else None
        if flags is not None and self._knows_masks():
            kwargs["mask"] = reshape(flags, (batch * steps,)) if flags.ndim == 2 else reshape(flags, (batch * steps, *flags.shape[2:]))
        rows = tree.map_structure(lambda x: reshape(x, (batch * steps, *x.shape[2:])), inputs)
        return tree.map_structure(lambda y: reshape(y, (batch, steps, *y.shape[1:])), self.layer(rows, **kwargs))

    def _arguments(self, training: Any) -> dict[str, Any]:
        signature = self.layer._signature or self.layer._look_at_call()
        return {"training": training} if signature.expects_training else {}

    def _knows_masks(self) -> bool:
        signature = self.layer._signature or self.layer._look_at_call()
        return "mask" in signature.names


@export("tf.keras.layers.Bidirectional")
class Bidirectional(Wrapper):
    """A recurrent layer from both ends. Args: layer; merge_mode, how outputs are put together: "concat", "sum", "mul", "ave", None (a list);
    backward_layer, another layer for the way back. Raises: ValueError for another merge_mode, or layers that do not fit each other.

    >>> tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(3))(tf.ones((2, 5, 4))).shape
    TensorShape([2, 6])
    """

    def __init__(self, layer: Any, merge_mode: Any = "concat", weights: Any = None, backward_layer: Any = None, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"Please initialize `Bidirectional` layer with a `Layer` instance. You passed: {layer}")
        if merge_mode not in ("sum", "mul", "ave", "concat", None):
            raise ValueError('Invalid merge mode. Merge mode should be one of {"sum", "mul", "ave", "concat", None}')
        if "batch_input_shape" not in kwargs and "input_shape" not in kwargs and layer._batch_input_shape is not None:
            kwargs["batch_input_shape"] = layer._batch_input_shape
        super().__init__(layer, **kwargs)
        self._backward_config = (backward_layer is not None and serialize(backward_layer)) or None
        self.merge_mode = merge_mode
        del self.layer
        vars(self)["layer"] = layer
        self.forward_layer = _renamed(layer, f"forward_{layer.name}")
        self.backward_layer = self._backward(layer, backward_layer)
        self._check_pair()
        self.return_sequences, self.return_state = self.forward_layer.return_sequences, self.forward_layer.return_state
        self.stateful, self.supports_masking = layer.stateful, True
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = self.return_sequences  # steps that do not count are zeros from both ends
        self.input_spec = layer.input_spec
        if weights:
            half = len(weights) // 2
            vars(self.forward_layer)["_initial_weights"] = weights[:half]
            vars(self.backward_layer)["_initial_weights"] = weights[half:]

    def _backward(self, layer: Any, given: Any) -> Any:
        if given is not None:
            vars(given)["_name"] = f"backward_{given.name}"
            return given
        config = layer.get_config()
        config.update(name=f"backward_{layer.name}", go_backwards=not layer.go_backwards)
        return type(layer).from_config(config)

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError("Forward layer and backward layer should have different `go_backwards` value.")
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(forward, name) != getattr(backward, name):
                raise ValueError(
                    f'Forward layer and backward layer are expected to have the same value for attribute {name}, got "{getattr(forward, name)}" and "{getattr(backward, name)}".'
                )

    def build(self, input_shape: Any = None) -> None:
        """Build both layers, forward first."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                build_inner(layer, input_shape)
                if layer._initial_weights is not None:
                    layer.set_weights(layer._initial_weights)
        self.built = True

    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, **kwargs: Any) -> Any:
        """Call on sequences, with the states to begin from; both may come in one list: [sequences, *states]."""
        if isinstance(inputs, (list, tuple)) and len(inputs) > 1 and initial_state is None:
            inputs, initial_state = inputs[0], list(inputs[1:])
        given = {"initial_state": initial_state, "constants": constants}
        return super().__call__(inputs, **kwargs, **{k: v for k, v in given.items() if v is not None})

    def call(self, inputs: Any, training: Any = None, mask: Any = None, initial_state: Any = None, constants: Any = None) -> Any:
        """Both layers on the inputs; their outputs put together, states of the forward layer first."""
        common = {"training": training, "mask": mask, **({} if constants is None else {"constants": constants})}
        first, second = self._halves(initial_state)
        y = self.forward_layer(inputs, initial_state=first, **common)
        z = self.backward_layer(inputs, initial_state=second, **common)
        states: list[Any] = []
        if self.return_state:
            states = [*y[1:], *z[1:]]
            y, z = y[0], z[0]
        if self.return_sequences:
            z = reverse(z, [0 if self.forward_layer.time_major else 1])
        merged = self._merge(y, z)
        if not self.return_state:
            return merged
        return [*merged, *states] if isinstance(merged, list) else [merged, *states]

    def _halves(self, states: Any) -> tuple[Any, Any]:
        if states is None:
            return None, None
        if len(states) % 2:
            raise ValueError(
                "When passing `initial_state` to a Bidirectional RNN, the state should be a list containing the states of the underlying RNNs. "
                f"Found: {len(states)} states; an even number is needed, the forward layer's first."
            )
        half = len(states) // 2
        return list(states[:half]), list(states[half:])

    def _merge(self, y: Any, z: Any) -> Any:
        if self.merge_mode == "concat":
            return concat([y, z], -1)
        if self.merge_mode is None:
            return [y, z]
        return y * z if self.merge_mode == "mul" else y + z if self.merge_mode == "sum" else (y + z) / 2

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the inputs for whole sequences."""
        mask = mask[0] if isinstance(mask, list) else mask
        found: Any = mask if self.return_sequences else None
        if self.merge_mode is None:
            found = [found, found]
        if not self.return_state:
            return found
        states = [None] * (2 * len(tree.flatten(self.forward_layer._sizes())))
        return [*found, *states] if isinstance(found, list) else [found, *states]

    def reset_states(self) -> None:
        """Forget what stateful layers keep."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    @property
    def constraints(self) -> dict[Any, Any]:
        """The constraints of both layers' weights."""
        return {v: v.constraint for v in self.weights if v.constraint is not None}

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        config = {**super().get_config(), "merge_mode": self.merge_mode}
        return {**config, "backward_layer": self._backward_config} if self._backward_config is not None else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The layer of its configuration."""
        rest = dict(config)
        rest.pop("num_constants", None)
        if rest.get("backward_layer") is not None:
            rest["backward_layer"] = deserialize(rest["backward_layer"], custom_objects)
        return super().from_config(rest, custom_objects)


def _renamed(layer: Any, name: str) -> Any:
    """An equal layer under another name."""
    return type(layer).from_config({**layer.get_config(), "name": name})
