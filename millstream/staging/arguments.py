"""Arguments of traced functions: taken apart into tensors and a template, with a key that says when another trace is needed.

Tensors and arrays count by shape and dtype, Python's numbers and strings by value, other objects by identity.
"""

import enum
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from millstream.core.dtypes import DType
from millstream.core.spec import TensorShape, TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.util import tree

BY_VALUE = (bool, int, float, complex, str, bytes, type(None), DType, TensorShape, TensorSpec, enum.Enum, type)


class Slot:
    """Stands for the tensor with this number."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


class Arguments:
    """One call's arguments, bound to the function's parameters."""

    def __init__(self, names: list[str], values: list[Any], starred: Callable[[list[Any]], tuple[list[Any], dict[str, Any]]]) -> None:
        self.tensors: list[Tensor] = []
        self.names, self._starred = names, starred
        parts = [self._encode(v) for v in values]
        self.keys = tuple([k for k, _ in parts])
        self._templates = [t for _, t in parts]

    def fill(self, tensors: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments and keyword arguments with other tensors in their places."""
        return self._starred([_filled(t, tensors) for t in self._templates])

    def slot_names(self) -> list[str]:
        """For each tensor the parameter that it came in."""
        found = [""] * len(self.tensors)
        for name, template in zip(self.names, self._templates, strict=True):
            for slot in _slots(template):
                found[slot.index] = name
        return found

    def _encode(self, x: Any) -> tuple[Any, Any]:
        """The key and the template of a value."""
        if isinstance(x, (np.ndarray, np.generic)):
            x = convert(x)
        if isinstance(x, Tensor):
            self.tensors.append(x)
            return (x.dtype, tuple(x.shape)), Slot(len(self.tensors) - 1)
        if isinstance(x, BY_VALUE):
            return (type(x), x if type(x) is not float or x else str(x)), x  # 0.0 and -0.0 are equal, yet divide differently
        if isinstance(x, Variable):
            return ("variable", id(x)), x
        if isinstance(x, Mapping) and type(x) is dict:
            parts = {k: self._encode(v) for k, v in x.items()}
            return ("dict", tuple((k, p[0]) for k, p in parts.items())), {k: p[1] for k, p in parts.items()}
        if isinstance(x, (list, tuple)):
            encoded = [self._encode(v) for v in x]
            items = [t for _, t in encoded]
            template = type(x)(*items) if hasattr(x, "_fields") else tuple(items) if isinstance(x, tuple) else items
            return (type(x), tuple(k for k, _ in encoded)), template
        return ("object", id(x)), x


def _filled(template: Any, tensors: list[Any]) -> Any:
    if isinstance(template, Slot):
        return tensors[template.index]
    if type(template) is dict:
        return {k: _filled(v, tensors) for k, v in template.items()}
    if isinstance(template, (list, tuple)) and not isinstance(template, TensorShape):
        items = [_filled(v, tensors) for v in template]
        return type(template)(*items) if hasattr(template, "_fields") else tuple(items) if isinstance(template, tuple) else items
    return template


def _slots(template: Any) -> list[Slot]:
    return [x for x in tree.flatten(template) if isinstance(x, Slot)]


class Binder:
    """Binds calls of a function to its parameters, under an input signature if there is one."""

    def __init__(self, function: Callable[..., Any], input_signature: Any) -> None:
        self.signature = _signature_of(function)
        self.input_signature = None if input_signature is None else tuple(input_signature)
        for spec in tree.flatten(self.input_signature) if self.input_signature is not None else ():
            if not isinstance(spec, TensorSpec):
                raise TypeError(
                    f"Invalid input_signature {input_signature!r}; input_signature must be a possibly nested sequence of TensorSpec objects."
                )

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        """The arguments of one call. Raises: TypeError as Python does; ValueError for what does not fit the input signature."""
        if self.signature is None:
            names = [*(f"argument {i}" for i in range(len(args))), *kwargs]
            return Arguments(names, [*args, *kwargs.values()], lambda v: (v[: len(args)], dict(zip(kwargs, v[len(args) :], strict=True))))
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if self.input_signature is not None:
            self._impose(bound)
        names = list(bound.arguments)

        def starred(values: list[Any]) -> tuple[list[Any], dict[str, Any]]:
            again = inspect.BoundArguments(self.signature, dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
            return list(again.args), dict(again.kwargs)

        return Arguments(names, list(bound.arguments.values()), starred)

    def kind_key(self, arguments: Arguments) -> Any:
        """What makes another trace in TensorFlow's eyes: under an input signature shapes do not."""
        if self.input_signature is None or (self.signature is not None and any(self._is_starred(n) for n in self.signature.parameters)):
            return arguments.keys
        return arguments.keys[len(self.input_signature) :]

    def _impose(self, bound: inspect.BoundArguments) -> None:
        """Convert what the input signature names to its dtypes."""
        places = [(n, i) for n, v in bound.arguments.items() for i in (range(len(v)) if self._is_starred(n) else [None])]
        specs = self.input_signature or ()
        if len(places) < len(specs):
            raise TypeError(f"The input_signature has {len(specs)} specs, but the call gives {len(places)} arguments.")
        for (name, index), spec in zip(places, specs, strict=False):
            value = bound.arguments[name] if index is None else bound.arguments[name][index]
            fitted = _fitting(value, spec, name)
            if index is None:
                bound.arguments[name] = fitted
            else:
                bound.arguments[name] = (*bound.arguments[name][:index], fitted, *bound.arguments[name][index + 1 :])

    def _is_starred(self, name: str) -> bool:
        assert self.signature is not None
        return self.signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL


def _signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def _fitting(value: Any, spec: Any, name: str) -> Any:
    """A value as its spec wants it. Raises: ValueError."""
    if not isinstance(spec, TensorSpec):
        try:
            tree.assert_same_structure(value, spec, check_types=False)
        except (ValueError, TypeError):
            raise ValueError(
                f"Structure of Python function inputs does not match input_signature:\n  {name}: {value!r}\n  input_signature: {spec!r}"
            ) from None
        return tree.pack(value, [_fitting(v, s, name) for v, s in zip(tree.flatten(value), tree.flatten(spec), strict=True)])
    if isinstance(value, TensorSpec):
        return value
    try:
        tensor = value if isinstance(value, Tensor) else convert(value, hint=spec.dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Python inputs incompatible with input_signature: {name} = {value!r} cannot become {spec} ({error}).") from None
    if tensor.dtype is not spec.dtype or not spec.shape.is_compatible_with(tensor.shape):
        raise ValueError(
            f"Python inputs incompatible with input_signature:\n  inputs: {name} = {tensor}\n  input_signature: {spec}\n"
            "Convert the argument, or widen the signature (None stands for any size)."
        )
    return tensor
