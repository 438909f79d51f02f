"""Control flow by functions: cond, case, loops, maps and folds, TensorArray, calls of Python functions.

Eagerly they run in Python. In a trace, a choice by a traced value and a loop become nodes with body graphs; maps and
folds, whose length is known there, unroll.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from millstream.core.dispatch import STATE, wrap
from millstream.core.dtypes import as_dtype
from millstream.core.spec import TensorShape
from millstream.core.tensor import Tensor, convert
from millstream.ops.array.creation import cast, stack
from millstream.ops.array.gather import gather, where
from millstream.ops.array.join import concat, split, unstack
from millstream.ops.array.shape import expand_dims, reshape
from millstream.ops.math.comparison import equal
from millstream.util import tree
from millstream.util.errors import OperatorNotAllowedInGraphError, invalid
from millstream.util.export import export

Function = Callable[..., Any]


def _known(value: Any) -> Any:
    """A condition as a Python bool, or the traced tensor that it is."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    test = convert(value)
    return bool(test) if test._dispatch is None else test


def _either(test: Any, true_fn: Function, false_fn: Function) -> Any:
    """The result of one of two functions; a node of the trace when the condition is traced."""
    if isinstance(test, bool):
        return true_fn() if test else false_fn()
    if STATE.trace is None:
        raise OperatorNotAllowedInGraphError(f"The condition {test} has no value, and no function is being traced; use tf.where.")
    return STATE.trace.choose(test, true_fn, false_fn)


@export("tf.cond")
def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: str | None = None) -> Any:
    """The result of true_fn() or of false_fn().

    Raises: TypeError for what is no function.
    >>> int(tf.cond(tf.constant(2) > 1, lambda: 10, lambda: 20))
    10
    """
    for what, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError(f"{what} must be callable; got {function!r}. Write a lambda.")
    return _either(_known(pred), true_fn, false_fn)


def _tensors(result: Any) -> Any:
    return tree.map_structure(lambda x: x if x is None or hasattr(x, "assign") else convert(x), result)


@export("tf.case")
def case(pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: str = "case") -> Any:
    """The result of the function of the first condition that holds, else of default.

    Raises: InvalidArgumentError when none holds and there is no default, or several hold and exclusive is set.
    >>> int(tf.case([(tf.constant(False), lambda: 1)], default=lambda: 2))
    2
    """
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    known = [(_known(p.deref() if hasattr(p, "deref") else p), f) for p, f in pairs]
    if all(isinstance(p, bool) for p, _ in known):
        found = [f for p, f in known if p]
        if exclusive and len(found) > 1:
            raise invalid(f"More than one condition evaluated as True but exclusive=True: {len(found)} of {len(pairs)}.")
        if not found and default is None:
            raise invalid("None of the conditions evaluated as True, and there is no default.")
        return _tensors((found[0] if found else default)())
    if exclusive or default is None:
        raise OperatorNotAllowedInGraphError(
            "tf.case with exclusive=True or without a default checks values, which a traced function does not know; run it eagerly."
        )
    return _first_of(known, default)


def _first_of(pairs: Sequence[tuple[Any, Function]], default: Function) -> Any:
    if not pairs:
        return _tensors(default())
    (test, function), rest = pairs[0], pairs[1:]
    return _either(test, lambda: _tensors(function()), lambda: _first_of(rest, default))


@export("tf.switch_case")
def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: str = "switch_case") -> Any:
    """The result of one of several functions, by its number; of the last one (or default) for a number outside.

    >>> int(tf.switch_case(tf.constant(1), [lambda: 10, lambda: 20]))
    20
    """
    index = convert(branch_index)
    numbered = isinstance(branch_fns, dict) or isinstance(branch_fns[0], (list, tuple))
    functions: dict[int, Any] = dict(branch_fns) if numbered else dict(enumerate(branch_fns))
    otherwise = default if default is not None else functions[max(functions)]
    if index._dispatch is None:
        return _tensors(functions.get(int(index), otherwise)())
    return _first_of([(index == convert(k, index.dtype), f) for k, f in functions.items()], otherwise)


# ---------------------------------------------------------------------------------------------- loops
@export("tf.while_loop")
def while_loop(
    cond: Function, body: Function, loop_vars: Any, shape_invariants: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, maximum_iterations: Any = None, name: str | None = None,
) -> Any:  # fmt: skip
    """loop_vars = body(*loop_vars) as long as cond(*loop_vars) holds.

    Raises: ValueError when body returns another number of variables.
    >>> [int(v) for v in tf.while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), [0, 0])]
    [4, 6]
    """
    variables = [_loop_variable(v) for v in loop_vars]
    limit = -1 if maximum_iterations is None else int(maximum_iterations)

    def step(values: list[Any]) -> list[Any]:
        result = body(*values)
        found = list(result) if isinstance(result, (list, tuple)) and (len(values) != 1 or len(result) == 1) else [result]
        if len(found) != len(values):
            raise ValueError(f"The body of tf.while_loop takes {len(values)} variables and returned {len(found)}; return one for each.")
        return [_loop_variable(v) for v in found]

    if STATE.trace is not None:
        variables = STATE.trace.repeat(lambda values: cond(*values), step, variables, limit)
    else:
        rounds = 0
        while rounds != limit and bool(convert(cond(*variables))):
            variables, rounds = step(variables), rounds + 1
    return variables[0] if len(variables) == 1 and not isinstance(loop_vars, (list, tuple)) else tree.pack(_flat_like(loop_vars), variables)


def _loop_variable(value: Any) -> Any:
    return value if isinstance(value, TensorArray) or tree.is_nested(value) or hasattr(value, "assign") else convert(value)


def _flat_like(loop_vars: Any) -> Any:
    """The outer structure of the variables, each a leaf."""
    return type(loop_vars)([0] * len(loop_vars)) if type(loop_vars) in (list, tuple) else [0] * len(loop_vars)


def _rows(elems: Any) -> list[Any]:
    """The elements of nested tensors along their first dimension, each in the same nesting. Raises: InvalidArgumentError for none."""
    leaves = [convert(x) for x in tree.flatten(elems)]
    lengths = {int(x.shape[0]) if x.ndim else -1 for x in leaves}
    if len(lengths) != 1 or -1 in lengths:
        raise invalid(f"elems must have a common first dimension; got shapes {[list(x.shape) for x in leaves]}.")
    columns = [unstack(x) for x in leaves]
    return [tree.pack(elems, list(row)) for row in zip(*columns, strict=True)]


def _stacked(results: Sequence[Any]) -> Any:
    """Nested results of equal nesting as one nesting of stacked tensors."""
    leaves = zip(*[[convert(x) for x in tree.flatten(r)] for r in results], strict=True)
    return tree.pack(results[0], [stack(list(column)) for column in leaves])


@export("tf.map_fn")
def map_fn(
    fn: Function, elems: Any, dtype: Any = None, parallel_iterations: Any = None, back_prop: bool = True, swap_memory: bool = False,
    infer_shape: bool = True, name: str | None = None, fn_output_signature: Any = None,
) -> Any:  # fmt: skip
    """The results of a function of each element along the first dimension, stacked.

    >>> tf.map_fn(lambda x: x * x, tf.constant([1, 2, 3])).numpy().tolist()
    [1, 4, 9]
    """
    rows = _rows(elems)
    if not rows:
        return tree.map_structure(convert, elems)
    made = _stacked([fn(row) for row in rows])
    wanted = fn_output_signature if fn_output_signature is not None else dtype
    if wanted is None or tree.is_nested(wanted) or tree.is_nested(made):
        return made
    return cast(made, getattr(wanted, "dtype", wanted))


@export("tf.vectorized_map")
def vectorized_map(fn: Function, elems: Any, fallback_to_while_loop: bool = True) -> Any:
    """The results of a function of each element along the first dimension, stacked.

    >>> tf.vectorized_map(lambda x: x + 1, tf.constant([1, 2])).numpy().tolist()
    [2, 3]
    """
    return map_fn(fn, elems)


def _running(fn: Function, elems: Any, initializer: Any, reverse: bool) -> list[Any]:
    """The accumulator after each element, in the order in which they were taken."""
    rows = _rows(elems)[:: -1 if reverse else 1]
    results = [] if initializer is not None else rows[:1]
    state = _tensors(initializer) if initializer is not None else rows[0]
    for row in rows[len(results) :]:
        state = fn(state, row)
        results.append(state)
    return results


@export("tf.scan")
def scan(
    fn: Function, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True, swap_memory: bool = False,
    infer_shape: bool = True, reverse: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """state = fn(state, element) along the first dimension; all states, stacked. The first element is the first state by default.

    >>> tf.scan(lambda a, x: a + x, tf.constant([1, 2, 3])).numpy().tolist()
    [1, 3, 6]
    """
    results = _running(fn, elems, initializer, reverse)
    return _stacked(results[:: -1 if reverse else 1])


@export("tf.foldl")
def foldl(
    fn: Function, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True, swap_memory: bool = False, name: str | None = None
) -> Any:  # fmt: skip
    """The last state of scan.

    >>> int(tf.foldl(lambda a, x: a - x, tf.constant([1, 2, 3])))
    -4
    """
    return _running(fn, elems, initializer, False)[-1]


@export("tf.foldr")
def foldr(
    fn: Function, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True, swap_memory: bool = False, name: str | None = None
) -> Any:  # fmt: skip
    """The last state of scan from the end.

    >>> int(tf.foldr(lambda a, x: a - x, tf.constant([1, 2, 3])))
    0
    """
    return _running(fn, elems, initializer, True)[-1]


# ---------------------------------------------------------------------------------------------- TensorArray
def _is_traced(x: Any) -> bool:
    return isinstance(x, Tensor) and x._dispatch is not None


@export("tf.TensorArray")
class TensorArray:
    """A list of tensors that a loop fills: write, read, stack. An element is gone once it is read, unless clear_after_read=False.

    >>> ta = tf.TensorArray(tf.float32, size=2)
    >>> ta = ta.write(0, 1.0).write(1, 2.0)
    >>> ta.stack().numpy().tolist()
    [1.0, 2.0]
    """

    def __init__(
        self, dtype: Any, size: Any = None, dynamic_size: Any = None, clear_after_read: Any = None, tensor_array_name: str | None = None,
        handle: Any = None, flow: Any = None, infer_shape: bool = True, element_shape: Any = None, colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:  # fmt: skip
        self._dtype, self.dynamic_size = as_dtype(dtype), bool(dynamic_size)
        self._clear = clear_after_read is None or bool(clear_after_read)
        self._items: list[Any] = [None] * int(size or 0)
        self.element_shape = TensorShape(element_shape)
        self._buffer: Any = None  # the elements as one tensor, once one was written at a place that a trace does not know

    def copy(self) -> "TensorArray":
        """Another array with the same elements."""
        made = object.__new__(TensorArray)
        made.__dict__.update(self.__dict__, _items=list(self._items))
        return made

    def as_buffer(self) -> Any:
        """All elements as one tensor, zeros for those not written; None when their shape is not known yet."""
        if self._buffer is not None:
            return self._buffer
        known = next((v for v in self._items if v is not None), None)
        if known is None and not (self.element_shape.rank is not None and self.element_shape.is_fully_defined()):
            return None
        shape = tuple(self.element_shape) if known is None else tuple(known.shape)
        zeros = wrap(np.zeros(shape, self._dtype.numpy))
        return stack([zeros if v is None else v for v in self._items]) if self._items else None

    def with_buffer(self, buffer: Any) -> "TensorArray":
        """Another array with the rows of a tensor as elements."""
        made = self.copy()
        made._buffer, made._items = buffer, [None] * int(buffer.shape[0])
        return made

    @property
    def dtype(self) -> Any:
        """The dtype of the elements."""
        return self._dtype

    @property
    def flow(self) -> None:
        """Nothing: order is that of the program."""

    handle = flow

    def _place(self, index: Any) -> int:
        """Raises: OutOfRangeError for a place outside."""
        from millstream.util.errors import OutOfRangeError

        at = int(index)
        if not 0 <= at < len(self._items):
            raise OutOfRangeError(
                None, None, f"Tried to use index {at} of a TensorArray of size {len(self._items)}; dynamic_size=True lets it grow."
            )
        return at

    def write(self, index: Any, value: Any, name: str | None = None) -> "TensorArray":
        """Put a value at a place; returns this array."""
        if self._buffer is not None or _is_traced(index):
            return self._write_somewhere(convert(index), convert(value, None if hasattr(value, "dtype") else self._dtype))
        if self.dynamic_size and int(index) >= len(self._items):
            self._items += [None] * (int(index) + 1 - len(self._items))
        self._items[self._place(index)] = convert(value, None if hasattr(value, "dtype") else self._dtype)
        return self

    def _write_somewhere(self, index: Tensor, value: Tensor) -> "TensorArray":
        """Put a value at a place that a trace does not know. Raises: OperatorNotAllowedInGraphError when the array would have to grow."""
        if self.dynamic_size or not self._items:
            raise OperatorNotAllowedInGraphError(
                "A TensorArray that grows (dynamic_size=True) has no static size in a traced loop; give it its size, and dynamic_size=False."
            )
        buffer = self.as_buffer()
        if buffer is None:
            buffer = wrap(np.zeros((len(self._items), *tuple(value.shape)), self._dtype.numpy))
        n = len(self._items)
        here = reshape(equal(wrap(np.arange(n, dtype=index.dtype.numpy)), index), (n, *[1] * value.ndim))
        self._buffer = where(here, expand_dims(value, 0), buffer)
        return self

    def read(self, index: Any, name: str | None = None) -> Any:
        """The value at a place. Raises: InvalidArgumentError for one not written, or already read and cleared."""
        if self._buffer is not None or _is_traced(index):
            return gather(self._rows(), index)
        at = self._place(index)
        value = self._items[at]
        if value is None:
            raise invalid(
                f"Could not read index {at} of the TensorArray: it was not written, or was cleared by a read (clear_after_read=False keeps it)."
            )
        if self._clear:
            self._items[at] = None
        return value

    def stack(self, name: str | None = None) -> Any:
        """All values along a new first dimension; zeros for those not written."""
        if self._buffer is not None:
            return self._buffer
        known = next((v for v in self._items if v is not None), None)
        if known is None:
            return wrap(np.zeros((0, *(n or 0 for n in self.element_shape)) if self.element_shape else (0,), self._dtype.numpy))
        return stack([known - known if v is None else v for v in self._items])

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """The values at these places along a new first dimension."""
        if self._buffer is not None or _is_traced(indices):
            return gather(self._rows(), indices)
        return stack([self.read(int(i)) for i in convert(indices)])

    def concat(self, name: str | None = None) -> Any:
        """All values joined along their first dimension."""
        if self._buffer is not None:
            return concat(unstack(self._buffer), 0)
        return concat([v for v in self._items if v is not None], 0)

    def unstack(self, value: Any, name: str | None = None) -> "TensorArray":
        """Fill the array with the rows of a tensor."""
        self._items, self._buffer = unstack(convert(value, None if hasattr(value, "dtype") else self._dtype)), None
        return self

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> "TensorArray":
        """Put the rows of a tensor at these places."""
        for i, row in zip(unstack(convert(indices)), unstack(convert(value)), strict=True):
            self.write(i if _is_traced(i) else int(i), row)
        return self

    def split(self, value: Any, lengths: Any, name: str | None = None) -> "TensorArray":
        """Fill the array with pieces of a tensor of these lengths."""
        self._items = split(value, [int(n) for n in convert(lengths)], 0)
        return self

    def size(self, name: str | None = None) -> Tensor:
        """How many places there are."""
        return wrap(np.int32(len(self._items)))

    def identity(self) -> "TensorArray":
        """This array."""
        return self

    def close(self, name: str | None = None) -> None:
        """Forget all values."""
        self._items = []

    def _rows(self) -> Any:
        buffer = self.as_buffer()
        if buffer is None:
            raise invalid("Could not read from the TensorArray: nothing has been written to it.")
        return buffer

    mark_used = identity
    grad = identity
