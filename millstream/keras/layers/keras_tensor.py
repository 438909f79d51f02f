"""KerasTensor: a tensor of a model being drawn up. It has a shape (None where unknown), a dtype and a history: which layer made it.

Calling a layer on Keras tensors makes a `Node`; the nodes between inputs and outputs are a functional model.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

from millstream.core.dtypes import DType
from millstream.core.op import Op
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor
from millstream.util import tree

_SYMBOLIC = (
    "You may be trying to pass Keras symbolic inputs/outputs to something that needs values (Python's if, len, float, a NumPy function). "
    "Put that code into a custom layer's `call`, or into a Lambda layer."
)


class History(NamedTuple):
    """Where a Keras tensor comes from."""

    layer: Any
    node_index: int
    tensor_index: int


class Hook:
    """How an op on Keras tensors becomes a layer; installed by the op layers."""

    op: Callable[[Op, tuple[Any, ...], dict[str, Any]], Any]
    method: Callable[[str, tuple[Any, ...]], Any]
    on_first: Callable[[], None] | None = None


class KerasTensor(Tensor):
    """A tensor without values, from `tf.keras.Input` or from a layer called on such tensors."""

    __slots__ = ("_dtype", "_keras_history", "_shape", "name")
    _priority: ClassVar[int] = 2
    _keras_history: History

    def __init__(self, shape: Any, dtype: DType, name: str | None = None) -> None:
        if Hook.on_first is not None:
            install, Hook.on_first = Hook.on_first, None
            install()
        self._shape, self._dtype, self.name = TensorShape(shape), dtype, name

    @staticmethod
    def _dispatch(op: Op, tensors: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        return Hook.op(op, tensors, attrs)

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self._dtype

    @property
    def shape(self) -> TensorShape:
        """The sizes, None where unknown."""
        return self._shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self._shape)

    @property
    def type_spec(self) -> Any:
        """Shape and dtype as a TensorSpec."""
        from millstream.core.spec import TensorSpec

        return TensorSpec(self._shape, self._dtype, self.name)

    def numpy(self) -> Any:
        """Raises: AttributeError; there are no values."""
        raise AttributeError(f"'KerasTensor' object has no attribute 'numpy': it has no values. {_SYMBOLIC}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(f"Cannot convert a symbolic Keras input/output to a numpy array. {_SYMBOLIC}")

    def __len__(self) -> int:
        raise TypeError(f"Keras symbolic inputs/outputs do not implement `__len__`. {_SYMBOLIC}")

    def _one(self, what: str) -> Any:
        raise TypeError(f"Keras symbolic inputs/outputs have no {what}. {_SYMBOLIC}")

    def __iter__(self) -> Iterator[Tensor]:
        if not len(self._shape):
            raise TypeError("Cannot iterate over a scalar.")
        if self._shape[0] is None:
            raise TypeError("Cannot iterate over a Tensor with unknown first dimension.")
        return (self[i] for i in range(self._shape[0]))  # type: ignore[index]

    def __hash__(self) -> int:
        raise TypeError(f"Tensors are unhashable. ({self})Instead, use tensor.ref() as the key.")

    def __reduce__(self) -> Any:
        raise TypeError("A Keras tensor cannot be pickled: it has no values.")

    def __deepcopy__(self, memo: Any) -> "KerasTensor":
        return self

    def __format__(self, spec: str) -> str:
        return str(self)

    def _made_by(self) -> str:
        history = getattr(self, "_keras_history", None)
        return f"created by layer '{history.layer.name}'" if history else "created by no layer"

    def __str__(self) -> str:
        return f'KerasTensor(type_spec={self.type_spec}, name={self.name!r}, description="{self._made_by()}")'

    def __repr__(self) -> str:
        return f"<KerasTensor: shape={self._shape} dtype={self._dtype.name} ({self._made_by()})>"


def _install_methods() -> None:
    """Python's operators on Keras tensors become layers as well, under the names that Keras prints."""
    for name in [
        "__add__",
        "__radd__",
        "__sub__",
        "__rsub__",
        "__mul__",
        "__rmul__",
        "__truediv__",
        "__rtruediv__",
        "__floordiv__",
        "__rfloordiv__",
        "__mod__",
        "__rmod__",
        "__pow__",
        "__rpow__",
        "__matmul__",
        "__rmatmul__",
        "__neg__",
        "__abs__",
        "__invert__",
        "__and__",
        "__rand__",
        "__or__",
        "__ror__",
        "__xor__",
        "__rxor__",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
        "__eq__",
        "__ne__",
        "__getitem__",
    ]:
        setattr(KerasTensor, name, _method(name))


def _method(name: str) -> Callable[..., Any]:
    def method(*args: Any) -> Any:
        return Hook.method(name, args)

    method.__name__ = name
    return method


_install_methods()


def is_symbolic(x: Any) -> bool:
    """Whether it is a Keras tensor."""
    return isinstance(x, KerasTensor)


def holds_symbolic(*trees: Any) -> bool:
    """Whether Keras tensors stand anywhere in these arguments."""
    return any(isinstance(x, KerasTensor) for t in trees for x in tree.flatten(t))


class Node:
    """One call of a layer on Keras tensors: the arguments, and the Keras tensors that came out."""

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self.layer, self.args, self.kwargs, self.outputs = layer, args, kwargs, outputs
        self.inputs: list[Any] = [x for x in tree.flatten([args, kwargs]) if isinstance(x, KerasTensor)]
        self.index = len(layer._inbound_nodes)
        layer._inbound_nodes.append(self)
        for x in self.inputs:
            x._keras_history.layer._outbound_nodes.append(self)
        for i, x in enumerate(tree.flatten(outputs)):
            x._keras_history = History(layer, self.index, i)

    @property
    def is_input(self) -> bool:
        """Whether it is the node of an input layer."""
        return not self.inputs

    @property
    def parents(self) -> list["Node"]:
        """The nodes that made the inputs."""
        return [node_of(x) for x in self.inputs]

    @property
    def call_inputs(self) -> Any:
        """The first argument of the call: a Keras tensor or a structure of them."""
        return self.args[0] if self.args else next(iter(self.kwargs.values()), None)

    @property
    def input_shapes(self) -> Any:
        """The shapes of the inputs in their structure, as tuples."""
        return _shapes(self.call_inputs)

    @property
    def output_shapes(self) -> Any:
        """The shapes of the outputs in their structure, as tuples."""
        return _shapes(self.outputs)


def _shapes(x: Any) -> Any:
    return tree.map_structure(lambda t: tuple(t.shape) if hasattr(t, "shape") else None, x)


def node_of(x: Any) -> Node:
    """The node that made a Keras tensor."""
    history = x._keras_history
    node: Node = history.layer._inbound_nodes[history.node_index]
    return node
