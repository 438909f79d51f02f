"""Optimizers: TensorFlow 2.4's variables after each step, eager as traced; slots, hyperparameters, configs, what wrong input is told."""

import copy
from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.interpreter import run
from millstream.graph.trace import trace
from tests.keras.reference import Case, close, larger, stored

optimizers = tf.keras.optimizers
CASES = stored("optimizers")


class Rows:
    """A gradient of looked-up rows."""

    def __init__(self, values: Any, indices: Any, dense_shape: Any) -> None:
        self.values, self.indices, self.dense_shape = values, indices, dense_shape


@pytest.mark.parametrize("case", CASES)
def test_trajectory_is_tensorflows(case: Case) -> None:
    optimizer, variables = case.evaluate(), [tf.Variable(case[f"start/{i}"]) for i in range(2)]
    for step in range(5):
        optimizer.apply_gradients([(tf.constant(case[f"gradient/{i}"][step]), v) for i, v in enumerate(variables)])
        for i, v in enumerate(variables):
            close(v, case[f"path/{i}"][step])
    assert int(optimizer.iterations) == 5


@pytest.mark.parametrize("case", CASES)
def test_traced_step_is_tensorflows(case: Case) -> None:
    optimizer, variables = case.evaluate(), [tf.Variable(case[f"start/{i}"]) for i in range(2)]
    specs = [ArraySpec(tuple(v.shape), tf.float32) for v in variables]
    graph = trace(lambda *g: [optimizer.apply_gradients(zip(g, variables, strict=True)).read_value()], *specs)
    for step in range(5):
        assert int(run(graph, [case[f"gradient/{i}"][step] for i in range(2)])[0]) == step + 1
        for i, v in enumerate(variables):
            close(v, case[f"path/{i}"][step])


@pytest.mark.parametrize("case", stored("rows"))
def test_looked_up_rows_move_as_tensorflow_moves_them(case: Case) -> None:
    optimizer, table = case.evaluate(), tf.Variable(case["start"])
    for step in range(5):
        optimizer.apply_gradients([(Rows(tf.constant(case["gradient"][step]), tf.constant(case["rows"][step]), (6, 3)), table)])
        close(table, case["path"][step])


@pytest.mark.parametrize("case", [p for p in larger("optimizers", "optimizer") if "sparse/" not in p.values[0].entry["key"]])
def test_long_trajectory_is_tensorflows(case: Case) -> None:
    with np.load(f"{_larger_folder()}/optimizers.npz") as data:
        pulls, variables = [data["pull/0"], data["pull/1"]], [tf.Variable(data["start/0"]), tf.Variable(data["start/1"])]
    optimizer = case.evaluate()
    for step in range(10):
        values = [v.numpy() for v in variables]
        gradients = [2 * (v - p) + np.float32(0.9) * np.cos(3 * v) for v, p in zip(values, pulls, strict=True)]
        optimizer.apply_gradients(zip(map(tf.constant, gradients), variables, strict=True))
        for i, v in enumerate(variables):
            close(v, case[str(i)][step])


def _larger_folder() -> str:
    import os

    return os.environ["MILLSTREAM_REFERENCE"]


@pytest.mark.parametrize("case", stored("schedules"))
def test_schedules_are_tensorflows_and_survive_their_config(case: Case) -> None:
    schedule = case.evaluate()
    again = optimizers.schedules.deserialize(optimizers.schedules.serialize(schedule))
    for made in (schedule, again):
        close([float(made(s)) for s in range(14)], case["out"])


# ---------------------------------------------------------------------------------------------- hyperparameters
def test_the_learning_rate_is_a_variable_under_both_names() -> None:
    opt = optimizers.SGD(lr=0.5)
    assert opt.get_config() == {"name": "SGD", "learning_rate": 0.5, "decay": 0.0, "momentum": 0.0, "nesterov": False}
    opt.lr = 0.25
    assert float(opt.learning_rate) == 0.25
    assert opt.lr is opt.learning_rate
    opt.learning_rate.assign(0.125)
    tf.keras.backend.set_value(opt.momentum, 0.5)
    assert (opt.get_config()["learning_rate"], opt.get_config()["momentum"]) == (0.125, 0.5)
    opt.learning_rate = optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
    w = tf.Variable(0.0)
    for _ in range(2):
        opt.apply_gradients([(1.0, w)])
    assert float(w) == -1.5


def test_a_traced_step_sees_a_new_learning_rate() -> None:
    opt, w = optimizers.SGD(0.5), tf.Variable(1.0)
    graph = trace(lambda g: opt.apply_gradients([(g, w)]).read_value(), ArraySpec((), tf.float32))
    run(graph, [np.float32(1)])
    opt.lr = 0.25
    run(graph, [np.float32(1)])
    assert float(w) == 0.25


def test_functions_tensors_and_variables_as_learning_rate() -> None:
    for rate in (lambda: 0.5, tf.constant(0.5), tf.Variable(0.5)):
        w = tf.Variable(1.0)
        optimizers.SGD(rate).apply_gradients([(tf.constant(1.0), w)])
        assert float(w) == 0.5


# ---------------------------------------------------------------------------------------------- weights
@pytest.mark.parametrize(
    ("text", "names"),
    [("SGD(momentum=0.9)", ["iter", "w/momentum", "b/momentum"]), ("Adam()", ["iter", "w/m", "b/m", "w/v", "b/v"]),
     ("Nadam()", ["iter", "momentum_cache", "w/m", "b/m", "w/v", "b/v"]), ("Ftrl()", ["iter", "w/accumulator", "w/linear", "b/accumulator", "b/linear"]),
     ("Adadelta()", ["iter", "w/accum_grad", "b/accum_grad", "w/accum_var", "b/accum_var"])],
)  # fmt: skip
def test_weights_have_tensorflows_names_and_order(text: str, names: list[str]) -> None:
    opt = eval(f"optimizers.{text}")  # noqa: S307
    pairs = [(tf.ones([2]), tf.Variable([1.0, 2.0], name="w")), (tf.constant(1.0), tf.Variable(3.0, name="b"))]
    opt.apply_gradients(pairs)
    assert [v.name for v in opt.weights] == [f"{opt._name}/{n}:0" for n in names]
    other = type(opt).from_config(opt.get_config())
    other._create_all_weights([v for _, v in pairs])
    other.set_weights(opt.get_weights())
    assert [a.tolist() for a in other.get_weights()] == [a.tolist() for a in opt.get_weights()]


def test_slots_belong_to_their_variable_also_in_a_copy() -> None:
    w, opt = tf.Variable(1.0), optimizers.SGD(1.0, momentum=0.5)
    with pytest.raises(KeyError):
        opt.get_slot(w, "momentum")
    opt.apply_gradients([(tf.constant(1.0), w)])
    twin, twin_w = copy.deepcopy((opt, w))
    opt.apply_gradients([(tf.constant(0.0), w)])
    assert (float(opt.get_slot(w, "momentum")), float(twin.get_slot(twin_w, "momentum"))) == (-0.5, -1.0)
    assert opt.get_slot_names() == ["momentum"]


def test_set_weights_says_what_does_not_fit() -> None:
    opt = optimizers.SGD()
    assert int(opt.iterations) == 0
    with pytest.raises(ValueError, match=r"weight list of length 0, but the optimizer was expecting 1 weights"):
        opt.set_weights([])


# ---------------------------------------------------------------------------------------------- minimize, subclasses
def test_minimize_with_functions_and_with_a_tape() -> None:
    w, opt = tf.Variable(4.0), optimizers.SGD(0.25)
    opt.minimize(lambda: w * w, lambda: [w])
    assert float(w) == 2.0
    with tf.GradientTape() as tape:
        loss = w * w
    assert int(opt.minimize(loss, [w], tape=tape)) == 2
    assert float(w) == 1.0
    with pytest.raises(ValueError, match="`tape` is required when a `Tensor` loss is passed"):
        opt.minimize(loss, [w])


def test_an_optimizer_of_ones_own() -> None:
    class Own(optimizers.Optimizer):  # type: ignore[misc, name-defined]
        def __init__(self, learning_rate: float = 0.5, name: str = "Own", **kwargs: Any) -> None:
            super().__init__(name, **kwargs)
            self._set_hyper("learning_rate", kwargs.get("lr", learning_rate))
            self._set_hyper("decay", self._initial_decay)

        def _create_slots(self, var_list: Any) -> None:
            for v in var_list:
                self.add_slot(v, "pv", initializer="ones")

        def _resource_apply_dense(self, grad: Any, var: Any, apply_state: Any = None) -> Any:
            rate = apply_state[var.device, var.dtype.base_dtype]["lr_t"]
            return var.assign_sub(rate * grad * self.get_slot(var, "pv"))

        def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
            return self._resource_scatter_add(var, indices, -self._decayed_lr(tf.float32) * grad)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "learning_rate": self._serialize_hyperparameter("learning_rate")}

    opt, w = Own(clipvalue=1.0), tf.Variable([1.0, 1.0])
    opt.apply_gradients([(tf.constant([9.0, 1.0]), w)])
    assert w.numpy().tolist() == [0.5, 0.5]
    opt.apply_gradients([(Rows(tf.constant([1.0, 1.0]), tf.constant([1, 1]), (2,)), w)])
    assert w.numpy().tolist() == [0.5, -0.5]
    assert Own.from_config(opt.get_config()).get_config() == {"name": "Own", "clipvalue": 1.0, "learning_rate": 0.5}


def test_constraints_follow_the_update() -> None:
    w = tf.Variable([1.0, 1.0], constraint=tf.keras.constraints.NonNeg())
    optimizers.SGD(1.0).apply_gradients([(tf.constant([3.0, 0.5]), w)])
    assert w.numpy().tolist() == [0.0, 0.5]


# ---------------------------------------------------------------------------------------------- names, errors
def test_optimizers_by_name_and_config() -> None:
    for name in ("adam", "Adam", "ADAM"):
        assert type(optimizers.get(name)) is optimizers.Adam
    schedule = optimizers.schedules.ExponentialDecay(0.5, 3, 0.5)
    again = optimizers.deserialize(optimizers.serialize(optimizers.SGD(schedule)))
    assert again.get_config()["learning_rate"]["class_name"] == "ExponentialDecay"
    with pytest.raises(ValueError, match="Unknown optimizer: adm. Did you mean 'adam'"):
        optimizers.get("adm")
    with pytest.raises(ValueError, match="Could not interpret optimizer identifier: 3"):
        optimizers.get(3)


def test_missing_gradients(caplog: pytest.LogCaptureFixture) -> None:
    w, b = tf.Variable(1.0, name="w"), tf.Variable(1.0, name="b")
    with pytest.raises(ValueError, match=r"No gradients provided for any variable: \['w:0'\]"):
        optimizers.SGD().apply_gradients([(None, w)])
    optimizers.SGD(1.0).apply_gradients([(None, w), (tf.constant(1.0), b)])
    assert "Gradients do not exist for variables ['w:0'] when minimizing the loss." in caplog.text
    assert (float(w), float(b)) == (1.0, 0.0)
    assert optimizers.SGD().apply_gradients([]) is None


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [("SGD(0.1, foo=1)", TypeError, "Unexpected keyword argument passed to optimizer: foo"), ("SGD(lr=-1.0)", ValueError, "Expected lr >= 0"),
     ("SGD(momentum=2.0)", ValueError, "`momentum` must be between"), ("SGD(clipnorm=1.0, global_clipnorm=1.0)", ValueError, "Cannot accept both"),
     ("Nadam(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))", ValueError, "does not support"), ("Ftrl(learning_rate_power=1.0)", ValueError, "negative or zero"),
     ("Adagrad(initial_accumulator_value=-1.0)", ValueError, "must be non-negative")],
)  # fmt: skip
def test_wrong_arguments(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(f"optimizers.{text}")  # noqa: S307


def test_gradients_of_another_shape_and_things_that_are_no_variables() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"do not have the same shape: \[2\] \[3\] \(variable w:0\)"):
        optimizers.SGD().apply_gradients([(tf.ones([3]), tf.Variable([1.0, 2.0], name="w"))])
    with pytest.raises(NotImplementedError, match="Trying to update a Tensor"):
        optimizers.SGD().apply_gradients([(tf.ones([2]), tf.constant([1.0, 2.0]))])


def test_ftrl_with_shrinkage_keeps_the_linear_slot_times_the_learning_rate() -> None:
    opt, w = optimizers.Ftrl(0.1, l2_shrinkage_regularization_strength=0.03), tf.Variable([1.0, 2.0])
    for gradient in ([0.3, 0.4], [-0.2, 0.5]):
        opt.apply_gradients([(tf.constant(gradient), w)])
    close(w, [0.23123571, 0.5821329])
    close(opt.get_slot(w, "linear"), [-0.1108967512845993, -0.41572603583335876])
