"""What each pass does to a small graph: before and expected."""

from collections.abc import Callable
from typing import Any

import pytest
from inline_snapshot import snapshot

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.graph import Graph
from millstream.graph.trace import Trace, trace
from millstream.graph.verify import verify
from millstream.passes import pipeline
from millstream.passes.expand import expand
from millstream.passes.fuse import SMALL
from millstream.passes.prepare import prepare
from millstream.passes.simplify import simplify
from millstream.runtime.executable import Executable


def graph(function: Callable[..., Any], *shapes: tuple[int, ...]) -> Graph:
    return trace(function, *[ArraySpec(s, tf.float32) for s in shapes])


def groups(traced: Graph, gathered: bool = False) -> list[str]:
    return [str(g) for g in pipeline.run(traced, gathered).order]


def test_expand_shares_the_parts_of_softmax_and_its_cross_entropy() -> None:
    def both(x: Any) -> list[Any]:
        return [tf.nn.softmax(x), tf.nn.log_softmax(x)]

    expanded = verify(expand(graph(both, (4, 3))))
    assert [n.op.name for n in expanded.live()] == snapshot(
        ["input", "reduce_max", "subtract", "exp", "reduce_sum", "real_divide", "log", "subtract"]
    )


def test_simplify_drops_neutral_elements() -> None:
    assert str(simplify(graph(lambda x: tf.negative(tf.negative(x * 1.0 - 0.0)), (2,)))) == snapshot("""\
%0 = input 0 : float32[2]
return %0\
""")


def test_simplify_divides_by_powers_of_two_exactly() -> None:
    assert str(simplify(graph(lambda x: x / 32.0, (2,)))) == snapshot("""\
%0 = input 0 : float32[2]
%2 = const 0.03125 : float32[]
%3 = multiply(%0, %2) : float32[2]
return %3\
""")
    assert "real_divide" in str(simplify(graph(lambda x: x / 3.0, (2,))))


def test_prepare_packs_the_right_factor_and_owns_results() -> None:
    prepared = verify(prepare(graph(lambda a, b: [tf.matmul(a, b, transpose_b=True), a], (4, 3), (5, 3)), gathered=False))
    assert str(prepared) == snapshot("""\
%0 = input 0 : float32[4, 3]
%1 = input 1 : float32[5, 3]
%2 = transpose(%1, perm=(1, 0)) : float32[3, 5]
%3 = copy(%2) : float32[3, 5]
%4 = matmul(%0, %3, transpose_a=False, transpose_b=False) : float32[4, 5]
%5 = copy(%0) : float32[4, 3]
return %4, %5\
""")


def test_fusion_makes_bias_and_activation_the_products_epilogue() -> None:
    assert groups(graph(lambda x, w, b: tf.nn.relu(x @ w + b), (4, 3), (3, 5), (5,))) == snapshot(
        ["contract(%3 matmul) [4, 5]: %4 add, %5 relu"]
    )


def test_fusion_lets_a_reduction_swallow_what_feeds_it_alone() -> None:
    assert groups(graph(lambda x: tf.sqrt(tf.reduce_sum(x * x, axis=1)), (4, 3))) == snapshot(
        ["reduce(%2 reduce_sum) [4]: %1 multiply, %3 sqrt"]
    )


def test_fusion_makes_no_cycle() -> None:
    """y needs the sum of x's group, so it cannot join that group although both have one shape."""

    def function(x: Any) -> Any:
        e = tf.exp(x)
        return e / tf.reduce_sum(e)

    assert groups(graph(function, (7,))) == snapshot(
        ["elementwise [7]: %1 exp", "reduce(%2 reduce_sum) []: ", "elementwise [7]: %3 real_divide"]
    )


def test_schedule_overwrites_a_variable_after_its_last_reader() -> None:
    w, u = tf.Variable([1.0, 2.0]), tf.Variable([0.0, 0.0])
    made = Trace()
    with made.active():
        w.assign(w * 2.0)
        u.assign(tf.reverse(w.read_value(), [0]) if hasattr(tf, "reverse") else w.read_value() + 1.0)
    plan = pipeline.run(made.finish([]))
    assert [v for _, v in plan.copies] == []


def swapped(size: int) -> tuple[tf.Variable, tf.Variable, Graph]:
    """Two variables of 1s and of 2s, and the graph that swaps them."""
    a, b = tf.Variable(tf.ones([size])), tf.Variable(2.0 * tf.ones([size]))
    made = Trace()
    with made.active():
        old_a, old_b = a.read_value(), b.read_value()
        a.assign(old_b)
        b.assign(old_a)
    return a, b, made.finish([])


def test_swapping_two_variables_goes_through_copies() -> None:
    *_, made = swapped(SMALL + 1)
    assert len(pipeline.run(made).copies) == 2


@pytest.mark.parametrize("size", [1, 19, SMALL + 1])
def test_swapping_two_variables(size: int) -> None:
    """Small ones in one kernel, which reads both before it writes."""
    a, b, made = swapped(size)
    executable = Executable(made)
    executable.run()
    assert (a.numpy() == 2).all()
    assert (b.numpy() == 1).all()


def test_small_groups_of_one_domain_are_one_kernel() -> None:
    def function(x: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        return [tf.exp(x), tf.reshape(tf.exp(y), (2, 2)), tf.exp(x) + y]

    assert groups(graph(function, (4,), (4,))) == snapshot(["elementwise [4]: %2 exp, %3 exp, %5 add", "elementwise [2, 2]: %6 copy"])


def test_merging_small_groups_makes_no_cycle() -> None:
    """The second group needs the sum of the first."""

    def function(x: tf.Tensor) -> tf.Tensor:
        return tf.exp(x) / tf.reduce_sum(tf.exp(x))

    assert len(groups(graph(function, (4,)))) == 3


def test_what_reads_other_elements_is_not_merged() -> None:
    def function(x: tf.Tensor) -> tf.Tensor:
        y = tf.exp(x)
        return y + tf.transpose(y)

    assert len(groups(graph(function, (3, 3)))) == 2


def test_simplify_drops_reductions_over_no_axes() -> None:
    assert str(simplify(graph(lambda x: tf.reduce_sum(x, axis=[]), (2,)))) == snapshot("""\
%0 = input 0 : float32[2]
return %0\
""")


def test_equal_constants_become_one() -> None:
    simplified = simplify(graph(lambda x: [x / 4.0, x * 0.25], (2,)))
    assert [n.op.name for n in simplified.live()].count("const") == 1
