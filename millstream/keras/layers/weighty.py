"""Weighty: the weights of a layer and of all layers inside it, their trainable flags, and reading and setting them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from millstream.core.variable import Variable
from millstream.keras.layers.context import STRUCTURE
from millstream.keras.layers.tracking import Tracked, is_layer, is_metric, unique


class Weighty(Tracked):
    """What a layer has to do with its weights."""

    _own_weights: list[Variable]
    _trainable: bool
    name: Any
    built: bool

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets that of all layers inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.__dict__["_trainable"] = value
        STRUCTURE.version += 1
        for item in self._held():
            if is_layer(item):
                item.trainable = value

    def _own(self) -> list[Variable]:
        """The variables that this layer itself holds: made by add_weight, or attributes."""
        held = [x for x in self._held() if isinstance(x, Variable)]
        made = self.__dict__.get("_own_weights", [])
        return _in_order_of_making(made, held, self.__dict__) if held else list(made)

    def _inner(self) -> list[Any]:
        return [x for x in self._held() if is_layer(x) or is_metric(x)]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training changes: this layer's own, then those of the layers inside; [] while not trainable."""
        if not self.trainable:
            return []
        found = [v for v in self._own() if v.trainable]
        for item in self._inner():
            found += [] if is_metric(item) else item.trainable_weights
        return unique(found)

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The variables that training leaves alone."""
        own, inner = self._own(), self._inner()
        if self.trainable:
            found = [v for v in own if not v.trainable]
            for item in inner:
                found += item.variables if is_metric(item) else item.non_trainable_weights
            return unique(found)
        inside = [v for item in inner for v in (item.variables if is_metric(item) else item.weights)]
        return unique([v for v in own if v.trainable] + [v for v in own if not v.trainable] + inside)

    @property
    def weights(self) -> list[Variable]:
        """All variables: trainable ones first."""
        return unique([*self.trainable_weights, *self.non_trainable_weights])

    @property
    def variables(self) -> list[Variable]:
        """All variables: the same as `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    def get_weights(self) -> list[Any]:
        """The values of all weights as NumPy arrays, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights. Raises: ValueError when their number or a shape differs."""
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(
                f'You called `set_weights(weights)` on layer "{self.name}" with a weight list of length {len(weights)}, but the layer was expecting '
                f"{len(variables)} weights. Provided weights: {str(weights)[:50]}..."
            )
        for variable, value in zip(variables, weights, strict=True):
            if tuple(variable.shape) != np.shape(value):
                raise ValueError(f"Layer weight shape {variable.shape} not compatible with provided weight shape {np.shape(value)}")
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(np.asarray(value, variable.dtype.numpy))

    def count_params(self) -> int:
        """How many numbers all weights hold. Raises: ValueError while the layer has no weights yet."""
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on {self.name}, but the layer isn't built. You can build it manually via: `{self.name}.build(batch_input_shape)`."
            )
        return count_params(self.weights)


def count_params(weights: Sequence[Variable]) -> int:
    """How many numbers these variables hold, each variable counted once."""
    return int(sum(v.spec.size for v in unique(list(weights))))


def _in_order_of_making(made: list[Variable], held: list[Variable], attributes: dict[str, Any]) -> list[Variable]:
    """Attributes that are plain variables may come before, between or after those of add_weight: variables set in __init__ come first."""
    known = {id(v) for v in made}
    outside = [v for v in held if id(v) not in known]
    if not outside:
        return list(made)
    names = list(attributes.get("_tracked", ()))
    first_made = next((i for i, n in enumerate(names) if id(attributes["_tracked"][n]) in known), len(names))
    early = {id(attributes["_tracked"][n]) for n in names[:first_made]}
    return [v for v in outside if id(v) in early] + made + [v for v in outside if id(v) not in early]
