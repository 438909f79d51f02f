"""Names that Keras makes up: `dense`, `dense_1`, ... counted per process until `clear_session`."""

import re
from collections import defaultdict
from collections.abc import Iterable

from millstream.util.export import export

_counts: dict[str, int] = defaultdict(int)


@export("tf.keras.backend.get_uid")
def get_uid(prefix: str = "") -> int:
    """The next number of a prefix, from 1.

    >>> tf.keras.backend.get_uid("prefix_of_this_example")
    1
    """
    _counts[prefix] += 1
    return _counts[prefix]


@export("tf.keras.backend.reset_uids")
def reset_uids() -> None:
    """Count from the beginning again."""
    _counts.clear()


def to_snake_case(name: str) -> str:
    """A class's name as Keras makes an object's name of it.

    >>> to_snake_case("Conv2DTranspose"), to_snake_case("MeanIoU")
    ('conv2d_transpose', 'mean_io_u')
    """
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
    return "private" + snake if snake.startswith("_") else snake


def unique_object_name(name: str, *, zero_based: bool = False, avoid: Iterable[str] = ()) -> str:
    """A name that no object has yet: `name_1`, `name_2`, ...; with zero_based the first is `name` itself."""
    taken = set(avoid)
    while True:
        count = get_uid(name)
        if zero_based:
            count -= 1
        made = f"{name}_{count}" if count else name
        if made not in taken:
            return made
