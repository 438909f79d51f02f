"""tf.Module: an object that owns variables and other modules."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from millstream.core.scope import name_scope
from millstream.core.variable import Variable
from millstream.util import tree
from millstream.util.export import export


@export("tf.Module")
class Module:
    """Base of objects that own variables: it finds them, in attributes sorted by name, and in the modules that these hold.

    Raises: ValueError for a name that is no identifier.
    >>> class Linear(tf.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w = tf.Variable([[2.0]], name="w")
    ...         self.b = tf.Variable([0.0], name="b")
    >>> [v.name for v in Linear().trainable_variables]
    ['b:0', 'w:0']
    """

    _TF_MODULE_IGNORED_PROPERTIES: frozenset[str] = frozenset()

    def __init__(self, name: str | None = None) -> None:
        name = _snake(type(self).__name__) if name is None else name
        if not re.fullmatch(r"[a-zA-Z_]\w*", name):
            raise ValueError(
                f"{name!r} is not a valid module name. Module names must be valid Python identifiers (e.g. a valid class name)."
            )
        self._name = name
        with name_scope(name) as path:
            self._scope_name = path

    @property
    def name(self) -> str:
        """The module's name: by default the class's, in small letters."""
        return self._name

    @property
    def name_scope(self) -> name_scope:
        """The scope of names in which its variables belong."""
        return name_scope(self._scope_name)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables that it and its modules own."""
        return tuple(self._flatten(predicate=_is_variable))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """The trainable ones among them."""
        return tuple(self._flatten(predicate=lambda x: _is_variable(x) and x.trainable))

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """The others."""
        return tuple(self._flatten(predicate=lambda x: _is_variable(x) and not x.trainable))

    @property
    def submodules(self) -> tuple[Any, ...]:
        """All modules that it owns, and those that they own."""
        return tuple(self._flatten(predicate=_is_module))

    def _flatten(self, recursive: bool = True, predicate: Callable[[Any], bool] | None = None, **options: Any) -> Iterator[Any]:
        """What attributes hold, sorted by name, that satisfies the predicate; then the same of the modules among it."""
        return _found(self, recursive, predicate or (lambda x: True), {id(self)})

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator of methods: names made inside begin with the module's."""
        import functools

        @functools.wraps(method)
        def scoped(self: "Module", *args: Any, **kwargs: Any) -> Any:
            with self.name_scope:
                return method(self, *args, **kwargs)

        return scoped


def _snake(name: str) -> str:
    """CamelCase in small letters: HTTPLayer2 -> http_layer2."""
    spaced = re.sub(r"((?<=[a-z0-9])[A-Z]|(?!^)(?<!_)[A-Z](?=[a-z]))", r"_\1", name)
    return spaced.lower()


def _is_variable(x: Any) -> bool:
    return isinstance(x, Variable)


def _is_keras(x: Any) -> bool:
    """Whether this is a layer or model: they keep account of their variables themselves."""
    return hasattr(x, "trainable_weights") and hasattr(x, "non_trainable_weights")


def _is_module(x: Any) -> bool:
    return isinstance(x, Module) or _is_keras(x)


def _attributes(owner: Any) -> Iterator[Any]:
    ignored: frozenset[str] = getattr(type(owner), "_TF_MODULE_IGNORED_PROPERTIES", frozenset())
    for name in sorted(vars(owner)):
        if name not in ignored:
            yield from tree.flatten(vars(owner)[name])


def _found(owner: Any, recursive: bool, predicate: Callable[[Any], bool], seen: set[int]) -> Iterator[Any]:
    inner = []
    for leaf in [*owner.weights, *_attributes(owner)] if _is_keras(owner) else _attributes(owner):
        if id(leaf) in seen:
            continue
        wanted, module = predicate(leaf), _is_module(leaf)
        if wanted or module:
            seen.add(id(leaf))
        if wanted:
            yield leaf
        if module:
            inner.append(leaf)
    for module in inner if recursive else ():
        yield from _found(module, recursive, predicate, seen)
