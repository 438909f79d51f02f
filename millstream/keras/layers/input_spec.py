"""InputSpec: what a layer demands of its inputs, and the check of it."""

from collections.abc import Mapping
from typing import Any

from millstream.core.dtypes import as_dtype
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor
from millstream.core.variable import Variable
from millstream.util import tree
from millstream.util.export import export


@export("tf.keras.layers.InputSpec")
class InputSpec:
    """Demands on one input. Args: dtype, shape, ndim, max_ndim, min_ndim; axes, a dictionary of axis -> size.

    >>> tf.keras.layers.InputSpec(min_ndim=2, axes={-1: 4})
    InputSpec(min_ndim=2, axes={-1: 4})
    """

    def __init__(
        self, dtype: Any = None, shape: Any = None, ndim: int | None = None, max_ndim: int | None = None, min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None, allow_last_axis_squeeze: bool = False, name: str | None = None,
    ) -> None:  # fmt: skip
        self.dtype = None if dtype is None else as_dtype(dtype).name
        known = None if shape is None else TensorShape(shape)
        self.shape = None if known is None or known.rank is None else tuple(known)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim, self.name = max_ndim, min_ndim, name
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self._check_axes()

    def _check_axes(self) -> None:
        limit = self.ndim or self.max_ndim
        if self.axes and limit is not None and max(self.axes) > limit - 1:
            raise ValueError(f"Axis {max(self.axes)} is greater than the maximum allowed value: {limit - 1}")

    def __repr__(self) -> str:
        shown = [(n, getattr(self, n)) for n in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")]
        return f"InputSpec({', '.join(f'{n}={v}' for n, v in shown if v)})"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal one."""
        return {n: getattr(self, n) for n in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InputSpec":
        """An InputSpec of its configuration."""
        return cls(**config)


def check_inputs(spec: Any, inputs: Any, layer: str) -> None:
    """Check a layer's inputs. Raises: ValueError or TypeError, naming the layer, what it expected and what came."""
    specs = tree.flatten(spec)
    leaves = _named(spec, inputs)
    for x in leaves:
        if not isinstance(x, (Tensor, Variable)):
            raise TypeError(f"Inputs to a layer should be tensors. Got: {x}, in layer {layer}.")
    if len(leaves) != len(specs):
        raise ValueError(
            f"Layer {layer} expects {len(specs)} input(s), but it received {len(leaves)} input tensors, of shapes {[tuple(x.shape) for x in leaves]}."
            f"{' A list stands for several inputs: make an array of it first.' if len(specs) == 1 else ''}"
        )
    for i, (one, x) in enumerate(zip(specs, leaves, strict=True)):
        if one is not None:
            _check(one, tuple(x.shape), x.dtype.name, f"Input {i} of layer {layer} is incompatible with the layer: ")


def _named(spec: Any, inputs: Any) -> list[Any]:
    """The leaves in the specs' order: dictionaries are matched by the specs' names."""
    names = [s.name for s in tree.flatten(spec) if s is not None]
    if isinstance(inputs, Mapping) and names and all(names):
        missing = [n for n in names if n not in inputs]
        if missing:
            raise ValueError(
                f"Missing data for input {missing[0]!r}. You passed a data dictionary with keys {list(inputs)}. Expected the following keys: {names}"
            )
        return [inputs[n] for n in names]
    return tree.flatten(inputs)


def _check(spec: InputSpec, shape: tuple[int | None, ...], dtype: str, where: str) -> None:
    ndim, full = len(shape), f"Full shape received: {shape}"
    if spec.ndim is not None and not spec.allow_last_axis_squeeze and ndim != spec.ndim:
        raise ValueError(f"{where}expected ndim={spec.ndim}, found ndim={ndim}. {full}")
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        raise ValueError(f"{where}expected max_ndim={spec.max_ndim}, found ndim={ndim}. {full}")
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        raise ValueError(f"{where}: expected min_ndim={spec.min_ndim}, found ndim={ndim}. {full}")
    if spec.dtype is not None and dtype != spec.dtype:
        raise ValueError(f"{where}expected dtype={spec.dtype}, found dtype={dtype}")
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in {size, None}:
            raise ValueError(f"{where}expected axis {axis} of input shape to have value {size} but received input with shape {shape}")
    if spec.shape is not None and not _fits(spec, shape):
        raise ValueError(f"{where}expected shape={spec.shape}, found shape={shape}")


def _fits(spec: InputSpec, shape: tuple[int | None, ...]) -> bool:
    assert spec.shape is not None
    wanted = spec.shape
    if spec.allow_last_axis_squeeze and len(shape) != len(wanted):
        if wanted and wanted[-1] == 1:
            wanted = wanted[:-1]
        elif shape and shape[-1] == 1:
            shape = shape[:-1]
    return len(wanted) == len(shape) and all(None in (a, b) or a == b for a, b in zip(wanted, shape, strict=True))
