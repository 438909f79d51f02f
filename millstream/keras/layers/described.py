"""Described: what a layer knows from the models it stands in: its inputs, its outputs, their shapes."""

from collections.abc import Callable
from typing import Any

from millstream.keras.layers.keras_tensor import Node


class Described:
    """A layer's place in functional models."""

    name: Any
    _inbound_nodes: list[Node]
    _outbound_nodes: list[Node]

    @property
    def input(self) -> Any:
        """The Keras tensor (or structure) that the layer was called on first. Raises: AttributeError when it was on none."""
        return self._single("input", lambda n: n.call_inputs)

    @property
    def output(self) -> Any:
        """The Keras tensor (or structure) that the layer's first call gave."""
        return self._single("output", lambda n: n.outputs)

    @property
    def input_shape(self) -> Any:
        """The shape of the inputs. Raises: AttributeError when there is none, or several."""
        return self._same("input", lambda n: n.input_shapes)

    @property
    def output_shape(self) -> Any:
        """The shape of the outputs. Raises: AttributeError when there is none, or several."""
        return self._same("output", lambda n: n.output_shapes)

    @property
    def inbound_nodes(self) -> list[Node]:
        """The calls of this layer on Keras tensors."""
        return self._inbound_nodes

    @property
    def outbound_nodes(self) -> list[Node]:
        """The calls of other layers on this one's outputs."""
        return self._outbound_nodes

    def get_input_at(self, node_index: int) -> Any:
        """The inputs of a call. Raises: ValueError for a call that there is not."""
        return self._at(node_index, "input").call_inputs

    def get_output_at(self, node_index: int) -> Any:
        """The outputs of a call."""
        return self._at(node_index, "output").outputs

    def get_input_shape_at(self, node_index: int) -> Any:
        """The shapes of the inputs of a call."""
        return self._at(node_index, "input_shape").input_shapes

    def get_output_shape_at(self, node_index: int) -> Any:
        """The shapes of the outputs of a call."""
        return self._at(node_index, "output_shape").output_shapes

    def _single(self, what: str, read: Callable[[Node], Any]) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(f"Layer {self.name} is not connected, no {what} to return.")
        return read(self._inbound_nodes[0])

    def _same(self, what: str, read: Callable[[Node], Any]) -> Any:
        if not self._inbound_nodes:
            raise AttributeError(f"The layer has never been called and thus has no defined {what} shape.")
        shapes = [read(n) for n in self._inbound_nodes]
        if any(s != shapes[0] for s in shapes):
            raise AttributeError(
                f'The layer "{self.name} has multiple inbound nodes, with different {what} shapes. Hence the notion of "{what} shape" is '
                f"ill-defined for the layer. Use `get_{what}_shape_at(node_index)` instead."
            )
        return shapes[0]

    def _at(self, index: int, what: str) -> Node:
        if not self._inbound_nodes:
            raise RuntimeError(f"The layer {self.name} has never been called and thus has no defined {what}.")
        if not -len(self._inbound_nodes) <= index < len(self._inbound_nodes):
            raise ValueError(f"Asked to get {what} at node {index}, but the layer has only {len(self._inbound_nodes)} inbound nodes.")
        return self._inbound_nodes[index]
