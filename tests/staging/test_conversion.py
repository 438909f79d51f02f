"""AutoGraph where it meets its limits: what runs op by op, what is told, and that results are Python's in any case."""

import traceback

import numpy as np
import pytest

import millstream as tf


@pytest.fixture
def told():
    import logging

    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = tf.get_logger()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def _is_compiled(function):
    return all(t is not None for kind in function._kinds.values() for t in kind.traced.values())


def _values(result):
    return tf.nest.map_structure(lambda x: None if x is None else np.asarray(tf.convert_to_tensor(x)).tolist(), result)


def raises_under_a_condition(x):
    try:
        for v in x:
            if v < 0:
                raise ValueError("negative")  # noqa: TRY301  (what is tested)
    except ValueError:
        return tf.constant(-1.0)
    return tf.reduce_sum(x)


def none_or_tensor(x):
    return None if x[0] > 0 else x


def set_in_one_branch(x):
    if x[0] > -100:
        z = x * 2
    return z


def other_strings(x):
    key = "a"
    if x[0] > 0:
        key = "b"
    return {"a": x, "b": -x}[key]


def growing_list(x):
    found, v = [], tf.abs(x[0]) + 1
    while v < 10:
        found.append(v)
        v = v * 2
    return tf.stack(found)


def growing_shape(x):
    s = x
    for _ in tf.range(tf.cast(tf.abs(x[0]), tf.int32)):
        s = tf.concat([s, x], 0)
    return s


def side_effect_in_an_expression(x):
    count = 0

    def ask():
        nonlocal count
        count += 1
        return x[0] > 0

    if ask() or ask():
        x = x + 1
    return x * count


def over_a_data_set(x):
    total = tf.constant(0.0)
    for v in tf.data.Dataset.from_tensor_slices(x):
        if v > 0:
            total += v
    return total


def recursive(x):
    return x if x[0] > 3 else recursive(x + 1)


@pytest.mark.parametrize(
    "function",
    [
        raises_under_a_condition, none_or_tensor, set_in_one_branch, other_strings, growing_list, growing_shape,
        side_effect_in_an_expression, over_a_data_set, recursive,
    ],
)  # fmt: skip
def test_what_cannot_be_converted_gives_what_python_gives(function, told):
    staged = tf.function(function)
    for values in ([1.0, 2.0], [-1.5, 2.0]):
        x = tf.constant(values)
        assert _values(staged(x)) == _values(function(x))
    assert len(told) == 1
    assert not _is_compiled(staged)


def test_the_warning_names_the_line(told):
    tf.function(none_or_tensor)(tf.constant([1.0]))
    assert "test_conversion.py" in told[0]
    assert "return None if x[0] > 0 else x" in told[0]


def test_errors_keep_their_line():
    @tf.function
    def f(x):
        if x > 0:
            y = x
        else:
            y = -x
        raise KeyError("mine")
        return y

    with pytest.raises(KeyError) as caught:
        f(tf.constant(1.0))
    assert 'raise KeyError("mine")' in traceback.extract_tb(caught.value.__traceback__)[-1].line


def test_python_runs_once_per_trace(capsys):
    @tf.function
    def f(x):
        for _ in tf.range(3):
            print("traced")  # noqa: T201
            x = x + 1
        return x

    assert [float(f(tf.constant(v))) for v in (1.0, 2.0)] == [4.0, 5.0]
    assert capsys.readouterr().out == "traced\n"


def test_effects_happen_in_order(capsys):
    @tf.function
    def f(n):
        for i in tf.range(n):
            if i == 1:
                tf.print("one")
            else:
                tf.print("other", i)
        tf.print("end")

    f(tf.constant(3))
    assert capsys.readouterr().err.split("\n")[:4] == ["other 0", "one", "other 2", "end"]
    assert _is_compiled(f)


def test_variables_are_assigned_inside_of_control_flow():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        while v < 10.0:
            v.assign_add(x)
        if v > 11.0:
            v.assign(0.0)
        return v + 0.0

    assert float(f(tf.constant(3.0))) == 10.0
    assert float(v) == 10.0
    assert float(f(tf.constant(1.0))) == 10.0
    v.assign(9.0)
    assert float(f(tf.constant(5.0))) == 0.0
    assert _is_compiled(f)


def test_gradients_to_variables_through_a_loop():
    w = tf.Variable(2.0)

    @tf.function
    def f(n):
        with tf.GradientTape() as tape:
            y = tf.constant(1.0)
            i = 0
            while i < n:
                y = y * w
                i += 1
        return tape.gradient(y, w)

    assert [float(f(tf.constant(n))) for n in (1, 2, 3)] == [1.0, 4.0, 12.0]
    assert _is_compiled(f)


def test_do_not_convert(told):
    @tf.autograph.experimental.do_not_convert
    def inner(x):
        return x if x > 0 else -x

    f = tf.function(lambda x: inner(x) * 2)
    assert float(f(tf.constant(-2.0))) == 4.0
    assert len(told) == 1


def test_to_code_and_to_graph():
    def f(x):
        if x > 0:
            x = x * 2
        return x

    assert "if_" in tf.autograph.to_code(f)
    assert float(tf.autograph.to_graph(f)(tf.constant(2.0))) == 4.0
    with pytest.raises(ValueError, match="cannot be converted"):
        tf.autograph.to_code(len)


def test_a_models_call_with_control_flow_is_compiled(told):
    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = tf.keras.layers.Dense(4, activation="tanh"), tf.keras.layers.Dense(1)

        def call(self, x):
            h = self.hidden(x)
            if tf.reduce_mean(h) > 0:
                h = h * 2
            for _ in tf.range(3):
                h = h + 0.1 * self.hidden(x)
            return self.out(h)

    x = np.random.RandomState(0).randn(32, 3).astype("float32")
    losses = []
    for eagerly in (False, True):
        tf.random.set_seed(1)
        model = Model()
        model.compile("sgd", "mse", run_eagerly=eagerly)
        losses.append(model.fit(x, x.sum(1, keepdims=True), epochs=2, batch_size=16, verbose=0, shuffle=False).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert not told
