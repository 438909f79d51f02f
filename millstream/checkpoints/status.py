"""What `restore` returns: questions about how much of a checkpoint has arrived."""

from __future__ import annotations

from typing import Any, Self

from millstream.checkpoints.graph import View, children
from millstream.checkpoints.restore import Restoration
from millstream.core.variable import Variable


class CheckpointLoadStatus:
    """The state of a restoration from a checkpoint with a graph of objects."""

    def __init__(self, restoration: Restoration, root: Any) -> None:
        self._restoration, self._root = restoration, root

    def assert_consumed(self) -> Self:
        """Raises: AssertionError when a value has found no variable yet, or a variable no value."""
        r = self._restoration
        r.proceed()
        for number in r.keys:
            if number not in r.done:
                raise AssertionError(
                    f"Unresolved object in checkpoint: {r.path_of(number)}. No variable of the program has taken its value (yet)."
                )
        return self.assert_existing_objects_matched()

    def assert_existing_objects_matched(self) -> Self:
        """Raises: AssertionError when a variable that exists has no value in the checkpoint."""
        self._restoration.proceed()
        restored = {id(v) for v in self._restoration.done.values()}
        view = View(self._root)
        missing = [view.paths[i] for i, v in enumerate(view.objects) if isinstance(v, Variable) and id(v) not in restored]
        if missing:
            raise AssertionError(
                f"Found {len(missing)} Python objects that were not bound to checkpointed values, likely due to changes in the Python program. "
                f"Showing {min(10, len(missing))} of {len(missing)} unmatched objects: {missing[:10]}"
            )
        return self

    def assert_nontrivial_match(self) -> Self:
        """Raises: AssertionError when nothing but the root was found in the checkpoint."""
        self._restoration.proceed()
        if len(self._restoration.bound) <= 1 and not self._restoration.done and children(self._root):
            names = [name for name, _ in children(self._root)]
            raise AssertionError(
                "Nothing except the root object matched a checkpointed value. Typically this means that the checkpoint does not match the "
                f"Python program. The following objects have no matching checkpointed value: {names}"
            )
        return self

    def expect_partial(self) -> Self:
        """Say that values may be left over."""
        return self

    def initialize_or_restore(self, session: Any = None) -> None:
        """Nothing to do: values are restored when they can be."""

    def run_restore_ops(self, session: Any = None) -> None:
        """Nothing to do: values are restored when they can be."""


class NameBasedSaverStatus(CheckpointLoadStatus):
    """The state of a restoration by variables' names."""

    def __init__(self, root: Any, unused: list[str], missing: list[str], matched: int) -> None:
        self._root, self._unused, self._missing, self._matched = root, unused, missing, matched

    def assert_consumed(self) -> Self:
        """Raises: AssertionError when names are left over on either side."""
        if self._unused:
            raise AssertionError(f"Some values of the checkpoint belong to no variable: {self._unused[:10]}.")
        return self.assert_existing_objects_matched()

    def assert_existing_objects_matched(self) -> Self:
        """Raises: AssertionError when a variable has no value of its name."""
        if self._missing:
            raise AssertionError(f"Some variables have no value in the checkpoint: {self._missing[:10]}.")
        return self

    def assert_nontrivial_match(self) -> Self:
        """Raises: AssertionError when no name matched."""
        if not self._matched:
            raise AssertionError("No variable of the program has a value in the checkpoint: it holds other names.")
        return self


class InitializationOnlyStatus(CheckpointLoadStatus):
    """What `restore(None)` gives: nothing was restored."""

    def __init__(self) -> None:
        """Nothing to remember."""

    def assert_consumed(self) -> Self:
        """Raises: AssertionError always."""
        raise AssertionError("No checkpoint specified (save_path=None); nothing is being restored.")

    assert_existing_objects_matched = assert_consumed
    assert_nontrivial_match = assert_consumed
