"""Weights of layers in HDF5, as Keras lays them out.

/ (or /model_weights)    attributes layer_names, backend, keras_version
/LAYER                   attribute weight_names
/LAYER/WEIGHT            an array; the weight's name (`dense/kernel:0`) may make groups of its own
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import eagerly
from millstream.core.variable import Variable
from millstream.formats import hdf5
from millstream.formats.damage import DamagedFileError

_log = logging.getLogger("tensorflow")
KERAS_VERSION, BACKEND = "2.4.0", "tensorflow"


def of_layer(layer: Any) -> list[Variable]:
    """A layer's variables in the order of the files: trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


# ---------------------------------------------------------------------------------------------- writing
def save_layers(group: Any, layers: Sequence[Any]) -> None:
    """Write the weights of layers. Raises: ValueError for two layers of one name."""
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):
        raise ValueError(
            f"Layers are stored by name in HDF5, and some of these have the same: {sorted(names)}. Give each a name of its own."
        )
    hdf5.write_names(group, "layer_names", names)
    group.attrs["backend"] = BACKEND.encode()
    group.attrs["keras_version"] = KERAS_VERSION.encode()
    for layer in sorted(layers, key=lambda x: x.name):
        save_variables(group.create_group(layer.name), of_layer(layer))


def save_variables(group: Any, variables: Sequence[Variable]) -> None:
    """Write variables by their names. Raises: RuntimeError when two have the same."""
    names = [v.name for v in variables]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise RuntimeError(
            f"Unable to create link (name already exists): {twice}. Give each weight a name of its own, or save in TensorFlow's format."
        )
    hdf5.write_names(group, "weight_names", names)
    for variable in variables:
        hdf5.write_array(group, variable.name, variable._array)


# ---------------------------------------------------------------------------------------------- reading
def load_layers(group: Any, layers: Sequence[Any], path: str) -> None:
    """Read the weights of layers in their order; those without weights do not count. Raises: ValueError when the numbers differ."""
    own = [(layer, found) for layer in layers if (found := of_layer(layer))]
    stored = [
        (n, names) for n in hdf5.read_names(group, "layer_names") if (names := hdf5.read_names(hdf5.child(group, n, path), "weight_names"))
    ]
    if len(own) != len(stored):
        raise ValueError(f"You are trying to load a weight file containing {len(stored)} layers into a model with {len(own)} layers.")
    pairs: list[tuple[Variable, Any]] = []
    for k, ((layer, variables), (name, names)) in enumerate(zip(own, stored, strict=True)):
        if len(variables) != len(names):
            raise ValueError(
                f'Layer #{k} (named "{layer.name}" in the current model) was found to correspond to layer {name} in the save file. However the new '
                f"layer {layer.name} expects {len(variables)} weights, but the saved weights have {len(names)} elements."
            )
        pairs += [
            (v, _array(hdf5.child(group, name, path), n, v, path, f"layer #{k} (named {layer.name})"))
            for v, n in zip(variables, names, strict=True)
        ]
    _assign(pairs)


def _array(group: Any, name: str, variable: Variable, path: str, where: str) -> Any:
    try:
        return hdf5.read_array(group, name, path, variable.spec.shape)
    except DamagedFileError:
        raise
    except ValueError as error:
        raise ValueError(f"The weight {variable.name} of {where} does not fit the file {path}: {error}.") from error


def _assign(pairs: list[tuple[Variable, Any]]) -> None:
    """Set all, once every one of them is known to fit."""
    with eagerly():
        for variable, array in pairs:
            variable.assign(np.asarray(array, variable.dtype.numpy))


def load_layers_by_name(group: Any, layers: Sequence[Any], path: str, skip_mismatch: bool = False) -> None:
    """Read the weights of layers whose names the file has. Args: skip_mismatch, leave out layers whose weights differ.

    Raises: ValueError for other numbers or shapes of weights.
    """
    index: dict[str, list[Any]] = {}
    for layer in layers:
        index.setdefault(layer.name, []).append(layer)
    pairs: list[tuple[Variable, Any]] = []
    for k, name in enumerate(hdf5.read_names(group, "layer_names")):
        stored = hdf5.child(group, name, path)
        for layer in index.get(name, ()):
            pairs += _matching(k, layer, stored, path, skip_mismatch)
    _assign(pairs)


def _matching(k: int, layer: Any, stored: Any, path: str, skip_mismatch: bool) -> list[tuple[Variable, Any]]:
    variables, names = of_layer(layer), hdf5.read_names(stored, "weight_names")
    if len(variables) != len(names):
        if skip_mismatch:
            _log.warning(
                "Skipping loading of weights for layer %s due to mismatch in number of weights (%d vs %d).",
                layer.name,
                len(variables),
                len(names),
            )
            return []
        raise ValueError(
            f'Layer #{k} (named "{layer.name}") expects {len(variables)} weight(s), but the saved weights have {len(names)} element(s).'
        )
    found = []
    for variable, name in zip(variables, names, strict=True):
        try:
            found.append((variable, _array(stored, name, variable, path, f"layer #{k} (named {layer.name})")))
        except DamagedFileError:
            raise
        except ValueError as error:
            if not skip_mismatch:
                raise
            _log.warning("Skipping loading of weights for layer %s due to mismatch in shape (%s).", layer.name, error)
    return found
