"""Persistent: a model's weights, to files and back."""

import os
from typing import Any

from millstream.checkpoints import saver
from millstream.formats import hdf5, tf_checkpoint
from millstream.formats.damage import DamagedFileError
from millstream.keras.engine import hdf5_weights
from millstream.util.errors import NotFoundError

_FORMATS = {"tensorflow": "tf", "tf": "tf", "hdf5": "h5", "h5": "h5", "keras": "h5"}


def is_hdf5_path(path: str) -> bool:
    """Whether a path's ending asks for HDF5."""
    return path.endswith((".h5", ".keras", ".hdf5"))


class Persistent:
    """What a model has to do with files of weights."""

    name: Any
    built: bool
    layers: Any
    weights: Any

    # ------------------------------------------------------------------ weights
    def save_weights(self, filepath: Any, overwrite: bool = True, save_format: str | None = None, options: Any = None) -> None:
        """Save all weights; in TensorFlow's format, which holds the optimizer's state too, unless the path ends in .h5, .hdf5 or .keras.

        Args: overwrite, False to be asked on the console; save_format, "tf" or "h5".
        Raises: ValueError for another format, or while there are no weights; OSError when the disk refuses.
        >>> import tempfile
        >>> model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
        >>> path = tempfile.mkdtemp() + "/w.ckpt"
        >>> model.save_weights(path)
        >>> _ = model.load_weights(path).assert_consumed()
        """
        self._check_weights_made()
        path = os.fspath(filepath)
        kind = _format(path, save_format)
        if not (overwrite or may_replace(path + ".index" if kind == "tf" else path)):
            return
        if kind == "h5":
            with hdf5.writing(path) as file:
                hdf5_weights.save_layers(file, self.layers)
        else:
            saver.remember(saver.save(self, path))

    def _check_weights_made(self) -> None:
        """Raises: ValueError while the model has no weights."""
        if not self.built and not self.weights:
            raise ValueError(
                f"Weights for model {self.name} have not yet been created. Weights are created when the Model is first called on inputs or "
                "`build()` is called with an `input_shape`."
            )

    def load_weights(self, filepath: Any, by_name: bool = False, skip_mismatch: bool = False, options: Any = None) -> Any:
        """Load weights; those of TensorFlow's format also before the model has any: they wait until it is built.

        Args: by_name, skip_mismatch (HDF5 only): layers by their names rather than their order; leave out what does not fit.
        Returns: for TensorFlow's format a status (`assert_consumed()`, `expect_partial()`, ...).
        Raises: NotFoundError, DamagedFileError, ValueError when weights do not fit.
        """
        path = os.fspath(filepath)
        if skip_mismatch and not by_name:
            raise ValueError("When calling model.load_weights, skip_mismatch can only be set to True when by_name is True.")
        if not is_hdf5_path(path) and (tf_checkpoint.exists(path) or not hdf5.is_hdf5(path)):
            return self._load_checkpoint(path, by_name)
        if not self.built:
            raise ValueError(
                "Unable to load weights saved in HDF5 format into a subclassed Model which has not created its variables yet. Call the Model "
                "first, then load the weights."
            )
        with hdf5.reading(path) as file:
            group = hdf5.child(file, "model_weights", path) if "layer_names" not in file.attrs and "model_weights" in file else file
            if by_name:
                hdf5_weights.load_layers_by_name(group, self.layers, path, skip_mismatch)
            else:
                hdf5_weights.load_layers(group, self.layers, path)
        return None

    def _load_checkpoint(self, path: str, by_name: bool) -> Any:
        if by_name:
            raise NotImplementedError(
                "Weights may only be loaded based on topology into Models when loading TensorFlow-formatted weights (got by_name=True to load_weights)."
            )
        if not tf_checkpoint.exists(path) and os.path.isfile(path):
            with open(path, "rb") as file:
                from millstream.formats.damage import looks_like

                raise DamagedFileError(path, f"it is neither an HDF5 file nor the prefix of a checkpoint; {looks_like(file.read(32))}")
        try:
            return saver.restore(self, path).assert_nontrivial_match()
        except NotFoundError as error:
            hint = f" A checkpoint is loaded by its prefix: {path.removesuffix('.index')}." if path.endswith(".index") else ""
            raise NotFoundError(None, None, f"{error.message}{hint}") from None


def _format(path: str, given: str | None) -> str:
    """The format, "tf" or "h5". Raises: ValueError for another, or one that contradicts the path."""
    if given is None:
        return "h5" if is_hdf5_path(path) else "tf"
    kind = _FORMATS.get(given.lower().strip())
    if kind is None:
        raise ValueError(f'Unknown format "{given}". Was expecting one of {{"tf", "h5"}}.')
    if kind == "tf" and is_hdf5_path(path):
        raise ValueError(
            f'save_weights got save_format="tf"/"tensorflow", but the filepath ("{path}") looks like an HDF5 file. Omit the ".h5"/".keras" when '
            "saving in TensorFlow format."
        )
    return kind


def may_replace(path: str) -> bool:
    """Ask on the console when a file is in the way."""
    if not os.path.isfile(path):
        return True
    answer = input(f"[WARNING] {path} already exists - overwrite? [y/n]").strip().lower()
    while answer not in {"y", "n"}:
        answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    return answer == "y"
