"""tf functions and operators on Keras tensors become layers: `tf.nn.relu(h) * 2` in a functional model.

The public functions are wrapped when the first Keras tensor is made (programs without any pay nothing): given a Keras
tensor, the whole function becomes one layer, so that unknown sizes never meet its shape arithmetic. An op that is reached
by another way becomes a layer by itself.
"""

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any

import millstream.ops
from millstream.core.dispatch import execute
from millstream.core.op import Op
from millstream.keras.backend.names import unique_object_name
from millstream.keras.layers.base import Layer
from millstream.keras.layers.keras_tensor import Hook, KerasTensor
from millstream.keras.layers.signature import CallSignature
from millstream.util import export as table
from millstream.util.export import export

_V1 = frozenset(
    ("gather", "pad", "shape", "size", "squeeze", "transpose", "rank", "reverse_sequence", "strings.length", "scatter_nd_update")
)
_FAMILIES = ("math.", "linalg.", "nn.")


@export("tf.keras.layers.TFOpLambda")
class TFOpLambda(Layer):
    """One tf function as a layer. Args: function; its public name without "tf."; the layer's name."""

    function: Any
    symbol: str

    def __init__(self, function: Any, name: str | None = None, symbol: str = "", **kwargs: Any) -> None:
        if isinstance(function, str):
            symbol, function = function, _function_of(function)
        label = symbol or getattr(function, "__name__", "lambda")
        super().__init__(name=name or unique_object_name(f"tf.{label}", zero_based=True), autocast=False, **kwargs)
        vars(self).update(function=function, symbol=label, built=True, _signature=CallSignature(self.call))
        self._signature.expects_training = self._signature.expects_mask = False

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The function."""
        return self.function(*args, **kwargs)

    def _as_inputs(self, inputs: Any) -> Any:
        return inputs

    def _as_input(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        """Name and function."""
        return {**super().get_config(), "function": self.symbol}


class SlicingOpLambda(TFOpLambda):
    """Indexing as a layer."""


def _slice(x: Any, key: Any) -> Any:
    return x[key]


_METHODS: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("__operators__.add", operator.add),
    "sub": ("math.subtract", operator.sub),
    "mul": ("math.multiply", operator.mul),
    "truediv": ("math.truediv", operator.truediv),
    "floordiv": ("compat.v1.floor_div", operator.floordiv),
    "mod": ("math.floormod", operator.mod),
    "pow": ("math.pow", operator.pow),
    "matmul": ("linalg.matmul", operator.matmul),
    "neg": ("math.negative", operator.neg),
    "abs": ("math.abs", operator.abs),
    "invert": ("math.logical_not", operator.invert),
    "and": ("math.logical_and", operator.and_),
    "or": ("math.logical_or", operator.or_),
    "xor": ("math.logical_xor", operator.xor),
    "lt": ("math.less", operator.lt),
    "le": ("math.less_equal", operator.le),
    "gt": ("math.greater", operator.gt),
    "ge": ("math.greater_equal", operator.ge),
    "eq": ("__operators__.eq", operator.eq),
    "ne": ("__operators__.ne", operator.ne),
    "getitem": ("__operators__.getitem", _slice),
}


def _function_of(symbol: str) -> Callable[..., Any]:
    """The function of a public name, when a model is read from its configuration."""
    for name, function in _METHODS.values():
        if name == symbol:
            return function
    found: Any = table.space("")
    for part in symbol.removeprefix("compat.v1.").split("."):
        found = getattr(found, part)
    return getattr(found, "__wrapped__", found)  # type: ignore[no-any-return]


def _on_method(name: str, args: tuple[Any, ...]) -> Any:
    word = name.strip("_")
    swapped = word not in _METHODS and word.startswith("r")
    symbol, function = _METHODS[word[1:] if swapped else word]
    kind = SlicingOpLambda if function is _slice else TFOpLambda
    return kind(function, symbol=symbol)(*(args[::-1] if swapped else args))


def _on_op(op: Op, tensors: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
    return TFOpLambda(lambda *xs: execute(op, xs, attrs), symbol=_symbol(list(op.public) or [f"tf.math.{op.name}"]))(*tensors)


def _symbol(names: list[str]) -> str:
    """The name that TensorFlow's own listing puts first, without "tf."."""
    plain = [n.removeprefix("tf.") for n in names]
    for n in plain:
        if n.startswith(_FAMILIES):
            return n
    shortest = min(plain, key=lambda n: (n.count("."), len(n)))
    return f"compat.v1.{shortest}" if shortest in _V1 else shortest


def _wrap_public_functions() -> None:
    """Let every public function of the ops look for Keras tensors among its arguments."""
    names: dict[int, list[str]] = {}
    found: dict[str, Any] = {}
    for name, thing in table.exported().items():
        if inspect.isfunction(thing) and thing.__module__.startswith(millstream.ops.__name__):
            names.setdefault(id(thing), []).append(name)
            found[name] = thing
    made: dict[int, Any] = {}
    for name, thing in found.items():
        made.setdefault(id(thing), _looking(thing, _symbol(names[id(thing)])))
        found[name] = made[id(thing)]
    table.replace(found)


def _looking(function: Callable[..., Any], symbol: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def look(*args: Any, **kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()):
            if isinstance(x, KerasTensor) or (isinstance(x, (list, tuple)) and any(isinstance(v, KerasTensor) for v in x)):
                bound = inspect.signature(function).bind(*args, **kwargs)
                return TFOpLambda(function, symbol=symbol)(*bound.args, **bound.kwargs)
        return function(*args, **kwargs)

    return look


Hook.op, Hook.method, Hook.on_first = staticmethod(_on_op), staticmethod(_on_method), _wrap_public_functions
