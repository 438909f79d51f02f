"""Activations, initializers, regularizers, constraints: TensorFlow 2.4's numbers, names, configs, errors."""

from typing import Any

import numpy as np
import pytest

import millstream as tf
from millstream.core.spec import ArraySpec
from millstream.graph.interpreter import run
from millstream.graph.trace import trace
from tests.keras.reference import Case, close, cotangent, larger, stored

activations, initializers, regularizers, constraints = (
    getattr(tf.keras, n) for n in ("activations", "initializers", "regularizers", "constraints")
)


# ---------------------------------------------------------------------------------------------- activations
@pytest.mark.parametrize("case", stored("activations"))
def test_activation_and_gradient_are_tensorflows(case: Case) -> None:
    x = tf.constant(case["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = case.evaluate(x=x)
    close(out, case["out"])
    close(tape.gradient(out, x, output_gradients=cotangent(out)), case["grad"])
    graph = trace(lambda t: case.evaluate(x=t), ArraySpec(case["x"].shape, tf.float32))
    close(run(graph, [case["x"]])[0], case["out"])


def test_activations_by_name() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.swish
    assert activations.get(tf.nn.relu) is tf.nn.relu
    assert [activations.serialize(f) for f in (activations.softmax, tf.nn.relu, tf.nn.softmax, lambda x: x)] == [
        "softmax",
        "relu",
        "softmax",
        "<lambda>",
    ]
    with pytest.raises(ValueError, match="Unknown activation function: sofmax. Did you mean 'softmax'"):
        activations.get("sofmax")
    with pytest.raises(TypeError, match="Could not interpret activation function identifier: 3"):
        activations.get(3)


def test_softmax_over_several_axes_and_of_a_vector() -> None:
    close(activations.softmax(tf.ones([2, 3, 4]), axis=[1, 2]), np.full((2, 3, 4), 1 / 12, "float32"))
    with pytest.raises(ValueError, match="Cannot apply softmax to a tensor that is 1D"):
        activations.softmax(tf.constant([1.0, 2.0]))


# ---------------------------------------------------------------------------------------------- initializers
@pytest.mark.parametrize("case", stored("initializers"))
def test_initializers_give_tensorflows_numbers(case: Case) -> None:
    tf.random.set_seed(5)
    made = case.evaluate()
    for i in range(2):
        close(made((3, 2)), case[str(i)])
    again = initializers.deserialize(initializers.serialize(made))
    assert again.get_config() == made.get_config()


@pytest.mark.parametrize("case", larger("initializers", "expression"))
def test_more_initializers_give_tensorflows_numbers(case: Case) -> None:
    if "layers" in case.entry["key"]:
        pytest.skip("needs layers")
    tf.random.set_seed(case.entry["seed"])
    first, second = case.evaluate(), case.evaluate()
    for i, made in enumerate([first, second, first][: case.entry["draws"]]):
        close(made(case.entry["shape"]), case[str(i)])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("zeros", "Zeros"),
        ("one", "Ones"),
        ("uniform", "RandomUniform"),
        ("normal", "RandomNormal"),
        ("he_normal", "HeNormal"),
        ("GlorotUniform", "GlorotUniform"),
        ("identity", "Identity"),
    ],
)
def test_initializers_by_name(name: str, kind: str) -> None:
    assert type(initializers.get(name)).__name__ == kind


def test_aliases_of_initializers() -> None:
    assert initializers.zeros is initializers.Zeros is tf.initializers.Zeros
    assert tf.zeros_initializer()((2,)).numpy().tolist() == [0.0, 0.0]
    assert tf.random_normal_initializer(stddev=2.0).get_config() == {"mean": 0.0, "stddev": 2.0, "seed": None}
    assert tf.constant_initializer([1, 2])((2,)).dtype == tf.int32
    assert initializers.Constant([1, 2])((2,)).dtype == tf.float32
    assert initializers.get(None) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("get('glorotuniform')", "Unknown initializer: glorotuniform. Did you mean 'glorot_uniform'"), ("get(3)", "Could not interpret initializer identifier: 3"),
     ("VarianceScaling(scale=-1)", "`scale` must be positive"), ("VarianceScaling(mode='x')", "Invalid `mode` argument"), ("VarianceScaling(distribution='x')", "Invalid `distribution`"),
     ("Orthogonal()((2,))", "at least two-dimensional"), ("Identity()((2,))", "only be used for 2D"), ("RandomNormal()((2,), dtype='int32')", "Expected floating point type"),
     ("Zeros()((2,), dtype='string')", "Expected numeric or boolean dtype")],
)  # fmt: skip
def test_wrong_initializers(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eval(f"initializers.{text}")  # noqa: S307


# ---------------------------------------------------------------------------------------------- regularizers
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("l1()", 0.035),
        ("l2(0.5)", 2.625),
        ("l1_l2(0.1, 0.2)", 1.4),
        ("L1L2(l2=1.0)", 5.25),
        ("l1(l=1.0)", 3.5),
        ("get('l2')", 0.0525),
        ("get('l1_l2')", 0.0875),
    ],
)
def test_penalties(text: str, expected: float) -> None:
    made = eval(f"regularizers.{text}")  # noqa: S307
    x = np.array([[1.0, -2.0], [0.5, 0.0]], "float32")
    assert float(made(tf.constant(x))) == pytest.approx(expected, rel=1e-6)
    close(run(trace(made, ArraySpec((2, 2), tf.float32)), [x])[0], np.float32(expected))
    assert regularizers.deserialize(regularizers.serialize(made)).get_config() == made.get_config()


def test_wrong_regularizers() -> None:
    with pytest.raises(ValueError, match="Value: a is not a valid regularization penalty number"):
        regularizers.l2("a")
    with pytest.raises(TypeError, match="not recognized: {'foo': 0.3}"):
        regularizers.l1(foo=0.3)
    with pytest.raises(ValueError, match="Unknown regularizer: l3. Did you mean"):
        regularizers.get("l3")


# ---------------------------------------------------------------------------------------------- constraints
@pytest.mark.parametrize(
    ("text", "weight", "expected"),
    [("MaxNorm()", [[3.0, 0.0], [4.0, 0.0]], [[1.2, 0.0], [1.6, 0.0]]), ("unit_norm()", [[3.0, 4.0], [4.0, 3.0]], [[0.6, 0.8], [0.8, 0.6]]), ("NonNeg()", [-1.0, 2.0], [0.0, 2.0]),
     ("MinMaxNorm(0.5, 1.0, 0.5)", [[3.0, 0.1], [4.0, 0.0]], [[1.8, 0.3], [2.4, 0.0]]), ("get('max_norm')", [[3.0], [4.0]], [[1.2], [1.6]])],
)  # fmt: skip
def test_constraints(text: str, weight: Any, expected: Any) -> None:
    made = eval(f"constraints.{text}")  # noqa: S307
    np.testing.assert_allclose(made(tf.constant(weight)), expected, rtol=1e-5, atol=1e-6)
    again = constraints.deserialize(constraints.serialize(made))
    assert again.get_config() == made.get_config()


def test_radial_constraint_fills_rings() -> None:
    kernel = tf.reshape(tf.range(9.0), [3, 3, 1, 1])
    assert constraints.radial_constraint()(kernel).numpy().ravel().tolist() == [4.0, 4.0, 4.0, 4.0, 0.0, 4.0, 4.0, 4.0, 4.0]
    kernel = tf.reshape(tf.range(16.0), [4, 4, 1, 1])
    assert constraints.RadialConstraint()(kernel).numpy().ravel().tolist() == [15.0] * 5 + [5.0, 5.0, 15.0, 15.0, 5.0, 5.0] + [15.0] * 5
    with pytest.raises(ValueError, match="must be of rank 4"):
        constraints.RadialConstraint()(tf.zeros([2, 2]))


# ---------------------------------------------------------------------------------------------- custom objects
def test_registered_objects_are_found_by_package_and_name() -> None:
    @tf.keras.utils.register_keras_serializable(package="mine")
    def double(x: Any) -> Any:
        return 2 * x

    assert tf.keras.utils.get_registered_name(double) == "mine>double"
    assert activations.serialize(double) == "mine>double"
    assert activations.get("mine>double")(3) == 6
    with pytest.raises(ValueError, match="has already been registered"):
        tf.keras.utils.register_keras_serializable(package="mine")(double)


def test_custom_objects_end_with_their_scope() -> None:
    with tf.keras.utils.CustomObjectScope({"triple": lambda x: 3 * x}):
        assert activations.get("triple")(2) == 6
    with pytest.raises(ValueError, match="Unknown activation function: triple"):
        activations.get("triple")
