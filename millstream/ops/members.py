"""Members of variables that are written with ops: gather_nd, the scatter family, and a few that TensorFlow 1 programs ask for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.ops.array import gather
from millstream.ops.array.shape import expand_dims


def _parts(sparse_delta: Any) -> tuple[Any, Any]:
    """Indices as rows, and values, of IndexedSlices."""
    return expand_dims(convert(sparse_delta.indices), -1), convert(sparse_delta.values)


def _scatter(name: str, says: str, change: Callable[..., Any]) -> None:
    def by_slices(self: Variable, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Variable:
        indices, values = _parts(sparse_delta)
        return self.assign(change(self.read_value(), indices, values))

    by_slices.__name__, by_slices.__doc__ = name, f"{says} Args: sparse_delta, an IndexedSlices."
    setattr(Variable, name, by_slices)


def _multiplied(x: Tensor, indices: Any, values: Any) -> Any:
    return gather.tensor_scatter_nd_update(x, indices, gather.gather_nd(x, indices) * values)


def _divided(x: Tensor, indices: Any, values: Any) -> Any:
    return gather.tensor_scatter_nd_update(x, indices, gather.gather_nd(x, indices) / values)


_scatter("scatter_update", "Replace rows.", gather.tensor_scatter_nd_update)
_scatter("scatter_add", "Add to rows.", gather.tensor_scatter_nd_add)
_scatter("scatter_sub", "Subtract from rows.", gather.tensor_scatter_nd_sub)
_scatter("scatter_max", "The larger of each row and another.", gather.tensor_scatter_nd_max)
_scatter("scatter_min", "The smaller of each row and another.", gather.tensor_scatter_nd_min)
_scatter("scatter_mul", "Multiply rows; each may be named once.", _multiplied)
_scatter("scatter_div", "Divide rows; each may be named once.", _divided)


def _gather_nd(self: Variable, indices: Any, name: str | None = None) -> Any:
    """The parts at these places, as tf.gather_nd."""
    return gather.gather_nd(self.read_value(), indices)


def _sparse_read(self: Variable, indices: Any, name: str | None = None) -> Any:
    """The rows at these places, as tf.gather."""
    return gather.gather(self.read_value(), indices)


def _scatter_nd_by(change: Callable[..., Any], says: str) -> Any:
    def scatter(self: Variable, indices: Any, updates: Any, name: str | None = None) -> Variable:
        return self.assign(change(self.read_value(), indices, updates))

    scatter.__doc__ = says
    return scatter


def _load(self: Variable, value: Any, session: Any = None) -> None:
    """Replace the value, as programs of TensorFlow 1 do."""
    self.assign(value)


def _complex(self: Variable) -> complex:
    return complex(np.asarray(self.numpy()).item())


def _added(self: Variable, other: Any) -> Any:
    return self + other


for _name, _member in {
    "gather_nd": _gather_nd,
    "sparse_read": _sparse_read,
    "load": _load,
    "scatter_nd_update": _scatter_nd_by(gather.tensor_scatter_nd_update, "Replace parts, as tf.tensor_scatter_nd_update."),
    "scatter_nd_add": _scatter_nd_by(gather.tensor_scatter_nd_add, "Add to parts, as tf.tensor_scatter_nd_add."),
    "scatter_nd_sub": _scatter_nd_by(gather.tensor_scatter_nd_sub, "Subtract from parts, as tf.tensor_scatter_nd_sub."),
    "__complex__": _complex,
    "__iadd__": _added,
}.items():
    setattr(Variable, _name, _member)
