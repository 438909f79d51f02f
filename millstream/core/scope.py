"""Name scopes: prefixes of the names that variables and layers get."""

from collections.abc import Iterator
from contextlib import contextmanager

from millstream.util.export import export

_stack: list[str] = []


def current() -> str:
    """The scope in force, such as "model/dense"; "" outside of any."""
    return _stack[-1] if _stack else ""


def scoped(name: str) -> str:
    """A name below the scope in force."""
    return f"{current()}/{name}" if current() else name


@contextmanager
def absolute(path: str) -> Iterator[str]:
    """Put a whole path in force, whatever stands around it."""
    _stack.append(path)
    try:
        yield path
    finally:
        _stack.pop()


@export("tf.name_scope")
class name_scope:  # noqa: N801  (TensorFlow's name)
    """Context manager: names made inside get this prefix.

    >>> with tf.name_scope("outer"):
    ...     tf.Variable(1.0, name="w").name
    'outer/w:0'
    """

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def name(self) -> str:
        """The name given."""
        return self._name

    def __enter__(self) -> str:
        path = self._name.rstrip("/") if self._name.endswith("/") else scoped(self._name)
        _stack.append(path)
        return path + "/"

    def __exit__(self, *error: object) -> None:
        _stack.pop()
