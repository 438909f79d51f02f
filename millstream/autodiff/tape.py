"""GradientTape: remembers the ops carried out under it, and differentiates what it remembers."""

import enum
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from millstream.autodiff.reverse import Record, backprop
from millstream.core.dispatch import STATE, Hooks
from millstream.core.op import Op
from millstream.core.tensor import Tensor, convert
from millstream.core.variable import Variable
from millstream.util import tree
from millstream.util.export import export


@export("tf.UnconnectedGradients")
class UnconnectedGradients(enum.Enum):
    """What `gradient` gives for a source that the target does not depend on."""

    NONE = "none"
    ZERO = "zero"


@export("tf.GradientTape", "tf.autodiff.GradientTape")
class GradientTape:
    """Context manager that records ops for differentiation; trainable variables are watched by themselves.

    Args: persistent, keep the record after the first `gradient`; watch_accessed_variables.
    >>> x = tf.Variable(3.0)
    >>> with tf.GradientTape() as tape:
    ...     y = x * x
    >>> float(tape.gradient(y, x))
    6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent, self._watch_variables = persistent, watch_accessed_variables
        self._records: list[Record] = []
        self._watched: set[int] = set()
        self._kept: list[Any] = []
        self._variables: list[Variable] = []
        self._recording, self._spent = False, False

    # ------------------------------------------------------------------ recording
    def __enter__(self) -> "GradientTape":
        self._push()
        return self

    def __exit__(self, *error: object) -> None:
        if self._recording:
            self._pop()

    def _push(self) -> None:
        if self._recording:
            raise ValueError("Tape is still recording. This can happen if you try to re-enter an already-active tape.")
        STATE.tapes = (*STATE.tapes, self)
        self._recording = True

    def _pop(self) -> None:
        if not self._recording:
            raise ValueError("Tape is not recording.")
        STATE.tapes = tuple(t for t in STATE.tapes if t is not self)
        self._recording = False

    def record(self, op: Op, inputs: tuple[Any, ...], attrs: dict[str, Any], output: Any) -> None:
        """Take note of one call, if it depends on something watched."""
        watched = self._watched
        for x in inputs:
            if id(x) in watched or (x.__class__ is Variable and self._watches(x)):
                self._records.append((op, inputs, attrs, output))
                if type(output) is tuple:
                    watched.update(map(id, output))
                else:
                    watched.add(id(output))
                return

    def _watches(self, variable: Variable) -> bool:
        if self._watch_variables and variable.trainable:
            self._watch(variable)
            return True
        return False

    def _watch(self, x: Any) -> None:
        self._watched.add(id(x))
        self._kept.append(x)
        if isinstance(x, Variable):
            self._variables.append(x)

    def watch(self, tensor: Any) -> None:
        """Record what depends on these tensors or variables (any nesting) from now on. Raises: ValueError for other things."""
        for x in tree.flatten(tensor):
            if not isinstance(x, (Tensor, Variable)):
                raise ValueError(
                    f"Passed in object of type {type(x)}, not tf.Tensor; watch takes tensors and variables: make one with tf.constant."
                )
            if not (x.dtype.is_floating or x.dtype.is_complex):
                logging.getLogger("tensorflow").warning(
                    "The dtype of the watched tensor must be floating (e.g. tf.float32), got %r", x.dtype
                )
            if id(x) not in self._watched:
                self._watch(x)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables watched, in the order in which they came."""
        return tuple(self._variables)

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Leave out what is done inside."""
        if not self._recording:
            raise ValueError("Tape is not recording.")
        self._pop()
        try:
            yield
        finally:
            self._push()

    def reset(self) -> None:
        """Forget everything recorded."""
        recording = self._recording
        self._pop() if recording else None
        GradientTape.__init__(self, self._persistent, self._watch_variables)
        self._push() if recording else None

    # ------------------------------------------------------------------ differentiating
    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = UnconnectedGradients.NONE
    ) -> Any:
        """The gradient of the sum of the target's elements to each source, in the sources' nesting.

        Raises: RuntimeError when a tape that is not persistent is used twice.
        """
        self._use()
        targets = [self._target(t) for t in tree.flatten(target) if t is not None]
        seeds = _seeds(targets, output_gradients)
        leaves = [sources] if isinstance(sources, (Tensor, Variable)) else tree.flatten(sources)
        _check_sources(leaves)
        found = backprop(self._records, leaves, targets, seeds)
        if not self._persistent:
            self._records, self._kept = [], []
        if leaves and leaves[0] is sources and found[0] is not None:
            return found[0]
        zero = str(getattr(unconnected_gradients, "value", unconnected_gradients)) == UnconnectedGradients.ZERO.value
        return tree.pack(sources, [Hooks.zeros_like(s) if g is None and zero else g for g, s in zip(found, leaves, strict=True)])

    def _use(self) -> None:
        if self._spent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians). Make it with persistent=True to use it again."
            )
        if self._recording and not self._persistent:
            self._pop()
        self._spent = not self._persistent

    def _target(self, target: Any) -> Any:
        return target if isinstance(target, (Tensor, Variable)) else convert(target)

    @property
    def _tape(self) -> "GradientTape":
        return self


def _seeds(targets: Sequence[Any], output_gradients: Any) -> list[Any]:
    if output_gradients is None:
        return [Hooks.ones_like(t) for t in targets]
    given = tree.flatten(output_gradients)
    return [Hooks.ones_like(t) if g is None else convert(g, hint=t.dtype) for t, g in zip(targets, given, strict=True)]


def _check_sources(leaves: Sequence[Any]) -> None:
    for x in leaves:
        if not isinstance(x, (Tensor, Variable)):
            raise ValueError(
                f"Sources of a gradient are tensors or variables; got {x!r} of type {type(x)}. Watch a tensor made with tf.constant instead."
            )
        if not (x.dtype.is_floating or x.dtype.is_complex):
            logging.getLogger("tensorflow").warning(
                "The dtype of the source tensor must be floating (e.g. tf.float32) when calling GradientTape.gradient, got %r", x.dtype
            )
