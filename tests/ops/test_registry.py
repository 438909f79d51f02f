"""What every op must do, derived from its record: meaning, shape rule, trace and gradients agree; wrong inputs are explained."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.op import Op, ops
from millstream.core.samples import Sample
from millstream.core.spec import ArraySpec
from millstream.graph import interpreter
from millstream.graph.trace import Trace
from millstream.util.export import load_everything

load_everything()
OPS = [op for op in ops() if op.__module__.startswith(("millstream.ops", "millstream.core"))]

# largest relative error of derivatives by central differences in float64
TOLERANCE = {"first": 2e-6, "second": 2e-5}
STEP = 1e-5


def _each(chosen: list[Op]) -> list[Any]:
    return [pytest.param(op, id=op.name) for op in chosen]


def _samples(op: Op) -> list[Sample]:
    return list(op.samples()) if op.samples is not None else []


def _is_float(x: Any) -> bool:
    return bool(np.asarray(x).dtype.kind == "f")


def _smooth(op: Op) -> list[Sample]:
    """The samples to differentiate, one of those that differ in precision alone: all are tried in float64."""
    if op.vjp_all_rule is None and not any(op.vjps or ()):
        return []
    found = [
        s
        for s in _samples(op)
        if s.gradient and any(map(_is_float, s.arrays())) and all(np.asarray(a).dtype.kind != "c" for a in s.arrays())
    ]
    return list({s.name.replace("float32", "float64"): s for s in found}.values())


def _many(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple) else [out]


def _specs(arrays: list[Any]) -> list[ArraySpec]:
    return [ArraySpec(np.shape(a), tf.as_dtype(np.asarray(a).dtype)) for a in arrays]


def _size_depends_on_values(op: Op, arrays: list[Any], attrs: dict[str, Any]) -> bool:
    try:
        op.output_specs(_specs(arrays), attrs)
    except TypeError as error:
        return "depends on values" in str(error)
    return False


@pytest.mark.parametrize("op", _each(OPS))
def test_op_has_samples_and_words(op: Op) -> None:
    assert op.samples is not None, f"{op.name} has no samples: give its record some, so that it is tested."
    assert op.samples(), f"{op.name} has an empty list of samples."
    assert op.__doc__, f"{op.name} does not say what it is."


@pytest.mark.parametrize("op", _each(OPS))
def test_result_is_what_the_shape_rule_says(op: Op) -> None:
    for sample in _samples(op):
        arrays = sample.arrays()
        out = op(*[tf.constant(a) for a in arrays], **sample.attrs)
        if _size_depends_on_values(op, arrays, sample.attrs):
            continue
        specs = op.output_specs(_specs(arrays), sample.attrs)
        wanted = [(s.shape, s.dtype) for s in (specs if type(specs) is tuple else (specs,))]
        assert [(tuple(t.shape), t.dtype) for t in _many(out)] == wanted, sample.name


@pytest.mark.parametrize("op", _each(OPS))
def test_traced_equals_eager(op: Op) -> None:
    for sample in _samples(op):
        arrays = sample.arrays()
        wanted = _many(op(*[tf.constant(a) for a in arrays], **sample.attrs))
        if _size_depends_on_values(op, arrays, sample.attrs):
            continue
        trace = Trace()
        inputs = [trace.input(s) for s in _specs(arrays)]
        with trace.active():
            out = _many(op(*inputs, **sample.attrs))
        for got, want in zip(interpreter.run(trace.finish(out), arrays), wanted, strict=True):
            np.testing.assert_array_equal(got, want.numpy(), err_msg=sample.name)
            assert np.asarray(got).dtype == want.numpy().dtype


# ---------------------------------------------------------------------------------------------- gradients
class _Problem:
    """An op of one sample as a scalar function of all its floating inputs, in float64, along one random direction."""

    def __init__(self, op: Op, sample: Sample) -> None:
        self.random = np.random.RandomState(7)
        self.op, self.attrs = op, sample.attrs
        self.arrays = [np.asarray(a, np.float64) if _is_float(a) else a for a in sample.arrays()]
        rules = op.vjps if op.vjps is not None else (True,) * len(self.arrays)
        self.moving = [i for i, a in enumerate(self.arrays) if _is_float(a) and (op.vjp_all_rule is not None or rules[i] is not None)]
        self.direction = {i: self.random.standard_normal(self.arrays[i].shape) for i in self.moving}
        self.weights: list[Any] = []

    def at(self, t: float) -> list[Any]:
        """The inputs, moved by t along the direction."""
        return [tf.constant(a + t * self.direction[i]) if i in self.direction else tf.constant(a) for i, a in enumerate(self.arrays)]

    def value(self, inputs: list[Any]) -> Any:
        """The weighted sum of all floating results."""
        out = [x for x in _many(self.op(*inputs, **self.attrs)) if x.dtype.is_floating]
        if not self.weights:
            self.weights = [tf.constant(self.random.standard_normal(tuple(x.shape)), x.dtype) for x in out]
        return tf.add_n([tf.cast(tf.reduce_sum(x * w), tf.float64) for x, w in zip(out, self.weights, strict=True)])

    def slope(self, t: float) -> Any:
        """The directional derivative by the op's own rules."""
        inputs = self.at(t)
        moving = [inputs[i] for i in self.moving]
        with tf.GradientTape() as tape:
            tape.watch(moving)
            value = self.value(inputs)
        gradients = tape.gradient(value, moving)
        return _along(gradients, self.direction.values())

    def curvature(self) -> Any:
        """The derivative of `slope` by the rules of the rules."""
        inputs = self.at(0.0)
        moving = [inputs[i] for i in self.moving]
        with tf.GradientTape() as outer:
            outer.watch(moving)
            with tf.GradientTape() as inner:
                inner.watch(moving)
                value = self.value(inputs)
            slope = _along(inner.gradient(value, moving), self.direction.values())
        return _along(outer.gradient(slope, moving), self.direction.values())


def _along(gradients: list[Any], directions: Any) -> Any:
    parts = [tf.reduce_sum(g * tf.constant(d)) for g, d in zip(gradients, directions, strict=True) if g is not None]
    return tf.add_n(parts) if parts else tf.constant(0.0, tf.float64)


def _difference(function: Callable[[float], Any]) -> float:
    return (float(function(STEP)) - float(function(-STEP))) / (2 * STEP)


DIFFERENTIABLE = [op for op in OPS if _smooth(op)]


@pytest.mark.parametrize("op", _each(DIFFERENTIABLE))
def test_gradient_is_the_slope(op: Op) -> None:
    for sample in _smooth(op):
        problem = _Problem(op, sample)
        wanted = _difference(lambda t, p=problem: p.value(p.at(t)))
        assert float(problem.slope(0.0)) == pytest.approx(wanted, rel=TOLERANCE["first"], abs=TOLERANCE["first"] * 10), sample.name


@pytest.mark.parametrize("op", _each(DIFFERENTIABLE))
def test_second_gradient_is_the_slope_of_the_first(op: Op) -> None:
    for sample in _smooth(op):
        problem = _Problem(op, sample)
        problem.value(problem.at(0.0))
        wanted = _difference(problem.slope)
        assert float(problem.curvature()) == pytest.approx(wanted, rel=TOLERANCE["second"], abs=TOLERANCE["second"] * 10), sample.name


# ---------------------------------------------------------------------------------------------- wrong inputs
@pytest.mark.parametrize("op", _each([op for op in OPS if op.errors]))
def test_wrong_input_is_explained(op: Op) -> None:
    for error in op.errors:
        with pytest.raises(error.error, match=error.message):
            op(*[tf.constant(x) for x in error.inputs], **error.attrs)


@pytest.mark.parametrize("op", _each([op for op in OPS if op.kinds and "O" not in op.kinds]))
def test_strings_are_refused(op: Op) -> None:
    sample = op.samples()[0]
    inputs = [tf.constant("text")] * max(len(sample.inputs), 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Convert it with tf.cast"):
        op(*inputs, **sample.attrs)
