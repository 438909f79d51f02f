"""tf.nest: nested lists, tuples and dicts taken apart and put together."""

from collections.abc import Callable
from typing import Any

from millstream.util import tree
from millstream.util.export import export


@export("tf.nest.flatten")
def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves, left to right; of dicts in the order of their sorted keys.

    >>> tf.nest.flatten({"b": [1, 2], "a": (3,)})
    [3, 1, 2]
    """
    return tree.flatten(structure)


@export("tf.nest.map_structure")
def map_structure(func: Callable[..., Any], *structure: Any, **kwargs: Any) -> Any:
    """The structure of the results of a function of the leaves. Raises: ValueError or TypeError when structures differ.

    >>> tf.nest.map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
    [11, (22,)]
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    unknown = set(kwargs) - {"check_types", "expand_composites"}
    if unknown:
        raise ValueError(f"Only valid keyword arguments are `check_types` and `expand_composites`, not: `{'`, `'.join(sorted(unknown))}`")
    return tree.map_structure(func, *structure)


@export("tf.nest.pack_sequence_as")
def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """A structure with these leaves. Raises: ValueError when their number differs.

    >>> tf.nest.pack_sequence_as([0, (0,)], [1, 2])
    [1, (2,)]
    """
    return tree.pack(structure, list(flat_sequence))


@export("tf.nest.assert_same_structure")
def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raises: ValueError when the nesting differs; TypeError when its types do.

    >>> tf.nest.assert_same_structure([1, (2,)], [0, (0,)])
    """
    tree.assert_same_structure(nest1, nest2, check_types)


@export("tf.nest.is_nested")
def is_nested(seq: Any) -> bool:
    """Whether this is a structure rather than a leaf.

    >>> tf.nest.is_nested([1]), tf.nest.is_nested("ab")
    (True, False)
    """
    return tree.is_nested(seq)
