"""Models as plain data and back: get_config, from_config, JSON, and clones.

A functional model's configuration lists its layers; with each stand its calls, whose inputs are named as
[layer, number of the call, number of the output, further arguments].
"""

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from millstream.core.tensor import Tensor
from millstream.keras import objects
from millstream.keras.layers.input import Input, InputLayer
from millstream.keras.layers.keras_tensor import KerasTensor, Node
from millstream.keras.layers.op_layer import SlicingOpLambda, TFOpLambda
from millstream.keras.models.model import Functional, Model, Plain
from millstream.keras.models.sequential import Sequential
from millstream.util import export as table
from millstream.util import tree
from millstream.util.export import export


# ---------------------------------------------------------------------------------------------- layers by name
def known_layers() -> dict[str, Any]:
    """Every layer and model class of Keras by name."""
    found = {n.rpartition(".")[2]: c for n, c in table.exported().items() if n.startswith("keras.layers.") and isinstance(c, type)}
    return {**found, "SlicingOpLambda": SlicingOpLambda, "Model": Model, "Functional": Functional, "Sequential": Sequential}


@export("tf.keras.layers.deserialize")
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A layer or model of {'class_name': ..., 'config': ...}. Raises: ValueError for an unknown class."""
    return objects.deserialize_keras_object(config, known_layers(), custom_objects, "layer")


@export("tf.keras.layers.serialize")
def serialize(layer: Any) -> dict[str, Any]:
    """A layer as {'class_name': ..., 'config': ...}."""
    return {"class_name": objects.get_registered_name(type(layer)), "config": layer.get_config()}


# ---------------------------------------------------------------------------------------------- Sequential
def chain_config(model: Sequential) -> dict[str, Any]:
    """Name and layers; the input shape of a model that learnt it from data."""
    layers = [serialize(layer) for layer in model._chain]
    if model._entry is not None and not isinstance(model._chain[0], InputLayer):
        layers.insert(0, serialize(model._entry._keras_history.layer))
    config: dict[str, Any] = {"name": model.name, "layers": layers}
    if model._entry is None and model._inferred is not None:
        config["build_input_shape"] = model._inferred
    return config


def model_from_chain_config(cls: type[Sequential], config: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """A Sequential of its configuration (of a bare list of layers too)."""
    named = config if isinstance(config, Mapping) else {"layers": config}
    model = cls(name=named.get("name"))
    for layer in named["layers"]:
        model.add(deserialize(layer, custom_objects))
    if not model.inputs and named.get("build_input_shape"):
        model.build(tuple(named["build_input_shape"]))
    return model


# ---------------------------------------------------------------------------------------------- functional models
def network_config(model: Model) -> dict[str, Any]:
    """Layers with their calls, inputs and outputs. Node numbers count the calls within this model."""
    network = model._network
    assert network is not None
    numbers = _numbers(network.nodes)
    layers = []
    for layer in network.layers:
        calls = [n for n in network.nodes if n.layer is layer and not n.is_input]
        nodes = [_call_config(n, numbers) for n in calls]
        layers.append({**serialize(layer), "name": layer.name, "inbound_nodes": nodes})
    place = lambda x: _place(x, numbers)  # noqa: E731  (a name for a short mapping)
    return {
        "name": model.name,
        "layers": layers,
        "input_layers": _ends(network.inputs, place),
        "output_layers": _ends(network.outputs, place),
    }


def _ends(ends: Any, place: Callable[[Any], Any]) -> Any:
    if isinstance(ends, Mapping):
        return {k: place(v) for k, v in ends.items()}
    return [place(x) for x in tree.flatten(ends)]


def _numbers(nodes: list[Node]) -> dict[int, int]:
    """The number of each node among its layer's calls in the model."""
    counts: dict[int, int] = {}
    numbers: dict[int, int] = {}
    for node in sorted(nodes, key=lambda n: n.index):
        numbers[id(node)] = counts.get(id(node.layer), 0)
        counts[id(node.layer)] = numbers[id(node)] + 1
    return numbers


def _place(x: Any, numbers: dict[int, int]) -> list[Any]:
    history = x._keras_history
    node = history.layer._inbound_nodes[history.node_index]
    return [history.layer.name, numbers[id(node)], history.tensor_index]


def _call_config(node: Node, numbers: dict[int, int]) -> Any:
    names = _argument_names(node)
    rest = {n: _plain(v, numbers) for n, v in zip(names, node.args[1:], strict=False)}
    rest.update({k: _plain(v, numbers) for k, v in node.kwargs.items()})

    def entry(x: Any) -> Any:
        return [*_place(x, numbers), rest] if isinstance(x, KerasTensor) else ["_CONSTANT_VALUE", -1, _plain(x, numbers), rest]

    data = tree.map_structure(entry, node.args[0])
    single = not tree.is_nested(node.args[0])
    return [data] if single and not isinstance(node.layer, TFOpLambda) else data


def _argument_names(node: Node) -> list[str]:
    if isinstance(node.layer, TFOpLambda):
        try:
            names = list(inspect.signature(node.layer.function).parameters)[1:]
        except (TypeError, ValueError):
            names = ["y"]
        return ["y"] if names in (["b"], ["key"]) else names
    return list(node.layer._signature.names[1:])


def _plain(value: Any, numbers: dict[int, int]) -> Any:
    if isinstance(value, KerasTensor):
        return _place(value, numbers)
    if isinstance(value, slice):
        return {"start": _plain(value.start, numbers), "stop": _plain(value.stop, numbers), "step": _plain(value.step, numbers)}
    if isinstance(value, (list, tuple)):
        return [_plain(v, numbers) for v in value]
    if isinstance(value, Tensor):
        return value.numpy().tolist()
    return value.name if hasattr(value, "as_numpy_dtype") else value


def model_from_network_config(cls: type[Model], config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """A functional model of its configuration. Raises: ValueError when calls wait for inputs that nobody makes."""
    layers = {entry["name"]: deserialize(entry, custom_objects) for entry in config["layers"]}
    waiting = {entry["name"]: list(entry["inbound_nodes"]) for entry in config["layers"] if entry["inbound_nodes"]}
    made = {name: [layer._inbound_nodes[-1].outputs] for name, layer in layers.items() if isinstance(layer, InputLayer)}
    while waiting:
        ready = [name for name, calls in waiting.items() if _is_ready(calls[0], made)]  # a layer's calls keep their order
        if not ready:
            raise ValueError(f"The calls of layers {sorted(waiting)} need inputs that no layer of the configuration makes.")
        for name in ready:
            made.setdefault(name, []).append(_replay(layers[name], waiting[name].pop(0), made))
        waiting = {name: calls for name, calls in waiting.items() if calls}
    inputs, outputs = (_tensors(config[k], made) for k in ("input_layers", "output_layers"))
    return cls(inputs, outputs, name=config.get("name"))


def _is_place(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) in {3, 4} and isinstance(value[0], str) and isinstance(value[1], int)


def _is_ready(call: Any, made: Mapping[str, list[Any]]) -> bool:
    if _is_place(call):
        later = [v for v in call[3].values() if _is_place(v)] if len(call) == 4 and isinstance(call[3], Mapping) else []
        here = call[0] == "_CONSTANT_VALUE" or len(made.get(call[0], ())) > call[1]
        return here and all(_is_ready(v, made) for v in later)
    parts = call.values() if isinstance(call, Mapping) else call
    return all(_is_ready(c, made) for c in parts)


def _tensor(place: Any, made: Mapping[str, list[Any]]) -> Any:
    if place[0] == "_CONSTANT_VALUE":
        return place[2]
    return tree.flatten(made[place[0]][place[1]])[place[2]]


def _tensors(call: Any, made: Mapping[str, list[Any]]) -> Any:
    if _is_place(call):
        return _tensor(call, made)
    if isinstance(call, Mapping):
        return {k: _tensors(v, made) for k, v in call.items()}
    found = [_tensors(c, made) for c in call]
    return found[0] if len(found) == 1 else found


def _replay(layer: Any, call: Any, made: Mapping[str, list[Any]]) -> Any:
    first = call
    while not _is_place(first):
        first = next(iter(first.values())) if isinstance(first, Mapping) else first[0]
    rest = {k: _argument(v, made) for k, v in first[3].items()} if len(first) == 4 else {}
    if rest.get("name", "") is None:  # TensorFlow notes down its functions' `name=None`; operators of Python know no name
        del rest["name"]
    if isinstance(layer, TFOpLambda) and "y" in rest and "y" not in _parameters(layer.function):
        return layer(_tensors(call, made), rest.pop("y"), **rest)
    return layer(_tensors(call, made), **rest)


def _parameters(function: Any) -> Mapping[str, Any]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _argument(value: Any, made: Mapping[str, list[Any]]) -> Any:
    if _is_place(value) and value[0] in made:
        return _tensor(value, made)
    if isinstance(value, Mapping) and set(value) == {"start", "stop", "step"}:
        return slice(value["start"], value["stop"], value["step"])
    if isinstance(value, (list, tuple)) and any(isinstance(v, Mapping) for v in value):
        return tuple(_argument(v, made) for v in value)
    return value


# ---------------------------------------------------------------------------------------------- JSON, clones
def as_json(model: Model) -> dict[str, Any]:
    """What to_json writes."""
    return {"class_name": type(model).__name__, "config": _jsonable(model.get_config()), "keras_version": "2.4.0", "backend": "tensorflow"}


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


@export("tf.keras.models.model_from_json")
def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A model, with new weights, of what `model.to_json()` wrote."""
    return model_from_config(json.loads(json_string), custom_objects)


@export("tf.keras.models.model_from_config")
def model_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A model of {'class_name': ..., 'config': ...}. Raises: TypeError for a list."""
    if isinstance(config, list):
        raise TypeError(
            f"`model_from_config` expects a dictionary, not a list. Maybe you meant to use `Sequential.from_config(config)`? Got {config}."
        )
    return deserialize(config, custom_objects)


@export("tf.keras.models.clone_model")
def clone_model(model: Any, input_tensors: Any = None, clone_function: Callable[[Any], Any] | None = None) -> Any:
    """A model of the same layers with weights of its own.

    Args: input_tensors, Keras tensors to begin with; clone_function(layer) -> layer. Raises: ValueError for a subclassed model.
    """
    copy = clone_function or (lambda layer: type(layer).from_config(layer.get_config()))
    if isinstance(model, Sequential):
        return _clone_chain(model, input_tensors, copy)
    if getattr(model, "_network", None) is None:
        raise ValueError(f"Expected `model` argument to be a functional `Model` instance, but got a subclass model instead: {model}.")
    return _clone_network(model, input_tensors, copy)


def _clone_chain(model: Sequential, input_tensors: Any, copy: Callable[[Any], Any]) -> Sequential:
    made = Sequential(name=model.name)
    entry = tree.flatten(input_tensors)[0] if input_tensors is not None else None
    if entry is not None:
        made.add(entry)
    for layer in model._chain:
        if not (isinstance(layer, InputLayer) and entry is not None):
            made.add(InputLayer.from_config(layer.get_config()) if isinstance(layer, InputLayer) else copy(layer))
    return made


def _clone_network(model: Model, input_tensors: Any, copy: Callable[[Any], Any]) -> Model:
    network = model._network
    assert network is not None
    given = tree.flatten(input_tensors) if input_tensors is not None else [
        Input(batch_shape=tuple(x.shape), dtype=x.dtype, name=x._keras_history.layer.name) for x in network.input_list
    ]  # fmt: skip
    new: dict[int, Any] = {id(x): n for x, n in zip(network.input_list, given, strict=True)}
    copies: dict[int, Any] = {}

    def renewed(x: Any) -> Any:
        return new[id(x)] if isinstance(x, KerasTensor) else x

    for node in network.nodes:
        if node.is_input:
            continue
        layer = copies.setdefault(id(node.layer), None) or copy(node.layer)
        copies[id(node.layer)] = layer
        outputs = layer(*tree.map_structure(renewed, node.args), **tree.map_structure(renewed, node.kwargs))
        new.update({id(x): n for x, n in zip(tree.flatten(node.outputs), tree.flatten(outputs), strict=True)})
    made: Model = Model(tree.map_structure(renewed, network.inputs), tree.map_structure(renewed, network.outputs), name=model.name)
    return made


Plain.of_network, Plain.to_network = staticmethod(network_config), staticmethod(model_from_network_config)
Plain.of_chain, Plain.to_chain = staticmethod(chain_config), staticmethod(model_from_chain_config)
Plain.for_json = staticmethod(as_json)
