"""tf.function: what is traced when, what runs when, gradients, variables, random numbers, and functions that cannot be traced."""

import logging

import numpy as np
import pytest

import millstream as tf


@pytest.fixture
def warnings_told(monkeypatch):
    """The lines that the logger "tensorflow" gets."""
    told = []
    monkeypatch.setattr(tf.get_logger(), "handle", lambda record: told.append(record.getMessage()))
    return told


def test_python_runs_once_per_kind_of_arguments():
    seen = []

    @tf.function
    def f(x, factor=2):
        seen.append(factor)
        return x * factor

    one = tf.constant([1.0, 2.0])
    assert f(one).numpy().tolist() == [2.0, 4.0]
    f(tf.constant([5.0, 6.0]))
    f(x=one)
    f(one, factor=2)
    assert seen == [2]
    f(one, 3)
    f(tf.constant([1.0]))
    f(tf.constant([1, 2]))
    assert seen == [2, 3, 2, 2]
    assert f.experimental_get_tracing_count() == 4


def test_nested_arguments_and_results():
    @tf.function
    def f(pair, named, scale):
        return {"sum": pair[0] + named["a"], "rest": (pair[1] * scale, None, 7, "text")}

    out = f((tf.constant(1.0), np.float32(2.0)), {"a": [3.0]}, scale=2.0)
    assert out["sum"].numpy().tolist() == [4.0]
    assert float(out["rest"][0]) == 4.0
    assert out["rest"][1] is None
    assert int(out["rest"][2]) == 7
    assert out["rest"][3].numpy() == b"text"


def test_variables_change_in_order_and_are_made_once():
    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.total = None

        @tf.function
        def add(self, x):
            if self.total is None:
                self.total = tf.Variable(tf.zeros_like(x))
            before = self.total.read_value()
            self.total.assign_add(x)
            return before, self.total

    a, b = Counter(), Counter()
    assert [float(v) for v in a.add(tf.constant(2.0))] == [0.0, 2.0]
    assert [float(v) for v in a.add(tf.constant(3.0))] == [2.0, 5.0]
    assert [float(v) for v in b.add(tf.constant(1.0))] == [0.0, 1.0]
    assert a.add is a.add


def test_new_variables_in_every_call_are_refused():
    @tf.function
    def f():
        return tf.Variable(1.0) + 1.0

    with pytest.raises(ValueError, match="tried to create variables on non-first call"):
        f()


def test_print_and_assert_happen_when_it_runs(capsys):
    @tf.function
    def f(x):
        print("tracing")  # noqa: T201
        tf.print("first", x[0])
        tf.debugging.assert_greater(x, 0.0, message="must be positive")
        tf.print("second", x[1])
        return x

    f(tf.constant([1.0, 2.0]))
    f(tf.constant([3.0, 4.0]))
    out, err = capsys.readouterr()
    assert out == "tracing\n"
    assert err == "first 1\nsecond 2\nfirst 3\nsecond 4\n"
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive"):
        f(tf.constant([-1.0, 2.0]))


# ---------------------------------------------------------------------------------------------- gradients
def test_gradient_through_a_call():
    w = tf.Variable([1.0, 2.0])
    traces = []

    @tf.function
    def f(x):
        traces.append(1)
        return tf.reduce_sum(w * w * x)

    x = tf.constant([3.0, 4.0])
    for _ in range(2):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        gw, gx = tape.gradient(y, [w, x])
        assert gw.numpy().tolist() == [6.0, 16.0]
        assert gx.numpy().tolist() == [1.0, 4.0]
    assert len(traces) == 1


def test_gradient_inside_and_second_order():
    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x**3.0
        return tape.gradient(y, x)

    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        d = slope(x)
    assert float(d) == 12.0
    assert float(tape.gradient(d, x)) == 12.0
    assert float(slope(tf.constant(3.0))) == 27.0


def test_custom_gradient_in_a_function():
    @tf.custom_gradient
    def halved(x):
        return x * 1.0, lambda g: g * 0.5

    f = tf.function(lambda x: halved(x) * 3.0)
    x = tf.constant(1.0)
    f(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert float(tape.gradient(y, x)) == 1.5


def test_gradient_to_a_tensor_of_the_surroundings():
    x = tf.constant(3.0)
    f = tf.function(lambda a: a * x)
    f(tf.constant(1.0))
    with tf.GradientTape() as tape:
        tape.watch(x)
        doubled = x * 2.0
        y = f(tf.constant(5.0)) + tf.function(lambda: doubled * doubled)()
    assert float(tape.gradient(y, x)) == 5.0 + 24.0


def test_gradient_past_an_assignment():
    v = tf.Variable(2.0)

    @tf.function
    def f(x):
        y = v * x
        v.assign(10.0)
        return y

    with tf.GradientTape() as tape:
        y = f(tf.constant(3.0))
    assert float(tape.gradient(y, v)) == 3.0
    assert float(v) == 10.0


def test_a_training_step():
    w = tf.Variable([[0.5], [-0.5]])
    optimizer = tf.keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((tf.matmul(x, w) - y) ** 2.0)
        optimizer.apply_gradients([(tape.gradient(loss, w), w)])
        return loss

    x, y = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[1.0], [2.0]])
    compiled = tf.function(step)
    fast = [float(compiled(x, y)) for _ in range(5)]
    w.assign([[0.5], [-0.5]])
    slow = [float(step(x, y)) for _ in range(5)]
    np.testing.assert_allclose(fast, slow, rtol=1e-6)


# ---------------------------------------------------------------------------------------------- random numbers
def test_random_ops_are_numbered_and_their_streams_run_on():
    f = tf.function(lambda: (tf.random.uniform([2]), tf.random.uniform([2])))
    tf.random.set_seed(5)
    drawn = [[x.numpy().tolist() for x in f()] for _ in range(2)]
    assert drawn[0][0] == [0.18286478519439697, 0.6899895668029785]  # TensorFlow 2.4's
    assert drawn[0][1] == [0.38751840591430664, 0.7485455274581909]
    assert drawn[1][0] == [0.9363871812820435, 0.6513270139694214]
    tf.random.set_seed(5)
    assert [x.numpy().tolist() for x in f()] == drawn[0]


def test_random_numbers_are_the_same_compiled_and_op_by_op(warnings_told):
    def body(x):
        return tf.random.uniform([2]) + tf.random.uniform([2], seed=3) + x

    def untraceable(x):
        return body(x) if x > 0 else x

    drawn = []
    for function in (tf.function(body), tf.function(untraceable)):
        tf.random.set_seed(7)
        drawn.append([function(tf.constant(1.0)).numpy().tolist() for _ in range(3)])
    assert drawn[0] == drawn[1]
    assert len(warnings_told) == 1


def test_a_nested_function_counts_from_zero():
    inner = tf.function(lambda: tf.random.uniform([2]))
    outer = tf.function(lambda: (tf.random.uniform([2]), inner(), inner(), tf.random.uniform([2])))
    tf.random.set_seed(5)
    a, b, c, d = [x.numpy().tolist() for x in outer()]
    assert a == b == c != d


# ---------------------------------------------------------------------------------------------- what cannot be traced
def test_what_cannot_be_converted_runs_op_by_op_with_one_warning(warnings_told):
    @tf.function
    def f(x):
        if x > 0:
            y = x
        else:
            y = None
        return x if y is None else y * 2

    assert [float(f(tf.constant(v))) for v in (2.0, -3.0, 4.0)] == [4.0, -3.0, 8.0]
    assert len(warnings_told) == 1
    assert "test_function.py" in warnings_told[0]
    assert "'y' is" in warnings_told[0]


def test_a_data_set_inside_is_read_anew(warnings_told):
    total = tf.function(lambda data: sum((x for x in data), tf.constant(0, tf.int64)))
    assert int(total(tf.data.Dataset.range(4))) == 6
    assert int(total(tf.data.Dataset.range(5))) == 10
    assert len(warnings_told) == 1


def test_mistakes_of_the_user_are_raised():
    @tf.function
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        f(tf.constant(1.0))


def test_python_functions_inside(warnings_told):
    seen = []

    @tf.function
    def f(x):
        tf.py_function(lambda v: seen.append(v.numpy()), [x], [])
        return x + 1

    assert [int(f(tf.constant(v))) for v in (3, 4)] == [4, 5]
    assert seen == [3, 4]
    assert warnings_told == []
    g = tf.function(lambda x: tf.numpy_function(np.sinh, [x], tf.float32))
    assert float(g(tf.constant(0.0))) == 0.0
    assert "shape is unknown" in warnings_told[0]


def test_labels_beyond_the_classes():
    f = tf.function(tf.nn.sparse_softmax_cross_entropy_with_logits)
    logits = tf.zeros([2, 3])
    f(tf.constant([0, 2]), logits)
    with pytest.raises(tf.errors.InvalidArgumentError, match="outside the valid range"):
        f(tf.constant([0, 3]), logits)


# ---------------------------------------------------------------------------------------------- signatures
def test_input_signature():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32), {"k": tf.TensorSpec([], tf.int32)}])
    def f(x, options):
        return x * tf.cast(options["k"], tf.float32)

    assert f([1.0, 2.0], {"k": 3}).numpy().tolist() == [3.0, 6.0]
    assert f(tf.constant([1.0]), {"k": tf.constant(2)}).numpy().tolist() == [2.0]
    with pytest.raises(ValueError, match="incompatible with input_signature"):
        f([[1.0]], {"k": 3})
    with pytest.raises(ValueError, match="Structure of Python function inputs"):
        f([1.0], {"j": 3})
    with pytest.raises(TypeError, match="TensorSpec"):
        tf.function(lambda x: x, input_signature=[3])


def test_concrete_functions():
    f = tf.function(lambda x, power: x**power)
    concrete = f.get_concrete_function(tf.TensorSpec([2], tf.float32), 2.0)
    assert concrete(tf.constant([3.0, 4.0])).numpy().tolist() == [9.0, 16.0]
    assert concrete(x=tf.constant([1.0, 2.0])).numpy().tolist() == [1.0, 4.0]
    assert concrete.structured_outputs == tf.TensorSpec([2], tf.float32)
    assert concrete.structured_input_signature[0] == (tf.TensorSpec([2], tf.float32), 2.0)
    with pytest.raises(TypeError, match="takes 1 tensors"):
        concrete(tf.constant([1.0, 2.0]), tf.constant(1.0))
    w = tf.Variable(2.0)
    assert tf.function(lambda: w + 1.0).get_concrete_function().variables == [w]


def test_retracing_is_told_with_the_argument(warnings_told):
    f = tf.function(lambda x, n: x * n)
    for n in range(5):
        f(tf.constant(1), n)
    assert len(warnings_told) == 1
    assert (
        "5 out of the last 5 calls to <lambda> triggered tf.function retracing: argument 'n' changed from the Python value 3 to the Python value 4"
        in warnings_told[0]
    )


def test_run_functions_eagerly():
    seen = []
    f = tf.function(lambda x: seen.append(1) or x + 1)
    tf.config.run_functions_eagerly(True)
    try:
        f(tf.constant(1))
        f(tf.constant(1))
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(seen) == 2


def test_executing_eagerly_and_init_scope():
    seen = []

    @tf.function
    def f():
        seen.append(tf.executing_eagerly())
        with tf.init_scope():
            seen.append(tf.executing_eagerly())
        return tf.constant(1)

    f()
    assert seen == [False, True]


def test_dtypes_without_compiled_code():
    f = tf.function(lambda s, z: (s, z * z))
    text, z = f(tf.constant("ab"), tf.constant(1j))
    assert text.dtype is tf.string
    assert z.numpy() == -1


def test_the_logger_has_tensorflows_form(capsys):
    tf.get_logger().warning("%d things", 3)
    assert capsys.readouterr().err == "WARNING:tensorflow:3 things\n"
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    tf.get_logger().warning("unseen")
    tf.get_logger().setLevel(logging.WARNING)
    assert capsys.readouterr().err == ""
