"""Loops over Python values: which tensors go from round to round, found by tracing a round.

    Before   s = 0;  loop: s = s + x (float32)         After   carried: s, float32, beginning with 0.0
A number that is no tensor takes the dtype that a round gives it. What a round leaves undefined, or leaves alone, is not carried.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from millstream.core.dispatch import STATE, Hooks
from millstream.core.spec import ArraySpec
from millstream.core.tensor import Tensor, convert
from millstream.graph.branches import (
    _NUMBERS,
    Kept,
    Slot,
    State,
    StoppedError,
    Undefined,
    _Buffer,
    _words,
    filled,
    is_array,
    is_numeric,
    predicate,
)
from millstream.graph.control import BodyTrace, emit_while, spec_of

_ATTEMPTS = 6


class _Again(Exception):  # noqa: N818  (no error: another round is traced)
    """The carried values are not the right ones yet."""


class _Loop:
    """One loop being traced."""

    def __init__(self, state: State, names: Sequence[str], fill: Collection[int], runs: bool) -> None:
        self.state, self.names, self.fill, self.runs = state, names, fill, runs
        self.initial: list[Any] = []
        self.specs: list[ArraySpec] = []
        self.chosen: dict[tuple[Any, ...], ArraySpec] = {}  # of Python numbers and missing values, by their path
        self.plain: set[tuple[Any, ...]] = set()  # numbers that are left as they are
        self.probing = False
        self.traces: list[BodyTrace] = []

    # ------------------------------------------------------------------ before
    def encode(self) -> list[Any]:
        """The templates of the state, and with them the carried values."""
        self.initial, self.specs = [], []
        return [self._template(x, (i,)) for i, x in enumerate(self.state)]

    def _template(self, x: Any, path: tuple[Any, ...]) -> Any:
        if is_array(x):
            return self._array(x, path)
        if isinstance(x, (list, tuple)):
            items = [self._template(v, (*path, k)) for k, v in enumerate(x)]
            return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
        if type(x) is dict:
            return {k: self._template(v, (*path, k)) for k, v in x.items()}
        if isinstance(x, Undefined) and path in self.chosen:
            return self._carry(Hooks.zeros(self.chosen[path]))
        if not is_numeric(x) or (isinstance(x, _NUMBERS) and (self.probing or path in self.plain)):
            return Kept(x)
        return self._carry(self._first(x, path))

    def _array(self, x: Any, path: tuple[Any, ...]) -> Any:
        buffer = x.as_buffer()
        if buffer is None and path in self.chosen:
            buffer = Hooks.zeros(self.chosen[path])
        return Kept(x.copy()) if buffer is None else _Buffer(x, self._carry(buffer))

    def _first(self, x: Any, path: tuple[Any, ...]) -> Tensor:
        spec = self.chosen.get(path)
        if spec is None:
            return convert(x)
        value = convert(x, hint=spec.dtype)
        return value if tuple(value.shape) == spec.shape else Hooks.zeros(spec) + value

    def _carry(self, x: Tensor) -> Slot:
        self.initial.append(x)
        self.specs.append(spec_of(x))
        return Slot(len(self.specs) - 1)

    # ------------------------------------------------------------------ after
    def compare(self, templates: list[Any], after: State, carried: list[Any]) -> None:
        """Fill `carried` with the values after a round. Raises: _Again; TypeError for what cannot be carried."""
        for i, (template, x) in enumerate(zip(templates, after, strict=True)):
            templates[i] = self._one(template, x, (i,), carried)

    def _one(self, template: Any, x: Any, path: tuple[Any, ...], carried: list[Any]) -> Any:
        name = self.names[path[0]]
        if isinstance(template, Kept):
            return self._kept(template, x, path, carried)
        if isinstance(template, Slot):
            carried[template.index] = self._next(template, x, path)
            return template
        if isinstance(template, _Buffer):
            if not is_array(x):
                raise TypeError(f"'{name}' is a TensorArray before a loop and {_words(x)} after a round.")
            carried[template.slot.index] = self._next(template.slot, x.as_buffer(), path)
            return template
        if type(x) is not type(template) or len(x) != len(template):
            raise TypeError(
                f"'{name}' changes its structure in a loop over tensors: {len(template)} elements before, {_words(x)} after a round."
            )
        if isinstance(template, Mapping):
            return {k: self._one(v, x[k], (*path, k), carried) for k, v in template.items()}
        items = [self._one(t, v, (*path, k), carried) for k, (t, v) in enumerate(zip(template, x, strict=True))]
        return type(template)(*items) if hasattr(template, "_fields") else type(template)(items)

    def _next(self, slot: Slot, x: Any, path: tuple[Any, ...]) -> Tensor:
        """The value after a round, in the spec in which it is carried."""
        spec, name = self.specs[slot.index], self.names[path[0]]
        if not is_numeric(x) and not hasattr(x, "read_value"):
            raise TypeError(f"'{name}' is a tensor before a loop and {_words(x)} after a round.")
        value = convert(x, hint=spec.dtype) if isinstance(x, _NUMBERS) else convert(x)
        found = spec_of(value)
        if found == spec:
            return value
        if isinstance(self._at(path), _NUMBERS) and path not in self.chosen and (self.runs or found.shape == spec.shape):
            self.chosen[path] = found
            raise _Again
        raise TypeError(
            f"'{name}' is {spec.dtype.name} of shape {list(spec.shape)} before a loop over tensors, and {_words(value)} after a round; "
            "they must be the same."
        )

    def _at(self, path: tuple[Any, ...]) -> Any:
        value: Any = self.state
        for key in path:
            value = value[key]
        return value

    def _kept(self, template: Kept, x: Any, path: tuple[Any, ...], carried: list[Any]) -> Any:
        before, name = template.value, self.names[path[0]]
        if x is before:
            return template
        if is_array(before) and is_array(x):
            self._choose(path, x.as_buffer())
            return template
        if isinstance(before, Undefined):
            return self._defined(x, path, name, carried)
        if type(x) is type(before) and not is_numeric(x) and not isinstance(x, (list, tuple, dict)) and x == before:
            return template
        if isinstance(before, _NUMBERS) and self.probing:
            self._learn(before, x, path)
            return template
        raise TypeError(f"'{name}' is {_words(before)} before a loop over tensors and {_words(x)} after a round; only tensors can change.")

    def _defined(self, x: Any, path: tuple[Any, ...], name: str, carried: list[Any]) -> Any:
        """A variable that the loop defines: carried where it surely is defined afterwards, or where nobody looks before it is."""
        if isinstance(x, Undefined):
            return Kept(x)
        if path[0] in self.fill or self.runs:
            return self._grown(x, carried)
        return Kept(Undefined(name, ": it is set in a loop over tensors only, which may run no round; set it before the loop"))

    def _grown(self, x: Any, carried: list[Any]) -> Any:
        """The template of a value that the loop defines; its tensors are carried from here on, beginning with zeros."""
        if isinstance(x, (list, tuple)):
            items = [self._grown(v, carried) for v in x]
            return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
        if not is_numeric(x):
            return Kept(x)
        value = convert(x)
        spec = spec_of(value)
        for trace in self.traces:
            trace.carried.append(trace.input(spec))
        with self.outside():
            slot = self._carry(Hooks.zeros(spec))
        carried.append(value)
        return slot

    @contextmanager
    def outside(self) -> Iterator[None]:
        """What is done inside belongs to the surrounding trace."""
        if not self.traces:
            yield
            return
        with self.traces[0].parent.active():
            yield

    def _choose(self, path: tuple[Any, ...], x: Any) -> None:
        value = convert(x)
        self.chosen[path] = spec_of(value)
        raise _Again

    def _learn(self, before: Any, x: Any, path: tuple[Any, ...]) -> None:
        if type(x) is type(before) and x == before:
            self.plain.add(path)
        elif is_numeric(x):
            value = convert(x)
            found = spec_of(value)
            if found.shape == () or self.runs:
                self.chosen[path] = found


def repeat(
    test: Callable[[State], Any], body: Callable[[State], State], state: State, names: Sequence[str],
    fill: Collection[int] = (), runs: bool = False, limit: int = -1,
) -> State:  # fmt: skip
    """The state after rounds of body(state) as long as test(state), in a trace. runs: there surely is a first round."""
    loop = _Loop(list(state), names, fill, runs)
    count = STATE.trace.random_ops, STATE.trace.random_calls
    failed: BaseException | None = None
    for _ in range(_ATTEMPTS):
        STATE.trace.random_ops, STATE.trace.random_calls = count
        try:
            return _traced(loop, test, body, limit)
        except _Again:
            continue
        except (Exception, StoppedError) as error:
            if failed is not None or loop.probing or not any(isinstance(x, _NUMBERS) for x in loop.state):
                raise
            failed = error
            _probe(loop, body, failed)
    raise failed or TypeError(f"The values that go round in a loop over tensors ({', '.join(names)}) do not settle on dtypes and shapes.")


def _probe(loop: _Loop, body: Callable[[State], State], failed: BaseException) -> None:
    """Learn what dtypes numbers take, from a first round in which they are plain numbers. Raises: the first error if this fails."""
    loop.probing, loop.traces = True, []
    try:
        templates = loop.encode()
        trace = BodyTrace(loop.specs)
        with trace.running():
            after = body([filled(t, trace.carried) for t in templates])
            loop.compare(templates, after, list(trace.carried))
    except _Again:
        pass
    except (Exception, StoppedError):  # noqa: BLE001  (the first failure says more)
        raise failed from None
    finally:
        loop.probing = False


def _traced(loop: _Loop, test: Callable[[State], Any], body: Callable[[State], State], limit: int) -> State:
    templates = loop.encode()
    first, second = loop.traces = [BodyTrace(loop.specs), BodyTrace(loop.specs)]
    with first.running():
        go_on = predicate(test([filled(t, first.carried) for t in templates]), "The condition of a loop")
    first.keep_count()
    second.random_ops, second.random_calls = first.random_ops, first.random_calls
    with second.running():
        after = body([filled(t, second.carried) for t in templates])
        carried: list[Any] = list(second.carried)
        loop.compare(templates, after, carried)
    second.keep_count()
    tensors = emit_while(loop.initial, first, go_on, second, carried, limit)
    return [filled(t, tensors) for t in templates]
