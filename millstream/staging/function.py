"""tf.function: a Python function traced once per kind of arguments, then run as compiled code.

    call -> arguments bound and taken apart -> key known?  --no-->  trace (twice when variables were made) -> Traced
                                                   `--yes--------------------------------------------------^  run
Where tracing fails but the function runs on values, it is run op by op from then on, with one warning that says why.
Inside another function being traced, the body is simply part of that trace.
"""

import contextlib
import functools
import weakref
from collections.abc import Callable
from typing import Any

from millstream.core.dispatch import STATE
from millstream.core.tensor import Tensor
from millstream.ops.random.seeds import Numbering
from millstream.staging.arguments import Arguments, Binder
from millstream.staging.autograph.mode import converting
from millstream.staging.concrete import ConcreteFunction
from millstream.staging.logs import get_logger
from millstream.staging.reasons import why
from millstream.staging.retracing import Detector
from millstream.staging.traced import Traced, as_outputs
from millstream.util import tree
from millstream.util.export import export

NEW_VARIABLES = "tf.function-decorated function tried to create variables on non-first call."


class Switch:
    """What tf.config.run_functions_eagerly said."""

    eagerly = False


class Kind:
    """What belongs to all traces of one kind of arguments: random streams, and seeds for running op by op."""

    def __init__(self) -> None:
        self.streams: dict[Any, Any] = {}
        self.numbering = Numbering()
        self.traced: dict[Any, Traced | None] = {}  # by shapes; None: runs op by op
        self.kept: list[Any] = []  # the arguments whose identity is part of the key


class Function:
    """A function that runs as compiled code; made by `tf.function`."""

    def __init__(
        self, python_function: Callable[..., Any], input_signature: Any = None, autograph: bool = True, relax_shapes: bool = False
    ) -> None:
        if not callable(python_function):
            raise TypeError(f"{python_function!r} is not a callable object: tf.function takes a function.")
        self.python_function = python_function
        self._autograph, self._relax_shapes = autograph, relax_shapes
        self._binder = Binder(python_function, input_signature)
        self._name = getattr(python_function, "__name__", type(python_function).__name__)
        self._detector = Detector(self._name)
        self._kinds: dict[Any, Kind] = {}
        self._fast: dict[Any, Traced] = {}
        self._tracings, self._warned = 0, False
        self._of_instances: dict[int, Function] = {}
        functools.update_wrapper(self, python_function)

    # ------------------------------------------------------------------ about it
    @property
    def input_signature(self) -> Any:
        """The specs of the arguments, if they were given."""
        return self._binder.input_signature

    @property
    def name(self) -> str:
        """The Python function's name."""
        return self._name

    @property
    def function_spec(self) -> Binder:
        """How arguments are bound."""
        return self._binder

    def experimental_get_tracing_count(self) -> int:
        """How often the function has been traced."""
        return self._tracings

    def pretty_printed_concrete_signatures(self, verbose: bool = True) -> str:
        """A line for each trace: its arguments and results."""
        traces = [t for kind in self._kinds.values() for t in kind.traced.values() if t is not None]
        return "\n".join(f"{self._name}({', '.join(str(n.spec) for n in t.graph.inputs)}) -> {t.output_specs}" for t in traces)

    def __repr__(self) -> str:
        return f"<tf.function {self._name} of {self.python_function!r}>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: each instance has traces of its own."""
        if instance is None:
            return self
        found = self._of_instances.get(id(instance))
        if found is None:
            found = self._bound_to(instance)
        return found

    def _bound_to(self, instance: Any) -> "Function":
        function, key = self.python_function, id(instance)
        try:
            reference = weakref.ref(instance, lambda _: self._of_instances.pop(key, None))
        except TypeError:  # it cannot be referred to weakly; then its traces live as long as the bound method
            return self._clone(functools.partial(function, instance))

        @functools.wraps(function)
        def method(*args: Any, **kwargs: Any) -> Any:
            return function(reference(), *args, **kwargs)

        method.__signature__ = _without_first(function)  # type: ignore[attr-defined]
        method.of_instance = function, reference  # type: ignore[attr-defined]
        made = self._of_instances[key] = self._clone(method)
        return made

    def _clone(self, function: Callable[..., Any]) -> "Function":
        return Function(function, self._binder.input_signature, self._autograph, self._relax_shapes)

    def __deepcopy__(self, memo: Any) -> "Function":
        return self._clone(self.python_function)

    # ------------------------------------------------------------------ calling
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, tracing first where that is due."""
        if STATE.trace is None and not STATE.tapes and not Switch.eagerly:
            key, tensors = _quick_key(args, kwargs)
            traced = self._fast.get(key)
            if traced is not None:
                self._detector.called()
                return traced.run(tensors)
        if Switch.eagerly:
            return self.python_function(*args, **kwargs)
        arguments = self._binder.bind(args, kwargs)
        if STATE.trace is not None:
            return self._inline(arguments)
        result = self._carry_out(arguments)
        self._remember(args, kwargs, arguments)
        return result

    def _inline(self, arguments: Arguments) -> Any:
        """As a part of the function being traced; random ops count from 0, as in a graph of its own."""
        trace = STATE.trace
        before, trace.random_ops = trace.random_ops, 0
        try:
            return _normal(self._traced_body(arguments, arguments.tensors))
        finally:
            trace.random_ops = before

    def _body(self, arguments: Arguments, tensors: Any) -> Any:
        args, kwargs = arguments.fill(tensors)
        return self.python_function(*args, **kwargs)

    def _traced_body(self, arguments: Arguments, tensors: Any) -> Any:
        """The body with Python's control flow made that of the graph, unless autograph=False."""
        with converting(self._autograph):
            if not self._autograph:
                return self._body(arguments, tensors)
            args, kwargs = arguments.fill(tensors)
            return converted_form(self.python_function)(*args, **kwargs)

    def _carry_out(self, arguments: Arguments) -> Any:
        kind, shapes = self._kind(arguments), _shapes(arguments)
        if shapes not in kind.traced:
            return self._first_call(kind, shapes, arguments)
        self._detector.called()
        return self._again(kind, kind.traced[shapes], arguments)

    def _kind(self, arguments: Arguments) -> Kind:
        """Traces under an input signature differ in shapes only, which count as one kind; else each key is a kind."""
        key = self._binder.kind_key(arguments)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = Kind()
            kind.kept = arguments._templates
        return kind

    def _again(self, kind: Kind, traced: Traced | None, arguments: Arguments) -> Any:
        if traced is None or (STATE.tapes and not traced.can_be_replayed()):
            return self._op_by_op(kind, arguments)
        return traced.replay(arguments.tensors) if STATE.tapes else traced.run(arguments.tensors)

    def _op_by_op(self, kind: Kind, arguments: Arguments) -> Any:
        """The Python body on values, with the random numbers of a traced function."""
        outer = kind.numbering.enter()
        try:
            return _normal(self._body(arguments, arguments.tensors))
        finally:
            kind.numbering.leave(outer)

    def _remember(self, args: tuple[Any, ...], kwargs: dict[str, Any], arguments: Arguments) -> None:
        """Make the next such call quick, if all arguments are tensors or simple values."""
        key, tensors = _quick_key(args, kwargs)
        if (
            key is None
            or len(arguments.tensors) != len(tensors)
            or any(a is not t for a, t in zip(tensors, arguments.tensors, strict=True))
        ):
            return
        traced = self._kind(arguments).traced.get(_shapes(arguments))
        if traced is not None:
            self._fast[key] = traced

    # ------------------------------------------------------------------ tracing
    def _first_call(self, kind: Kind, shapes: Any, arguments: Arguments) -> Any:
        known = bool(kind.traced)
        first = not any(k.traced for k in self._kinds.values())
        if not known:
            self._detector.traced(arguments.names, arguments.keys, self._relax_shapes)
        try:
            traced = kind.traced[shapes] = self._trace(kind, arguments, first)
            return self._again(kind, traced, arguments)
        except NewVariablesError as error:
            raise ValueError(str(error)) from None
        except Exception as error:
            if shapes in kind.traced:  # it ran, and failed
                raise
            reason = error
        result = self._op_by_op(kind, arguments)
        kind.traced[shapes] = None
        self._warn(reason)
        return result

    def _trace(self, kind: Kind, arguments: Arguments, first: bool) -> Traced:
        """A trace; when the very first one makes variables, a second one, which may not."""
        traced = self._traced_once(kind.streams, arguments)
        if traced.created and first:
            kind.streams = {}
            traced = self._traced_once(kind.streams, arguments)
        if traced.created:
            raise NewVariablesError(
                f"{NEW_VARIABLES} Make '{traced.created[0].name}' outside of {self._name}, or only where it is not there yet."
            )
        return traced

    def _traced_once(self, streams: dict[Any, Any], arguments: Arguments) -> Traced:
        self._tracings += 1
        return Traced(lambda tensors: self._traced_body(arguments, tensors), arguments.tensors, streams)

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            get_logger().warning("tf.function %r runs op by op, without compiled code: %s", self._name, why(error))

    # ------------------------------------------------------------------ concrete functions
    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The function for one kind of arguments: TensorSpecs or example values; without any, those of the input signature."""
        if not args and not kwargs and self.input_signature is not None:
            args = self.input_signature
        arguments = self._binder.bind(args, kwargs)
        made = ConcreteFunction(self, arguments)
        with contextlib.suppress(Exception):  # a function that cannot be traced runs op by op when called
            made.trace_now()
        return made

    get_concrete_function_garbage_collected = get_concrete_function

    def traced_for(self, arguments: Arguments) -> Traced | None:
        """The trace for these arguments, made now if need be; None where it cannot be traced."""
        kind, shapes = self._kind(arguments), _shapes(arguments)
        if shapes not in kind.traced:
            kind.traced[shapes] = self._trace(kind, arguments, not any(k.traced for k in self._kinds.values()))
        return kind.traced[shapes]


def converted_form(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with its control flow converted; itself where it cannot be."""
    from millstream.staging.autograph.runtime import prepared

    of_instance = getattr(function, "of_instance", None)
    if of_instance is None:
        return prepared(function)  # type: ignore[no-any-return]
    method, instance = of_instance
    return functools.partial(prepared(method), instance())


class NewVariablesError(Exception):
    """Variables were made in a call that is not the first."""


_SIMPLE = frozenset((bool, int, float, str, type(None)))


def _quick_key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Shapes and dtypes of eager tensors, types and values of simple values, and the tensors; no key where there are other arguments."""
    key: list[Any] = []
    tensors: list[Any] = []
    for x in args if not kwargs else (*args, *kwargs.values()):
        kind = type(x)
        if kind is Tensor:
            array = x._array
            key.append((array.shape, array.dtype))
            tensors.append(x)
        elif kind in _SIMPLE:
            key.append((kind, x if x != 0 else str(x)))  # 0.0 and -0.0 are equal, yet divide differently
        else:
            return None, tensors
    if kwargs:
        key.extend(kwargs)
    return tuple(key), tensors


def _shapes(arguments: Arguments) -> Any:
    return tuple([(tuple(x.shape), x.dtype) for x in arguments.tensors])


def _normal(result: Any) -> Any:
    """A result as a trace would return it: tensors in place of numbers and arrays. What cannot become one stays."""
    try:
        structure, leaves = as_outputs(result)
    except (TypeError, ValueError):
        return result
    if not tree.is_nested(result):
        return leaves[0] if leaves else None
    remaining = iter(leaves)
    return tree.map_structure(lambda leaf: None if leaf is None else next(remaining), structure)


def _without_first(function: Callable[..., Any]) -> Any:
    import inspect

    signature = inspect.signature(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


@export("tf.function")
def function(
    func: Any = None, input_signature: Any = None, autograph: bool = True, experimental_implements: Any = None, experimental_autograph_options: Any = None,
    experimental_relax_shapes: bool = False, experimental_compile: Any = None, experimental_follow_type_hints: Any = None, jit_compile: Any = None,
    reduce_retracing: bool = False,
) -> Any:  # fmt: skip
    """Decorator: run a function of tensors as compiled code.

    It is traced once for each combination of shapes and dtypes (and of the values of other arguments): Python's own effects
    happen then. input_signature: nested TensorSpecs, None for sizes that vary. Where the function cannot be traced it runs op
    by op, with a warning that says why.
    >>> @tf.function
    ... def double(x):
    ...     return x + x
    >>> double(tf.constant([1.0, 2.0])).numpy().tolist()
    [2.0, 4.0]
    """

    def decorate(python_function: Callable[..., Any]) -> Function:
        return Function(python_function, input_signature, autograph, experimental_relax_shapes or reduce_retracing)

    return decorate if func is None else decorate(func)
