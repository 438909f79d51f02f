"""Lambda: any function of tensors as a layer."""

import base64
import inspect
import marshal
import sys
import types
from collections.abc import Callable
from typing import Any

from millstream.core.spec import TensorShape
from millstream.keras.layers.base import Layer
from millstream.keras.objects import get_registered_object
from millstream.util.export import export


@export("tf.keras.layers.Lambda")
class Lambda(Layer):
    """Wraps a function. Args: function(inputs, mask, training, **arguments), of which it takes what it names; output_shape; mask; arguments.

    >>> tf.keras.layers.Lambda(lambda x: x * 2)(tf.constant([3.0])).numpy().tolist()
    [6.0]
    """

    _passes: set[str]

    def __init__(
        self, function: Callable[..., Any], output_shape: Any = None, mask: Any = None, arguments: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda layer {self.name} needs a function; got {function!r}.")
        self.arguments, self.function, self._output_shape, self.mask = arguments or {}, function, output_shape, mask
        self.supports_masking = mask is not None
        names = inspect.signature(function).parameters if not isinstance(function, type) else {}
        vars(self)["_passes"] = {n for n in ("mask", "training") if n in names}

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        """The function."""
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{n: given[n] for n in self._passes})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """As said by output_shape, else by tracing the function."""
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return TensorShape(self._output_shape(input_shape))
        return TensorShape((TensorShape(input_shape)[0], *self._output_shape))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """As said by mask."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The arguments; a lambda as its byte code, which only the same version of Python reads."""
        function, kind = _dump(self.function)
        shape, shape_kind = _dump(self._output_shape) if callable(self._output_shape) else (self._output_shape, "raw")
        return {
            **super().get_config(),
            "function": function,
            "function_type": kind,
            "module": getattr(self.function, "__module__", None),
            "output_shape": shape,
            "output_shape_type": shape_kind,
            "output_shape_module": getattr(self._output_shape, "__module__", None),
            "arguments": self.arguments,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> "Lambda":
        """A layer of its configuration. Raises: ValueError for a function by a name that nobody knows."""
        plain = dict(config)
        module, kind = plain.pop("module", None), plain.pop("function_type")
        shape_module, shape_kind = plain.pop("output_shape_module", None), plain.pop("output_shape_type")
        plain["function"] = _load(plain["function"], kind, module, custom_objects)
        if shape_kind != "raw":
            plain["output_shape"] = _load(plain["output_shape"], shape_kind, shape_module, custom_objects)
        return cls(**plain)


def _dump(function: Any) -> tuple[Any, str]:
    if isinstance(function, types.LambdaType) and function.__name__ == "<lambda>":
        code = base64.b64encode(marshal.dumps(function.__code__)).decode()
        closure = tuple(c.cell_contents for c in function.__closure__) if function.__closure__ else None
        return (code, function.__defaults__, closure), "lambda"
    return getattr(function, "__name__", type(function).__name__), "function"


def _load(function: Any, kind: str, module: str | None, custom_objects: dict[str, Any] | None) -> Any:
    names = vars(sys.modules[module]) if module in sys.modules else {}
    if kind == "lambda":
        code, defaults, closure = function
        cells = tuple(types.CellType(value) for value in closure) if closure else None
        compiled = marshal.loads(base64.b64decode(code))  # noqa: S302  (a model of the user's own, as Keras has it)
        return types.FunctionType(compiled, dict(names), "<lambda>", tuple(defaults) if defaults else None, cells)
    found = get_registered_object(function, custom_objects, names)
    if found is None:
        raise ValueError(f"The function {function!r} of a Lambda layer is not known; pass custom_objects={{{function!r}: the function}}.")
    return found
