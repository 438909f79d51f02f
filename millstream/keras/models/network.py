"""Network: the calls of layers between a model's inputs and outputs, in an order in which they can be run.

Nodes are ordered by depth, the longest way to an output; that order also numbers the layers, as Keras does.
"""

from typing import Any, NamedTuple

from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.keras.layers.input import InputLayer
from millstream.keras.layers.input_spec import InputSpec
from millstream.keras.layers.keras_tensor import KerasTensor, Node, node_of
from millstream.ops.array.creation import cast
from millstream.ops.array.shape import expand_dims, squeeze
from millstream.util import tree


class _Step(NamedTuple):
    """One call. `source` is the slot of the only argument, -1 when args and kwargs (with slots in them) say more."""

    layer: Any
    source: int
    args: Any
    kwargs: Any
    target: int
    targets: tuple[int, ...]


class _Slot(int):
    """The place of a tensor within arguments that also hold other numbers."""


class Network:
    """A graph of layers. Args: inputs and outputs, Keras tensors in any structure; extra, outputs computed but not returned.

    Raises: ValueError for tensors of another kind, outputs that inputs do not lead to, and layers of one name.
    """

    def __init__(self, inputs: Any, outputs: Any, extra: list[Any] | None = None) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.input_list, self.output_list = tree.flatten(inputs), tree.flatten(outputs)
        _check_ends(self.input_list, self.output_list)
        self.depths, self.layers = _arrange(self.input_list, [*self.output_list, *(extra or ())])
        self.nodes = [n for level in self.depths for n in level]
        _check_connected(self.nodes, self.input_list)
        _check_names(self.layers)
        self.input_names = [x._keras_history.layer.name for x in self.input_list]
        self.output_names = _distinct([x._keras_history.layer.name for x in self.output_list])
        self.spec = self._specs()
        self._plan()

    def _specs(self) -> Any:
        if tree.is_nested(self.inputs) and len(self.inputs) != len(self.input_list):
            return None
        names = sorted(self.inputs) if isinstance(self.inputs, dict) else self.input_names
        return [
            InputSpec(shape=(None, *x.shape[1:]) if len(x.shape) else (), allow_last_axis_squeeze=True, name=n)
            for n, x in zip(names, self.input_list, strict=True)
        ]

    # ------------------------------------------------------------------ running
    def _plan(self) -> None:
        slots: dict[int, int] = {}
        for x in self.input_list:
            slots.setdefault(id(x), len(slots))
        self._steps = [_step(n, slots) for n in self.nodes if not n.is_input]
        self._size = len(slots)
        self._entries = [slots[id(x)] for x in self.input_list]
        self._exits = [slots[id(x)] for x in self.output_list]

    def run(self, inputs: Any) -> Any:
        """The outputs for these inputs: tensors in the inputs' structure, a dictionary by the input layers' names, or a flat list."""
        values: list[Any] = [None] * self._size
        for slot, reference, x in zip(self._entries, self.input_list, self._in_order(inputs), strict=True):
            values[slot] = conform(x, reference)
        for layer, source, args, kwargs, target, targets in self._steps:
            y = layer(values[source]) if source >= 0 else layer(*_fill(args, values), **_fill(kwargs, values))
            if target >= 0:
                values[target] = y
            else:
                for slot, v in zip(targets, tree.flatten(y), strict=True):
                    values[slot] = v
        if len(self._exits) == 1 and not tree.is_nested(self.outputs):
            return values[self._exits[0]]
        return tree.pack(self.outputs, [values[i] for i in self._exits])

    def _in_order(self, inputs: Any) -> list[Any]:
        if isinstance(inputs, Tensor):
            return [inputs]
        if isinstance(inputs, dict):
            names = sorted(self.inputs) if isinstance(self.inputs, dict) else self.input_names
            if all(n in inputs for n in names):
                return [inputs[n] for n in names]
        flat = tree.flatten(inputs)
        if len(flat) != len(self.input_list):
            raise ValueError(
                f"The model has {len(self.input_list)} inputs ({', '.join(self.input_names)}); it was called with {len(flat)}."
            )
        return flat


def _step(node: Node, slots: dict[int, int]) -> _Step:
    def slot(x: Any) -> Any:
        return _Slot(slots[id(x)]) if isinstance(x, KerasTensor) else x

    outs = tree.flatten(node.outputs)
    for x in outs:
        slots.setdefault(id(x), len(slots))
    targets = tuple(slots[id(x)] for x in outs)
    simple = len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], KerasTensor)
    return _Step(
        node.layer, slots[id(node.args[0])] if simple else -1, tree.map_structure(slot, node.args), tree.map_structure(slot, node.kwargs),
        -1 if tree.is_nested(node.outputs) else targets[0], targets,
    )  # fmt: skip


def _fill(template: Any, values: list[Any]) -> Any:
    return tree.map_structure(lambda x: values[x] if type(x) is _Slot else x, template)


def conform(x: Any, reference: KerasTensor) -> Any:
    """An input as the model's input layer has it: its dtype, and a last size of 1 put in or taken away."""
    if not isinstance(x, Tensor):
        x = convert(x)
    if x.dtype is not reference.dtype:
        x = cast(x, reference.dtype)
    have, want = x.ndim, reference.ndim
    if have == want + 1 and x.shape[-1] == 1:
        return squeeze(x, [-1])
    return expand_dims(x, -1) if have == want - 1 and reference.shape[-1] == 1 else x


# ---------------------------------------------------------------------------------------------- order
def _arrange(inputs: list[Any], outputs: list[Any]) -> tuple[list[list[Node]], list[Any]]:
    """The nodes by decreasing depth, and the layers in that order."""
    finished, order = _walk(outputs)
    node_depth: dict[int, int] = {}
    layer_depth: dict[int, int] = {}
    for node in reversed(finished):
        depth = max(node_depth.get(id(node), 0), layer_depth.get(id(node.layer), 0))
        layer_depth[id(node.layer)] = node_depth[id(node)] = depth
        for parent in node.parents:
            node_depth[id(parent)] = max(depth + 1, node_depth.get(id(parent), 0))
    nodes = list(reversed(finished))
    for x in inputs:
        layer = x._keras_history.layer
        if id(layer) not in layer_depth:
            layer_depth[id(layer)], order[id(layer)] = 0, (-1, layer)
            node_depth[id(node_of(x))] = 0
            nodes.append(node_of(x))
    rank = {key: i for i, key in enumerate(node_depth)}
    nodes.sort(key=lambda n: (-node_depth[id(n)], rank[id(n)]))
    levels: dict[int, list[Node]] = {}
    for node in nodes:
        levels.setdefault(node_depth[id(node)], []).append(node)
    layers = sorted(order.values(), key=lambda pair: (-layer_depth[id(pair[1])], pair[0]))
    return list(levels.values()), [layer for _, layer in layers]


def _walk(outputs: list[Any]) -> tuple[list[Node], dict[int, tuple[int, Any]]]:
    """Depth first from the outputs: nodes in the order in which they are finished, and the layers as first met."""
    finished: list[Node] = []
    order: dict[int, tuple[int, Any]] = {}
    done: set[int] = set()
    stack: list[tuple[Node, bool]] = [(node_of(x), False) for x in reversed(outputs)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            if id(node) not in done:
                done.add(id(node))
                finished.append(node)
        elif id(node) not in done:
            order.setdefault(id(node.layer), (len(order), node.layer))
            stack.append((node, True))
            stack.extend((p, False) for p in reversed(node.parents) if id(p) not in done)
    return finished, order


# ---------------------------------------------------------------------------------------------- checks
def _check_ends(inputs: list[Any], outputs: list[Any]) -> None:
    for x in inputs:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"Input tensors to a Functional must come from `tf.keras.Input`. Received: {x} (missing previous layer metadata)."
            )
        if not isinstance(x._keras_history.layer, InputLayer):
            raise ValueError(
                f"Input tensors to a model must come from `tf.keras.Input`; {x} is the output of layer '{x._keras_history.layer.name}'."
            )
    if len({id(x) for x in inputs}) != len(inputs):
        raise ValueError(f"The list of inputs passed to the model is redundant. All inputs should only appear once. Found: {inputs}")
    for x in outputs:
        if not isinstance(x, KerasTensor):
            raise ValueError(
                f"Output tensors of a Functional model must be the output of a TensorFlow `Layer` (thus holding past layer metadata). Found: {x}"
            )


def _check_connected(nodes: list[Node], inputs: list[Any]) -> None:
    known = {id(x) for x in inputs}
    passed: list[str] = []
    for node in nodes:
        for x in node.inputs:
            if id(x) not in known:
                raise ValueError(
                    f'Graph disconnected: cannot obtain value for tensor {x} at layer "{node.layer.name}". '
                    f"The following previous layers were accessed without issue: {passed}"
                )
        if not node.is_input:
            known.update(id(x) for x in tree.flatten(node.outputs))
            passed.append(node.layer.name)


def _check_names(layers: list[Any]) -> None:
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'The name "{name}" is used {names.count(name)} times in the model. All layer names should be unique.')


def _distinct(names: list[str]) -> list[str]:
    """The names, numbered where one comes again."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        count = seen[name] = seen.get(name, -1) + 1
        made.append(f"{name}_{count}" if count else name)
    return made


def shape_of(x: Any) -> Any:
    """The shapes of Keras tensors in their structure, as tuples."""
    return tree.map_structure(lambda t: tuple(t.shape) if isinstance(t.shape, TensorShape) else t.shape, x)
