"""Whole models in one HDF5 file: configuration, weights, how they were compiled, the optimizer's state; as Keras 2.4 writes and reads it."""

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from millstream.core.dispatch import eagerly
from millstream.core.scope import name_scope
from millstream.formats import hdf5
from millstream.formats.damage import DamagedFileError
from millstream.keras import losses, metrics, objects, optimizers
from millstream.keras.engine import hdf5_weights
from millstream.keras.engine.persistent import is_hdf5_path, may_replace
from millstream.keras.models import configuration
from millstream.keras.models.sequential import Sequential
from millstream.util.export import export

_log = logging.getLogger("tensorflow")
_NO_SAVED_MODEL = "The SavedModel format is not supported yet: save to a path that ends in '.h5' (or pass save_format='h5')"


@export("tf.keras.models.save_model")
def save_model(
    model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True, save_format: str | None = None,
    signatures: Any = None, options: Any = None, save_traces: bool = True,
) -> None:  # fmt: skip
    """Save a model to a file that ends in .h5, .hdf5 or .keras.

    Raises: NotImplementedError for a SavedModel, and for a subclassed model, whose code no file can hold.
    >>> import tempfile
    >>> model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    >>> path = tempfile.mkdtemp() + "/model.h5"
    >>> model.save(path)
    >>> again = tf.keras.models.load_model(path)
    >>> bool((again(tf.ones((1, 3))) == model(tf.ones((1, 3)))).numpy().all())
    True
    """
    path = os.fspath(filepath)
    kind = save_format or ("h5" if is_hdf5_path(path) else "tf")
    if kind not in {"h5", "hdf5", "keras"}:
        raise NotImplementedError(f"{_NO_SAVED_MODEL}, or save the weights alone with model.save_weights({path!r}).")
    if not (isinstance(model, Sequential) or getattr(model, "_network", None) is not None):
        raise NotImplementedError(
            "Saving the model to HDF5 format requires the model to be a Functional model or a Sequential model. It does not work for subclassed "
            "models, because such models are defined via the body of a Python method, which isn't safely serializable. Consider saving the weights "
            "(using `save_weights`)."
        )
    if not model.weights and not model.built:
        raise ValueError(f"Model {model.name} cannot be saved: it has no weights yet. Call it on data, or model.build(input_shape), first.")
    if not (overwrite or may_replace(path)):
        return
    with hdf5.writing(path) as file:
        _write(file, model, include_optimizer)


def _write(file: Any, model: Any, include_optimizer: bool) -> None:
    described = configuration.as_json(model)
    file.attrs["keras_version"], file.attrs["backend"] = described.pop("keras_version"), described.pop("backend")
    file.attrs["model_config"] = json.dumps(described, default=_plain).encode()
    hdf5_weights.save_layers(file.create_group("model_weights"), model.layers)
    if not include_optimizer or model.optimizer is None:
        return
    file.attrs["training_config"] = json.dumps(training_config(model), default=_plain).encode()
    if model.optimizer.weights:
        hdf5_weights.save_variables(file.create_group("optimizer_weights"), model.optimizer.weights)


def _plain(value: Any) -> Any:
    """What JSON does not know: objects of Keras, NumPy's numbers, dtypes and shapes."""
    if hasattr(value, "get_config"):
        return objects.serialize_keras_object(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "as_list"):
        return value.as_list()
    return value.name if hasattr(value, "as_numpy_dtype") else getattr(value, "__name__", str(value))


def training_config(model: Any) -> dict[str, Any]:
    """How a model was compiled, as plain data."""
    loss, metric = model.compiled_loss, model.compiled_metrics
    given = {
        "loss": loss._user_losses,
        "metrics": metric._user_metrics,
        "weighted_metrics": metric._user_weighted,
        "loss_weights": loss._user_loss_weights,
    }
    optimizer = {"class_name": type(model.optimizer).__name__, "config": model.optimizer.get_config()}
    return {**{k: _named(v) for k, v in given.items()}, "optimizer_config": optimizer}


def _named(value: Any) -> Any:
    """Losses and metrics by name or configuration, in the structure in which they were given."""
    if isinstance(value, Mapping):
        return {k: _named(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(v) for v in value]
    return objects.serialize_keras_object(value) if callable(value) or hasattr(value, "get_config") else value


# ---------------------------------------------------------------------------------------------- reading
@export("tf.keras.models.load_model")
def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, options: Any = None) -> Any:
    """The model of a file that `save_model`, or Keras 2.4, wrote; compiled as it was then, unless compile=False.

    Args: custom_objects, classes and functions of your own by name.
    Raises: OSError without a file; NotImplementedError for a SavedModel; DamagedFileError; ValueError for unknown classes.
    """
    path = os.fspath(filepath)
    if os.path.isdir(path):
        raise NotImplementedError(f"{path} is a folder, so a SavedModel. {_NO_SAVED_MODEL}.")
    if not os.path.exists(path):
        raise OSError(
            f"SavedModel file does not exist at: {path}/{{saved_model.pbtxt|saved_model.pb}}, and there is no file {path} either."
        )
    with hdf5.reading(path) as file, objects.CustomObjectScope(dict(custom_objects or {})):
        return _read(file, path, compile)


def _read(file: Any, path: str, compiles: bool) -> Any:
    model = configuration.model_from_config(_json(file, "model_config", path))
    group = hdf5.child(file, "model_weights", path)
    if not model.built:
        raise ValueError(
            f"The model in {path} was saved without an input shape, so that its weights have no place. Save it after it was called."
        )
    hdf5_weights.load_layers(group, model.layers, path)
    if not compiles:
        return model
    if "training_config" not in file.attrs:
        _log.warning("No training configuration found in the save file, so the model was *not* compiled. Compile it manually.")
        return model
    model.compile(**_compile_arguments(_json(file, "training_config", path)))
    if "optimizer_weights" in file:
        _read_optimizer(model, hdf5.child(file, "optimizer_weights", path), path)
    return model


def _json(file: Any, name: str, path: str) -> Any:
    if name not in file.attrs:
        raise DamagedFileError(
            path, f"it has no {name}: it holds weights alone, or no model", "Weights are loaded with model.load_weights."
        )
    try:
        return json.loads(hdf5.text(file.attrs[name]))
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(path, f"its {name} is not JSON ({error})") from error


def _compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "optimizer": optimizers.deserialize(config["optimizer_config"]),
        "loss": _revived(config.get("loss"), losses.deserialize),
        "metrics": _revived(config.get("metrics"), metrics.deserialize),
        "weighted_metrics": _revived(config.get("weighted_metrics"), metrics.deserialize),
        "loss_weights": config.get("loss_weights"),
    }


def _revived(value: Any, deserialize: Any) -> Any:
    """Configurations become objects; names stay, for compile to look up."""
    if isinstance(value, Mapping):
        return deserialize(value) if "class_name" in value else {k: _revived(v, deserialize) for k, v in value.items()}
    if isinstance(value, list):
        return [_revived(v, deserialize) for v in value]
    return objects.get_registered_object(value) or value if isinstance(value, str) else value


def _read_optimizer(model: Any, group: Any, path: str) -> None:
    """The optimizer's variables are made first; state that does not fit is left out with a warning, as Keras does."""
    optimizer = model.optimizer
    with eagerly(), name_scope(optimizer._name):
        optimizer._create_all_weights(model.trainable_variables)
    names = hdf5.read_names(group, "weight_names")
    try:
        optimizer.set_weights([hdf5.read_array(group, name, path) for name in names])
    except DamagedFileError:
        raise
    except ValueError as error:
        _log.warning(
            "Error in loading the saved optimizer state. As a result, your model is starting with a freshly initialized optimizer. (%s)",
            error,
        )
