"""Optimizers given by a formula: what becomes of a variable's element and of its slots, from the gradient's element.

The formula is elementwise, its scalars are computed once a step; compiled, it runs where the gradient is made.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.tensor import convert
from millstream.keras.backend.compose import where
from millstream.keras.optimizers.base import ApplyState, Optimizer
from millstream.keras.optimizers.slices import scatter_rows, touched_rows
from millstream.util.export import export

Slots = dict[str, Any]
TABLE: dict[str, Any] = {}


def optimizer_class(cls: type) -> type:
    """Register an optimizer under tf.keras.optimizers and tf.optimizers."""
    TABLE[cls.__name__.lower()] = cls
    return export(f"tf.keras.optimizers.{cls.__name__}", f"tf.optimizers.{cls.__name__}")(cls)


class FormulaOptimizer(Optimizer):
    """Base class: `_slot_values` names the slots and their first values, `_update` is the formula."""

    def _slot_values(self) -> dict[str, float]:
        """The slots' names and first values, in the order in which TensorFlow makes them."""
        return {}

    def _always_moving(self) -> tuple[str, ...]:
        """Slots (and "var") of which a gradient of looked-up rows moves the other rows too, as TensorFlow has it."""
        return ()

    def _update(self, grad: Any, var: Any, slots: Slots, c: dict[str, Any]) -> tuple[Any, Slots]:
        """The variable's and the slots' new values; c holds the scalars that `_prepare_local` made. Raises: NotImplementedError."""
        raise NotImplementedError(f"{type(self).__name__} must override _update.")

    def _create_slots(self, var_list: Sequence[Any]) -> None:
        for name, value in self._slot_values().items():
            for var in var_list:
                self.add_slot(var, name, "zeros" if value == 0 else np.full(tuple(var.shape), value, var.dtype.numpy))

    def _resource_apply_dense(self, grad: Any, var: Any, apply_state: ApplyState | None = None) -> Any:
        return self._apply(grad, var, apply_state, lambda new, old: new)

    def _resource_apply_sparse_duplicate_indices(self, grad: Any, handle: Any, indices: Any, **kwargs: Any) -> Any:
        return self._resource_apply_sparse(grad, handle, indices, **kwargs)

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any, apply_state: ApplyState | None = None) -> Any:
        """Rows that are not named keep their values, but for what `_always_moving` names."""
        table = scatter_rows(grad, indices, tuple(var.shape))
        touched = touched_rows(indices, table)
        return self._apply(table, var, apply_state, lambda new, old: where(touched, new, old))

    def _apply(self, grad: Any, var: Any, apply_state: ApplyState | None, choose: Callable[[Any, Any], Any]) -> Any:
        made = {name: self.get_slot(var, name) for name in self._slot_values()}
        slots = {name: slot.read_value() for name, slot in made.items()}
        value = var.read_value()
        new_value, new_slots = self._update(grad, value, slots, self._shared(var, apply_state))
        always = self._always_moving()
        for name, new in new_slots.items():
            made[name].assign(new if name in always else choose(new, slots[name]))
        return var.assign(new_value if "var" in always else choose(new_value, value))

    def _hypers(self, *names: str) -> dict[str, Any]:
        """Hyperparameters for get_config."""
        return {name: self._serialize_hyperparameter(name) for name in names}

    def _start(self, learning_rate: Any, kwargs: dict[str, Any], **hypers: Any) -> None:
        """Set learning_rate (`lr=` goes first), decay and further hyperparameters."""
        self._set_hyper("learning_rate", kwargs.get("lr", learning_rate))
        self._set_hyper("decay", self._initial_decay)
        for name, value in hypers.items():
            self._set_hyper(name, value)

    def _epsilon(self, var_dtype: Any) -> Any:
        return convert(float(self.epsilon), var_dtype)


def with_iterations(own: Sequence[Any], weights: Sequence[Any]) -> Sequence[Any]:
    """Weights as of a Keras before TensorFlow 2, which did not save the iterations, with zero iterations in front."""
    return [np.array(0), *weights] if len(own) == len(weights) + 1 else weights
