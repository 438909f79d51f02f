"""The user's functions of elements: called eagerly, with random numbers as in a graph of their own; and what they return, known beforehand."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from millstream.core.dispatch import STATE, eagerly
from millstream.core.spec import ArraySpec, TensorShape, TensorSpec
from millstream.core.tensor import Tensor, convert
from millstream.data import nested, specs
from millstream.graph.trace import Trace
from millstream.ops.random.seeds import Numbering

STAND_INS = 5, 7  # sizes that stand for an unknown one when a function is traced: where results differ, so does the size


def is_dataset(x: Any) -> bool:
    """Whether this is a data set (their class stands above this file)."""
    return hasattr(x, "element_spec")


class ElementFunction:
    """A function of elements. A tuple's items are its arguments; a list it returns counts as a tuple.

    `begin` starts a pass: random numbers begin anew with each, as TensorFlow's do.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.first = function, Numbering()

    def begin(self) -> Callable[[Any], Any]:
        """The function of one pass: from an element to nested tensors."""
        numbering = Numbering()
        numbering.seed = self.first.seed
        return lambda element: self._call(numbering, element)

    def _call(self, numbering: Numbering, element: Any) -> Any:
        tapes, trace, STATE.tapes, STATE.trace = STATE.tapes, STATE.trace, (), None
        outer = numbering.enter()
        try:
            return as_element(self.apply(element))
        finally:
            numbering.leave(outer)
            STATE.tapes, STATE.trace = tapes, trace

    def apply(self, element: Any) -> Any:
        """The bare call."""
        return self.function(*element) if type(element) is tuple else self.function(element)

    def spec(self, spec: Any, stand_in: Callable[[Any], Any]) -> Any:
        """The spec of what it returns, by tracing it. stand_in: makes an empty data set of a spec. Raises: what the function raises."""
        unknown = [s for s in nested.flatten(spec) if isinstance(s, TensorSpec) and s.shape.rank is None]
        if unknown:
            raise ValueError(f"An element of unknown rank cannot be traced: {unknown[0]}.")
        found = [self._traced(spec, size, stand_in) for size in STAND_INS]
        return nested.map_leaves(_agreeing, *found)

    def _traced(self, spec: Any, size: int, stand_in: Callable[[Any], Any]) -> Any:
        trace = Trace()

        def example(leaf: Any) -> Any:
            if not isinstance(leaf, TensorSpec):
                return stand_in(leaf)
            return trace.input(ArraySpec(tuple(size if n is None else n for n in leaf.shape), leaf.dtype))

        with ExitStack() as stack:
            stack.enter_context(eagerly())
            stack.enter_context(trace.active())
            result = as_element(self.apply(nested.map_leaves(example, spec)))
            return nested.map_leaves(specs.spec_of, result)


def _agreeing(a: Any, b: Any) -> Any:
    return TensorSpec(_common(a.shape, b.shape), a.dtype) if isinstance(a, TensorSpec) else a


def _common(a: TensorShape, b: TensorShape) -> TensorShape:
    return a.most_specific_compatible_shape(b)


def as_element(result: Any) -> Any:
    """What a function returned as an element: its leaves become tensors, data sets stay."""
    if type(result) is Tensor or (type(result) is tuple and all(type(x) is Tensor for x in result)):
        return result  # the usual case, quickly
    if isinstance(result, list):
        result = tuple(result)
    return nested.map_leaves(lambda x: x if x is None or is_dataset(x) else convert(x), result)
