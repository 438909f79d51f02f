"""AutoGraph: every function of the corpus runs as compiled code and gives what Python gives."""

import importlib.util
import os

import numpy as np
import pytest

import millstream as tf

_spec = importlib.util.spec_from_file_location("autograph_corpus", os.path.join(os.path.dirname(__file__), "corpus.py"))
corpus = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(corpus)

CASES = [pytest.param(*c, id=f"{i}-{getattr(c[0], '__name__', type(c[0]).__name__)}") for i, c in enumerate(corpus.CASES)]


def _flat(result):
    return [np.asarray(x) for x in tf.nest.flatten(tf.nest.map_structure(lambda v: tf.convert_to_tensor(v).numpy(), result))]


def _same(a, b):
    a, b = _flat(a), _flat(b)
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-6)


def _is_compiled(function):
    traced = [t for kind in function._kinds.values() for t in kind.traced.values()]
    return bool(traced) and None not in traced


@pytest.mark.parametrize(("function", "inputs", "gradient"), CASES)
def test_converted_equals_eager(function, inputs, gradient):
    staged = tf.function(function)
    for args in inputs:
        _same(staged(*args), function(*args))
    assert _is_compiled(staged)


GRADIENTS = [p for p in CASES if p.values[2]]


def _gradient(function, x, rest):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(function(x, *rest))
    g = tape.gradient(y, x)
    return tf.zeros_like(x) if g is None else g


@pytest.mark.parametrize(("function", "inputs", "gradient"), GRADIENTS)
def test_gradients_of_converted_functions(function, inputs, gradient):
    staged = tf.function(function)
    inside = tf.function(lambda x, *rest: _gradient(function, x, rest))
    for x, *rest in inputs:
        expected = _gradient(function, x, rest)
        _same(_gradient(staged, x, rest), expected)
        _same(inside(x, *rest), expected)
    assert _is_compiled(inside)
