"""The tree of errors that Millstream raises beside Python's own; names and codes are TensorFlow's `tf.errors`.

Exception
  OpError
    InvalidArgumentError, NotFoundError, ... one class per status code
      OperandTypeError               an InvalidArgumentError and a TypeError
      IncompatibleShapesError        an InvalidArgumentError and a ValueError
TypeError
  OperatorNotAllowedInGraphError     a traced tensor was used where Python needs its value
"""

from typing import Any

from millstream.util.export import export, publish


@export("tf.errors.OpError")
class OpError(Exception):
    """An operation failed. `message` says what came, what was expected and how to fix it."""

    error_code = 2

    def __init__(self, node_def: Any = None, op: Any = None, message: str = "", error_code: int | None = None) -> None:
        super().__init__(message)
        self.node_def, self.op, self.message = node_def, op, message
        if error_code is not None:
            self.error_code = error_code

    def __str__(self) -> str:
        return self.message


class OperatorNotAllowedInGraphError(TypeError):
    """A tensor of a traced function was used where Python needs a value (`if tensor:`, `int(tensor)`)."""


CODES = {
    "CancelledError": 1,
    "UnknownError": 2,
    "InvalidArgumentError": 3,
    "DeadlineExceededError": 4,
    "NotFoundError": 5,
    "AlreadyExistsError": 6,
    "PermissionDeniedError": 7,
    "ResourceExhaustedError": 8,
    "FailedPreconditionError": 9,
    "AbortedError": 10,
    "OutOfRangeError": 11,
    "UnimplementedError": 12,
    "InternalError": 13,
    "UnavailableError": 14,
    "DataLossError": 15,
    "UnauthenticatedError": 16,
}


def _make(name: str, code: int) -> type[OpError]:
    doc = f"An `OpError` of status code {code}."
    made = type(name, (OpError,), {"error_code": code, "__doc__": doc, "__module__": __name__, "__init__": _init})
    publish(made, f"tf.errors.{name}")
    publish(code, f"tf.errors.{_constant(name)}")
    return made


def _init(self: OpError, node_def: Any = None, op: Any = None, message: str = "") -> None:
    OpError.__init__(self, node_def, op, message)


def _constant(name: str) -> str:
    words = name.removesuffix("Error")
    return "".join("_" + c if c.isupper() and i else c for i, c in enumerate(words)).upper()


_CLASSES = {name: _make(name, code) for name, code in CODES.items()}
publish(0, "tf.errors.OK")
InvalidArgumentError = _CLASSES["InvalidArgumentError"]
NotFoundError = _CLASSES["NotFoundError"]
FailedPreconditionError = _CLASSES["FailedPreconditionError"]
OutOfRangeError = _CLASSES["OutOfRangeError"]
UnimplementedError = _CLASSES["UnimplementedError"]
DataLossError = _CLASSES["DataLossError"]


class OperandTypeError(InvalidArgumentError, TypeError):  # type: ignore[valid-type, misc]  # a class made above
    """A Python value does not fit the dtype of the tensor beside it.

    TensorFlow raises InvalidArgumentError for `tensor + 1.5` and TypeError for `tf.add(tensor, 1.5)`; this is caught as either.
    """


class IncompatibleShapesError(InvalidArgumentError, ValueError):  # type: ignore[valid-type, misc]  # a class made above
    """Shapes that do not go together.

    TensorFlow raises InvalidArgumentError for them in eager code and ValueError in traced code; this is caught as either.
    """


def invalid(message: str) -> OpError:
    """An InvalidArgumentError of a message alone."""
    return InvalidArgumentError(None, None, message)
