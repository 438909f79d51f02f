"""What a layer's `call` takes: looked at once per layer."""

import inspect
from collections.abc import Callable
from typing import Any


class CallSignature:
    """Which arguments `call` has, whether `training` and `mask` are among them, and its default for `training`."""

    __slots__ = ("accepts_any", "expects_mask", "expects_training", "first", "names", "training_default", "training_position")

    def __init__(self, call: Callable[..., Any]) -> None:
        parameters = inspect.signature(call).parameters
        positional = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.names = tuple(p.name for p in parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
        self.accepts_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.first = positional[0] if positional else "inputs"
        plain = self.accepts_any and not positional  # the base's own call: takes anything, needs nothing
        self.expects_training = "training" in self.names or (self.accepts_any and not plain)
        self.expects_mask = "mask" in self.names or (self.accepts_any and not plain)
        default = parameters["training"].default if "training" in parameters else None
        self.training_default = None if default is inspect.Parameter.empty else default
        self.training_position = positional.index("training") - 1 if "training" in positional else None

    def given_by_position(self, name: str, count: int) -> bool:
        """Whether `count` positional arguments after the first reach the argument of that name."""
        return name in self.names and 0 < self.names.index(name) <= count
