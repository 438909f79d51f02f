"""Concrete functions: a tf.function for one kind of arguments."""

from typing import Any, Protocol

import numpy as np

from millstream.core.dispatch import wrap
from millstream.core.spec import TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.graph.graph import VARIABLE, variable_of
from millstream.staging.arguments import Arguments, Binder
from millstream.staging.traced import Traced
from millstream.util import tree


class Owner(Protocol):
    """The function that a concrete one belongs to."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def function_spec(self) -> Binder:
        """How arguments are bound."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it."""

    def traced_for(self, arguments: Arguments) -> Traced | None:
        """The trace for these arguments."""


class ConcreteFunction:
    """A function for one kind of arguments: called with its tensors alone, in order or by the names of their parameters."""

    def __init__(self, owner: Owner, arguments: Arguments) -> None:
        self._owner, self._arguments = owner, arguments
        self._args, self._kwargs = arguments.fill(arguments.tensors)
        self._traced: Traced | None = None

    # ------------------------------------------------------------------ about it
    @property
    def name(self) -> str:
        """The function's name."""
        return self._owner.name

    @property
    def structured_input_signature(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments' specs: positional ones, keyword ones."""
        return tuple(_spec(a) for a in self._args), {k: _spec(v) for k, v in self._kwargs.items()}

    @property
    def inputs(self) -> list[TensorSpec]:
        """The specs of the tensors."""
        return [s for s in tree.flatten([*map(_spec, self._args), *map(_spec, self._kwargs.values())]) if isinstance(s, TensorSpec)]

    @property
    def structured_outputs(self) -> Any:
        """The results' specs. Raises: ValueError where a size of the arguments is unknown."""
        return self._trace().output_specs

    @property
    def outputs(self) -> list[Any]:
        """The results' specs in a row."""
        return tree.flatten(self.structured_outputs)

    @property
    def graph(self) -> Any:
        """The graph. Raises: ValueError where a size of the arguments is unknown."""
        return self._trace().graph

    @property
    def variables(self) -> list[Any]:
        """The variables that the graph reads or writes."""
        graph = self.graph
        found = {id(variable_of(n)): variable_of(n) for n in graph.live() if n.op is VARIABLE}
        return list({**found, **{id(v): v for v, _ in graph.updates}}.values())

    @property
    def trainable_variables(self) -> list[Any]:
        """The trainable ones among them."""
        return [v for v in self.variables if v.trainable]

    def pretty_printed_signature(self, verbose: bool = True) -> str:
        """The function's name and its arguments' specs."""
        return f"{self.name}({', '.join(map(str, self.inputs))})"

    def __repr__(self) -> str:
        return f"<ConcreteFunction {self.pretty_printed_signature()}>"

    # ------------------------------------------------------------------ running
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it on tensors. Raises: TypeError for another number of them."""
        specs = self.inputs
        given = [convert(a, hint=s.dtype) if not isinstance(a, Tensor) else a for a, s in zip(args, specs, strict=False)]
        names = self._names()
        named = {k: v for k, v in kwargs.items() if k in names}
        if len(args) + len(named) != len(specs):
            raise TypeError(
                f"{self.pretty_printed_signature()} takes {len(specs)} tensors ({', '.join(names)}); got {len(args)} and {sorted(kwargs)}."
            )
        given += [convert(named[n], hint=s.dtype) for n, s in list(zip(names, specs, strict=True))[len(given) :]]
        values = iter(given)
        args_again = [_with_tensors(a, values) for a in self._args]
        return self._owner(*args_again, **{k: _with_tensors(v, values) for k, v in self._kwargs.items()})

    def _names(self) -> list[str]:
        named = zip(self._arguments.names, [*self._args, *self._kwargs.values()], strict=False)
        leaves = [(name, leaf) for name, value in named for leaf in tree.flatten(value) if isinstance(leaf, (Tensor, TensorSpec))]
        return [(leaf.name if isinstance(leaf, TensorSpec) else None) or name for name, leaf in leaves]

    def trace_now(self) -> None:
        """Trace, if all sizes are known."""
        if all(s.shape.is_fully_defined() for s in self.inputs):
            self._trace()

    def _trace(self) -> Traced:
        if self._traced is None:
            for spec in self.inputs:
                if not spec.shape.is_fully_defined():
                    raise ValueError(f"{self.pretty_printed_signature()} has no graph yet: it is traced for each shape when called.")
            self._traced = self._traced_on_examples()
        return self._traced

    def _traced_on_examples(self) -> Traced:
        def example(spec: TensorSpec) -> Tensor:
            shape = tuple(n or 0 for n in spec.shape)
            return wrap(np.zeros(shape, spec.dtype.numpy) if shape else spec.dtype.numpy.type(0))

        values = iter([example(s) for s in self.inputs])
        args = tuple(_with_tensors(a, values) for a in self._args)
        kwargs = {k: _with_tensors(v, values) for k, v in self._kwargs.items()}
        traced = self._owner.traced_for(self._owner.function_spec.bind(args, kwargs))
        if traced is None:
            raise ValueError(f"{self.name} has no graph: it cannot be traced and runs op by op.")
        return traced


def _spec(value: Any) -> Any:
    if isinstance(value, Tensor):
        return TensorSpec(value.shape, value.dtype)
    return tree.map_structure(_spec, value) if tree.is_nested(value) else value


def _with_tensors(value: Any, tensors: Any) -> Any:
    if isinstance(value, (Tensor, TensorSpec)):
        return next(tensors)
    return tree.map_structure(lambda v: _with_tensors(v, tensors), value) if tree.is_nested(value) else value
