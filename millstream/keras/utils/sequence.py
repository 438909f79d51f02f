"""Sequence: data in batches that can be asked for by number."""

from collections.abc import Iterator
from typing import Any

from millstream.util.export import export


@export("tf.keras.utils.Sequence")
class Sequence:
    """Base class: `__getitem__(i)` gives batch i, `__len__` says how many batches make an epoch; `on_epoch_end` may rearrange them."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} is a keras.utils.Sequence: it needs __getitem__(index), which returns one batch.")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} is a keras.utils.Sequence: it needs __len__, the number of batches.")

    def on_epoch_end(self) -> None:
        """Called at the end of every epoch."""

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))
