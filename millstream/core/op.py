"""What an op is: one record of its meaning and, attached beneath it, every rule that is derived from.

    @op("tf.math.tanh", "tf.tanh", samples=unary(-4, 4), errors=floating_only)
    def tanh(xp, x):                       the meaning; xp is numpy (eager, reference) or jax.numpy
        return xp.tanh(x)
    tanh.vjp(lambda g, y, x: g * (1 - y * y))
    @tanh.scalar
    def _(b, x): ...                       the compiled body

The positional parameters of the meaning after `xp` are tensors (`*xs`: any number); keyword-only parameters are
static attributes: hashable Python values. A meaning returns one array, or a tuple of arrays.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from millstream.core.spec import ArraySpec
from millstream.util.export import Later, publish

Rule = Callable[..., Any]
_OPS: dict[str, "Op"] = {}
_CALLS: list[Callable[["Op"], Rule]] = []


def set_call_maker(make: Callable[["Op"], Rule]) -> None:
    """Say how a call of an op is carried out; core/dispatch.py does, before the first op is made."""
    _CALLS[:] = [make]


def _parameters(meaning: Rule) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Names of the inputs, names of the attributes, and whether there are any number of inputs; inspect.signature takes 20 times as long."""
    code = inspect.unwrap(meaning).__code__
    names, count, keywords = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    inputs = names[1:count] + ((names[count + keywords],) if variadic else ())
    return inputs, names[count : count + keywords], variadic


class Op:
    """One primitive operation. Calling it runs it eagerly, records it on tapes, or adds it to the graph being traced."""

    def __init__(self, name: str, meaning: Rule, *, mixed: bool, stateful: bool, samples: Any, errors: Any, kinds: str = "") -> None:
        self.name, self.meaning = name, meaning
        self.inputs, self.attrs, self.variadic = _parameters(meaning)
        self.defaults = dict(getattr(inspect.unwrap(meaning), "__kwdefaults__", None) or {})
        self.mixed, self.stateful, self.samples, self.errors, self.kinds = mixed, stateful, samples, errors, kinds
        self.infer_rule: Rule | None = None
        self.vjps: tuple[Rule | None, ...] | None = None
        self.vjp_all_rule: Rule | None = None
        self.rules: dict[str, Rule] = {}
        self.__doc__, self.__module__, self.__name__ = meaning.__doc__, meaning.__module__, name
        self.public: tuple[str, ...] = ()

    @cached_property
    def fast(self) -> Rule:
        """The quickest way to call this op; made when it is first called, so that loading hundreds of ops stays quick."""
        return _CALLS[0](self)

    def __call__(self, *inputs: Any, **attrs: Any) -> Any:
        """Run on tensors (or what becomes tensors), or add to the graph being traced."""
        return self.fast(*inputs, **attrs)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    # ------------------------------------------------------------------ rules
    def infer(self, rule: Rule) -> Rule:
        """Attach shape and dtype: rule(*specs, **attrs) -> ArraySpec or a tuple of them. Without one the meaning is run on zeros."""
        self.infer_rule = rule
        return rule

    def vjp(self, *rules: Rule | None) -> None:
        """Attach a gradient per input: rule(g, y, *inputs, **attrs) -> Tensor or None; None for an input without gradient."""
        if not self.variadic and len(rules) != len(self.inputs):
            raise TypeError(
                f"{self.name} has {len(self.inputs)} inputs; got {len(rules)} gradient rules. Give one per input, None for none."
            )
        self.vjps = rules

    def vjp_all(self, rule: Rule) -> Rule:
        """Attach one gradient rule that returns the gradients of all inputs, in order."""
        self.vjp_all_rule = rule
        return rule

    def no_gradient(self) -> None:
        """Declare that no gradient flows through this op."""
        self.vjps = (None,) * len(self.inputs)

    def scalar(self, rule: Rule) -> Rule:
        """Attach the compiled body of an elementwise op: rule(b, *values, **attrs) -> value."""
        return self._attach("scalar", rule)

    def expand(self, rule: Rule) -> Rule:
        """Attach a composite: rule(*tensors, **attrs) -> tensors, written with simpler ops; compiled code uses it. None: not for these."""
        return self._attach("expand", rule)

    def view(self, rule: Rule) -> Rule:
        """Attach a re-reading of the same memory: rule(view, spec, **attrs) -> a view, or None when a copy is needed."""
        return self._attach("view", rule)

    def reduction(self, rule: Rule) -> Rule:
        """Attach a reduction: rule(spec, **attrs) -> (combiner, axes)."""
        return self._attach("reduction", rule)

    def contraction(self, rule: Rule) -> Rule:
        """Attach a sum of products: rule(*specs, **attrs) -> subscripts as einsum's."""
        return self._attach("contraction", rule)

    def layout(self, rule: Rule) -> Rule:
        """Attach how kernels want it: rule(*tensors, **attrs) -> tensors, written with ops that have kernels, or None to stay as it is."""
        return self._attach("layout", rule)

    def kernel(self, family: str, whole: bool = False, covers: Rule = lambda *specs, **attrs: True) -> None:
        """Say which family of kernels (`codegen/sliding.py`) computes this op, and for which specs and attributes.

        whole: its inputs must lie in order, without gaps; otherwise only the last axis must run along memory.
        """
        self.rules["kernel"] = lambda *specs, **attrs: family if covers(*specs, **attrs) else None
        if whole:
            self.rules["whole"] = lambda: True

    def join(self, rule: Rule) -> Rule:
        """Attach a putting together: rule(*specs, **attrs) -> for each input, where in the result it begins; they fill it without a gap."""
        return self._attach("join", rule)

    def rows(self, rule: Rule) -> Rule:
        """Attach what is done with rows of a table by their numbers: rule(**attrs) -> "take", "add", or None where it is something else."""
        return self._attach("rows", rule)

    def random(self, distribution: str) -> None:
        """Say that this op draws from a stream (attributes key, high; one input: the offset), in compiled code as well."""
        self.rules["random"] = lambda: distribution

    def _attach(self, kind: str, rule: Rule) -> Rule:
        self.rules[kind] = rule
        return rule

    @property
    def is_elementwise(self) -> bool:
        """Whether each element of the result depends on the same element of the (broadcast) inputs alone."""
        return "scalar" in self.rules

    # ------------------------------------------------------------------ derived
    def output_specs(self, specs: Sequence[ArraySpec], attrs: dict[str, Any]) -> Any:
        """The spec of the result, or a tuple of specs. Raises what the op raises for wrong shapes."""
        if self.kinds and specs and specs[0].dtype.numpy.kind not in self.kinds:
            refuse_kind(self, specs[0].dtype.numpy)
        if self.infer_rule is not None:
            return self.infer_rule(*specs, **attrs)
        return _specs_by_running(self, specs, attrs)


_KINDS = {"f": "floating point", "c": "complex", "i": "whole", "u": "unsigned", "b": "bool", "O": "string"}


def title_of(made: Op) -> str:
    """The op's name as messages have it: "ReduceSum"."""
    return "".join(w.capitalize() for w in made.name.split("_"))


def refuse_kind(made: Op, dtype: Any) -> None:
    """Raises: InvalidArgumentError for a first input of a kind that the op does not take."""
    from millstream.core.dtypes import OF_NUMPY
    from millstream.util.errors import invalid

    title = title_of(made)
    wanted = ", ".join(_KINDS[k] for k in made.kinds if k in _KINDS)
    raise invalid(f"{title} takes tensors that are {wanted}; got {OF_NUMPY[dtype].name} [Op:{title}]. Convert it with tf.cast.")


def _specs_by_running(op: Op, specs: Sequence[ArraySpec], attrs: dict[str, Any]) -> Any:
    """Run the meaning on ones: always right where the result's shape does not depend on values."""
    import numpy as np

    from millstream.core.dtypes import OF_NUMPY

    arrays = [np.ones(s.shape, s.dtype.numpy) for s in specs]
    with np.errstate(all="ignore"):
        out = op.meaning(np, *arrays, **attrs)
    made = tuple(ArraySpec(tuple(a.shape), OF_NUMPY[a.dtype]) for a in (out if isinstance(out, tuple) else (out,)))
    return made if isinstance(out, tuple) else made[0]


def op(
    *public: str, mixed: bool = False, stateful: bool = False, samples: Any = None, errors: Any = (), name: str = "", kinds: str = ""
) -> Callable[[Rule], Op]:
    """Decorator: make an op of its meaning and publish it under TensorFlow's names.

    mixed: the inputs may have different dtypes (otherwise they must agree, and Python numbers take the tensors' dtype).
    stateful: two calls with the same inputs may differ; never merged, never dropped, kept in order.
    kinds: NumPy's letters of the kinds that the first input may have ("fV": floating point with bfloat16); "" takes all.
    """

    def decorate(meaning: Rule) -> Op:
        made = Op(name or meaning.__name__.strip("_"), meaning, mixed=mixed, stateful=stateful, samples=samples, errors=errors, kinds=kinds)
        if made.name in _OPS:
            raise ValueError(f"There are two ops named {made.name!r}: in {_OPS[made.name].__module__} and {made.__module__}.")
        _OPS[made.name] = made
        made.public = public
        if public:
            publish(Later(lambda: public_function(made)), *public)
        return made

    return decorate


def ops() -> list[Op]:
    """Every op there is, in order of definition."""
    return list(_OPS.values())


def public_function(made: Op) -> Callable[..., Any]:
    """The op as a plain function with the meaning's signature and `name=None`, as TensorFlow's functions have it."""
    if not made.attrs and not made.variadic and "name" in inspect.signature(made.fast).parameters:
        return made.fast
    names, fast = made.inputs, made.fast

    def function(*args: Any, name: str | None = None, **kwargs: Any) -> Any:
        if kwargs or len(args) != len(names):
            args, kwargs = _bind(made, args, kwargs)
        return fast(*args, **kwargs)

    function.__name__, function.__doc__, function.__module__ = made.name, made.__doc__, made.__module__
    function.__signature__ = _signature(made)  # type: ignore[attr-defined]
    return function


def _signature(made: Op) -> inspect.Signature:
    parameters = list(inspect.signature(made.meaning).parameters.values())[1:]
    plain = [p if p.kind is p.VAR_POSITIONAL else p.replace(kind=p.POSITIONAL_OR_KEYWORD, annotation=p.empty) for p in parameters]
    return inspect.Signature([*plain, inspect.Parameter("name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)])


def _bind(made: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional tensors and keyword attributes, however the caller passed them."""
    bound = _signature(made).bind(*args, **kwargs)
    values = {k: v for k, v in bound.arguments.items() if k != "name"}
    if made.variadic:
        return values.pop(made.inputs[-1], ()), values
    return tuple(values.pop(n) for n in made.inputs), values
