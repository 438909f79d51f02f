"""The tracer: run Python on tensors without values, and keep what it does as a graph.

A `GraphTensor` stands for a node. Ops on it add nodes; eager tensors met on the way become constants; variables are
inputs whose last assigned value is an output. Shapes are fully known: another batch size is another trace, which
shares its compiled kernels with the first.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from millstream.core.dispatch import STATE
from millstream.core.dtypes import DType
from millstream.core.op import Op
from millstream.core.spec import ArraySpec, TensorShape, known_shape
from millstream.core.tensor import Tensor, refuse_in_graph
from millstream.graph.graph import INPUT, ITEM, Graph, Node, Note

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class GraphTensor(Tensor):
    """A tensor of a traced function: it has shape and dtype, but no values yet."""

    __slots__ = ("_node", "_trace")
    _node: Node
    _trace: "Trace"
    _priority: ClassVar[int] = 1

    def __init__(self, trace: "Trace", node: Node) -> None:
        self._trace, self._node = trace, node

    @staticmethod
    def _dispatch(op: Op, tensors: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        trace = next(x._trace for x in tensors if isinstance(x, GraphTensor))
        now = STATE.trace
        return (now if now is not None and now.is_within(trace) else trace).emit(op, tensors, attrs)

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self._node.spec.dtype  # type: ignore[no-any-return]

    @property
    def shape(self) -> TensorShape:
        """The sizes."""
        return known_shape(self._node.spec.shape)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._node.spec.shape)

    @property
    def name(self) -> str:
        """A name for messages."""
        return f"{self._node.op.name}_{self._node.number}:0"

    @property
    def op(self) -> Any:
        """The node that makes this tensor."""
        return self._node

    @property
    def graph(self) -> Graph:
        """The graph being traced."""
        return self._trace.graph

    def numpy(self) -> Any:
        """Raises: AttributeError; there are no values."""
        raise AttributeError(
            "A tensor of a traced function has no values: .numpy() works on eager tensors only. Use tf.print, or run_eagerly=True."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise NotImplementedError(
            f"Cannot convert a symbolic Tensor ({self.name}) to a numpy array. This error may indicate that you're trying to pass a Tensor to a NumPy call, which is not supported"
        )

    def _one(self, what: str) -> Any:
        return refuse_in_graph(f"using a tensor as a Python {what}")

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("Scalar tensor has no `len()`")
        return int(self._node.spec.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise TypeError("Cannot iterate over a scalar tensor.")
        return (self[i] for i in range(len(self)))  # type: ignore[index]

    def __reduce__(self) -> Any:
        raise TypeError("A tensor of a traced function cannot be pickled: it has no values.")

    def __format__(self, spec: str) -> str:
        return str(self)

    def __str__(self) -> str:
        return f'Tensor("{self.name}", shape={self.shape}, dtype={self.dtype.name})'

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"


class Trace:
    """One run of a Python function on GraphTensors.

    random_ops counts the random ops without a seed (their number is their seed), random_calls all of them. streams holds
    the state of each; give it to the next trace of the same function, and its random numbers go on instead of starting anew.
    created lists the variables made meanwhile. has_own_gradients: tf.custom_gradient was used, which the graph does not show.
    """

    def __init__(self, graph: Graph | None = None) -> None:
        self.graph = Graph() if graph is None else graph
        self.layer = ""
        self.label_inputs: list[tuple[int, int]] = []  # (input, number of classes): its values are checked before running
        self.index_inputs: list[tuple[int, int]] = []  # (input, number of rows): the same for numbers of rows
        self.random_ops, self.random_calls = 0, 0
        self.streams: dict[Any, Any] = {}
        self.created: list[Any] = []
        self.has_own_gradients = False
        self._values: dict[int, tuple[Any, Tensor]] = {}
        self._assigned: dict[int, Any] = {}

    # ------------------------------------------------------------------ what the traced code does
    def input(self, spec: ArraySpec, name: str = "") -> GraphTensor:
        """A new input of the graph."""
        return GraphTensor(self, self.graph.input(spec, name))

    def read(self, variable: Any) -> Tensor:
        """The value of a variable at this point."""
        found = self._values.get(id(variable))
        if found is None:
            found = variable, GraphTensor(self, self.graph.variable(variable))
            self._values[id(variable)] = found
        return found[1]

    def assign(self, variable: Any, value: Tensor) -> None:
        """Give a variable a new value from this point on."""
        self._values[id(variable)] = variable, GraphTensor(self, self.node(value))
        self._assigned[id(variable)] = variable

    def emit(self, op: Op, tensors: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        """Add an op. Raises what the op raises for wrong shapes or dtypes."""
        nodes = tuple([self.node(x) for x in tensors])
        frozen = tuple(sorted(attrs.items()))
        spec = op.output_specs([n.spec for n in nodes], attrs)
        node = self.graph.add(op, nodes, frozen, spec, self._note())
        if type(spec) is tuple:
            return tuple(GraphTensor(self, self._item(node, i, s)) for i, s in enumerate(spec))
        return GraphTensor(self, node)

    def _item(self, node: Node, index: int, spec: ArraySpec) -> Node:
        return self.graph.add(ITEM, (node,), (("index", index),), spec)

    def node(self, x: Any) -> Node:
        """The node of a tensor; an eager one becomes a constant."""
        if isinstance(x, GraphTensor):
            if x._trace is not self:
                raise TypeError(
                    f"{x} belongs to another traced function. Return it from that function instead of keeping it in a list, attribute or global."
                )
            return x._node
        return self.graph.const(x._array, ArraySpec(tuple(x._array.shape), x.dtype))

    def _note(self) -> Note:
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
            frame = frame.f_back
        return Note(frame.f_code.co_filename, frame.f_lineno, self.layer)

    def require_labels(self, labels: Any, classes: int) -> None:
        """Note that an input, however cast or reshaped, holds class numbers below `classes`; other tensors are left alone."""
        index = self._input_behind(labels)
        if index is not None:
            self.label_inputs.append((index, classes))

    def require_indices(self, indices: Any, count: int) -> None:
        """Note that an input, however cast or reshaped, holds numbers of rows below `count`; other tensors are left alone."""
        index = self._input_behind(indices)
        if index is not None:
            self.index_inputs.append((index, count))

    def _input_behind(self, x: Any) -> int | None:
        node = self.node(x)
        while node.op.name in ("cast", "reshape", "identity", "transpose", "expand_dims"):
            node = node.inputs[0]
        return node.options["index"] if node.op is INPUT else None

    # ------------------------------------------------------------------ control flow
    def choose(self, pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
        """The result of one of two functions, by a traced condition. Raises: TypeError where their results are too different."""
        from millstream.graph.branches import choose

        return choose(pred, [lambda: [true_fn()], lambda: [false_fn()]], ["the result"])[0]

    def repeat(
        self, test: Callable[[list[Any]], Any], body: Callable[[list[Any]], list[Any]], state: list[Any], limit: int = -1
    ) -> list[Any]:
        """The state after rounds of body(state) as long as test(state)."""
        from millstream.graph.rounds import repeat

        return repeat(test, body, state, [f"loop variable {i}" for i in range(len(state))], limit=limit)

    # ------------------------------------------------------------------ around it
    def is_within(self, trace: "Trace") -> bool:
        """Whether this is the trace of a body of control flow inside the other."""
        parent = getattr(self, "parent", None)
        return parent is not None and (parent is trace or parent.is_within(trace))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make this the trace that ops, variables and random numbers see."""
        outer, STATE.trace = STATE.trace, self
        try:
            yield
        finally:
            STATE.trace = outer

    def finish(self, outputs: list[Tensor]) -> Graph:
        """The graph, with these outputs and the last value of every variable that was assigned."""
        self.graph.outputs = [self.node(x) for x in outputs]
        self.graph.updates = [(v, self.node(self._values[k][1])) for k, v in self._assigned.items()]
        return self.graph


def trace(function: Callable[..., Any], *specs: ArraySpec) -> Graph:
    """The graph of a function of tensors that returns a tensor or a list of tensors."""
    made = Trace()
    inputs = [made.input(s) for s in specs]
    with made.active():
        out = function(*inputs)
    return made.finish(list(out) if isinstance(out, (list, tuple)) else [] if out is None else [out])
