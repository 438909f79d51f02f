"""tf.get_logger and the verbosity switches: Python's logger "tensorflow", with TensorFlow's form of a line."""

import logging
import sys
from typing import Any

from millstream.util.export import export, publish

_NAME = "tensorflow"


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]  # the stream is whatever sys.stderr is now
    """Writes to the error stream of the moment."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        super().emit(record)


@export("tf.get_logger")
def get_logger() -> logging.Logger:
    """The logger "tensorflow"; it writes lines such as "WARNING:tensorflow:..." to the error stream."""
    logger = logging.getLogger(_NAME)
    if not any(isinstance(h, _Stderr) for h in logger.handlers):
        handler = _Stderr()
        handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
        logger.addHandler(handler)
        logger.propagate = False
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    return logger


# ---------------------------------------------------------------------------------------------- tf.compat.v1.logging
@export("tf.compat.v1.logging.set_verbosity")
def set_verbosity(v: Any) -> None:
    """Show messages of this level and above: a number or a name such as "ERROR"."""
    get_logger().setLevel(v)


@export("tf.compat.v1.logging.get_verbosity")
def get_verbosity() -> int:
    """The level from which messages are shown."""
    return get_logger().getEffectiveLevel()


for _level in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL"):
    publish(getattr(logging, _level), f"tf.compat.v1.logging.{_level}")


def _logging(name: str, level: int) -> None:
    def log(msg: Any, *args: Any, **kwargs: Any) -> None:
        get_logger().log(level, msg, *args, **kwargs)

    log.__name__, log.__doc__ = name, f"Log a message of level {logging.getLevelName(level)}."
    publish(log, f"tf.compat.v1.logging.{name}")


for _name, _number in (("debug", 10), ("info", 20), ("warn", 30), ("warning", 30), ("error", 40), ("fatal", 50)):
    _logging(_name, _number)
