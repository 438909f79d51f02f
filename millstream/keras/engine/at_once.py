"""`model(x)` on values, in one native call: for models that are nothing but built-in layers.

Their forward pass has no side effects, so it may be traced once per shape and run as compiled code. The first call with a
shape runs layer by layer; only the second one pays for compiling. Under a tape, in a trace, in training mode, and for
models with code of the user's, layers run one by one as always.
"""

import importlib.util
from typing import Any

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.dtypes import OF_NUMPY
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor
from millstream.graph.trace import Trace
from millstream.keras.backend.session import fixed_learning_phase
from millstream.passes.joins import COMPILED
from millstream.runtime.executable import Executable
from millstream.util import tree
from millstream.util.flags import flag

SHAPES = 64  # a model that is called with more shapes than this is not worth compiling for each


def call(model: Any, x: Any) -> Any:
    """The outputs for one array or tensor, or None when the layers must be called one by one."""
    array = x._array if type(x) is Tensor else x
    if type(array) is not np.ndarray or not array.size:
        return None
    known: dict[Any, Any] = model._compiled_calls()
    key = array.shape, array.dtype.char
    entry = known.get(key)
    if entry is None:
        if len(known) < SHAPES:
            known[key] = _maybe(model) and OF_NUMPY.get(array.dtype) is not None and OF_NUMPY[array.dtype].name in COMPILED
        return None
    if entry is True:
        entry = known[key] = _compile(model, ArraySpec(array.shape, OF_NUMPY[array.dtype]))
    if entry is False:
        return None
    executable, structure = entry
    found = [wrap(a) for a in executable(array)]
    return found[0] if structure is None else tree.pack(structure, found)


def _maybe(model: Any) -> bool:
    """Whether the model is made of built-in layers alone, none of which has losses of its own or runs the user's code."""
    if (
        flag("MILLSTREAM_EAGER")
        or importlib.util.find_spec("llvmlite") is None
        or fixed_learning_phase() is not None
        or not model.built
        or model.losses
    ):
        return False
    return all(_is_plain(layer) for layer in model._flatten_layers())


def _is_plain(layer: Any) -> bool:
    return type(layer).__module__.startswith("millstream.") and type(layer).__name__ not in ("Lambda", "Model") and not layer.dynamic


def _compile(model: Any, spec: ArraySpec) -> Any:
    """The executable of the forward pass and the nesting of its outputs (None: one tensor); False when it cannot be compiled."""
    trace = Trace()
    x = trace.input(spec)
    try:
        with trace.active():
            result = model._call_layers(x)
    except Exception:  # noqa: BLE001  (layer by layer, the same mistake shows itself with its values)
        return False
    leaves = tree.flatten(result)
    if trace.random_calls or not all(isinstance(leaf, Tensor) for leaf in leaves):
        return False
    graph = trace.finish(leaves)
    return False if graph.updates else (Executable(graph), None if isinstance(result, Tensor) else result)
