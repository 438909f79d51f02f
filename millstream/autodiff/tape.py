"""GradientTape: remembers the ops carried out under it, and differentiates what it remembers."""

import enum
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import millstream.autodiff.control  # noqa: F401  # control flow gets its gradients
from millstream.autodiff.jacobian import batch_jacobian, jacobians
from millstream.autodiff.reverse import Record, backprop
from millstream.core.dispatch import STATE, Hooks
from millstream.core.op import Op
from millstream.core.spec import ArraySpec
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
        self._recording, self._spent, self._entered = False, False, False

    # ------------------------------------------------------------------ recording
    def __enter__(self) -> Self:
        self._push()
        return self

    def __exit__(self, *error: object) -> None:
        if self._recording:
            self._pop()

    def _push(self) -> None:
        if self._recording:
            raise ValueError("Tape is still recording. This can happen if you try to re-enter an already-active tape.")
        STATE.tapes = (*STATE.tapes, self)
        self._recording = self._entered = True

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
        if self._watch_variables and variable.trainable and variable._array.dtype.kind in _DIFFERENTIABLE:
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
                _warn_of(x, "The dtype of the watched tensor must be floating (e.g. tf.float32), got %r")
            elif id(x) not in self._watched:
                self._watch(x)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables watched, in the order in which they came."""
        return tuple(self._variables)

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Leave out what is done inside."""
        if not self._recording:
            raise RuntimeError("Trying to stop recording a tape which is not recording.")
        self._pop()
        try:
            yield
        finally:
            self._push()

    def reset(self) -> None:
        """Forget everything recorded, and go on. Raises: ValueError when the tape is not recording."""
        self._pop()
        GradientTape.__init__(self, self._persistent, self._watch_variables)
        self._push()

    # ------------------------------------------------------------------ differentiating
    def gradient(
        self, target: Any, sources: Any, output_gradients: Any = None, unconnected_gradients: Any = UnconnectedGradients.NONE
    ) -> Any:
        """The gradient of the sum of the target's elements to each source, in the sources' nesting.

        Raises: RuntimeError when a tape that is not persistent is used twice, or was never entered.
        """
        self._use()
        targets, leaves, zero = (
            _checked(_leaves(target), "target"),
            _checked(_leaves(sources), "source"),
            _zero_asked(unconnected_gradients),
        )
        found = backprop(self._records, leaves, targets, _seeds(targets, output_gradients))
        self._forget()
        if leaves and leaves[0] is sources and found[0] is not None:
            return found[0]
        return tree.pack(sources, [Hooks.zeros_like(s) if g is None and zero else g for g, s in zip(found, leaves, strict=True)])

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The derivative of each element of the target to each element of each source: [*target's shape, *source's shape].

        Raises: RuntimeError when a tape that is not persistent is used twice.
        >>> x = tf.constant([1.0, 2.0])
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = x * x
        >>> tape.jacobian(y, x).numpy().tolist()
        [[2.0, 0.0], [0.0, 4.0]]
        """
        self._use()
        (target,), leaves, zero = _checked([target], "target"), _checked(_leaves(sources), "source"), _zero_asked(unconnected_gradients)
        found = jacobians(self._records, target, leaves)
        self._forget()
        return tree.pack(sources, [_zeros(target, s.shape) if g is None and zero else g for g, s in zip(found, leaves, strict=True)])

    def batch_jacobian(
        self,
        target: Any,
        source: Any,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
        parallel_iterations: int | None = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The jacobian of each example of a batch: target [B, *T], source [B, *S] -> [B, *T, *S]; zeros where no path leads.

        Raises: ValueError for tensors of fewer than two dimensions, or batches of two sizes.
        """
        self._use()
        (target,), (source,), _ = _checked([target], "target"), _checked([source], "source"), _zero_asked(unconnected_gradients)
        found = batch_jacobian(self._records, target, source)
        self._forget()
        return _zeros(target, source.shape[1:]) if found is None else found

    def _use(self) -> None:
        if self._spent or not self._entered:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients (or jacobians), of what was computed in its `with` block. Make it with persistent=True to use it again."
            )
        if self._recording and not self._persistent:
            self._pop()
        self._spent = not self._persistent

    def _forget(self) -> None:
        if not self._persistent:
            self._records, self._kept = [], []

    @property
    def _tape(self) -> "GradientTape":
        return self


_DIFFERENTIABLE = "fcV"  # NumPy's kinds: floating, complex, bfloat16


def _warn_of(x: Any, warning: str) -> None:
    logging.getLogger("tensorflow").warning(warning, x.dtype)


def _checked(leaves: list[Any], what: str) -> list[Any]:
    """The targets or sources, warned of where they are not floating. Raises: TypeError, AttributeError for what is no tensor."""
    for x in leaves:
        kind = type(x)
        if (kind is Tensor or kind is Variable) and x._array.dtype.kind in _DIFFERENTIABLE:
            continue
        if x is None:
            raise TypeError(f"The {what} of a gradient is None; it must be a tensor or variable that was used under the tape.")
        if not isinstance(x, (Tensor, Variable)):
            raise AttributeError(
                f"'{kind.__name__}' object has no attribute 'dtype': the {what} of a gradient must be a tensor or variable."
            )
        if not (x.dtype.is_floating or x.dtype.is_complex):
            _warn_of(x, f"The dtype of the {what} tensor must be floating (e.g. tf.float32) when calling GradientTape.gradient, got %r")
    return leaves


def _leaves(x: Any) -> list[Any]:
    return [x] if isinstance(x, (Tensor, Variable)) else tree.flatten(x)


def _zero_asked(unconnected: Any) -> bool:
    """Whether sources without a path get zeros. Raises: ValueError for what is neither "none" nor "zero"."""
    if unconnected is UnconnectedGradients.NONE:
        return False
    value = getattr(unconnected, "value", unconnected)
    if value not in ("none", "zero"):
        raise ValueError(f"Unknown value for unconnected_gradients: {unconnected!r}; expected 'none' or 'zero'.")
    return bool(value == "zero")


def _zeros(target: Any, source_shape: Any) -> Any:
    return Hooks.zeros(ArraySpec((*tuple(target.shape), *tuple(source_shape)), target.dtype))


def _seeds(targets: Sequence[Any], output_gradients: Any) -> list[Any]:
    if output_gradients is None:
        return [Hooks.ones_like(t) for t in targets]
    given = tree.flatten(output_gradients)
    if len(given) != len(targets):
        raise ValueError(f"There are {len(targets)} targets and {len(given)} output_gradients; give one tensor, or None, for each target.")
    return [Hooks.ones_like(t) if g is None else convert(g, hint=t.dtype) for t, g in zip(targets, given, strict=True)]
