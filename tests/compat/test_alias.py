"""The import alias: every way in which programs import, the same objects, and clear words for what is not there."""

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import millstream
from millstream.compat.alias import AliasFinder, ServedModule, install_alias
from millstream.compat.moved import public_names_of


@pytest.fixture
def announced() -> Iterator[list[str]]:
    """`flow` and `kflow` served; the list fills with what is announced."""
    heard: list[str] = []
    finder = AliasFinder({"flow": lambda: millstream, "kflow": lambda: millstream.keras}, heard.append)
    install_alias(finder, ["flow", "kflow"])
    yield heard
    sys.meta_path.remove(finder)
    for name in [n for n in sys.modules if n.split(".")[0] in ("flow", "kflow")]:
        del sys.modules[name]


@pytest.mark.usefixtures("announced")
def test_same_objects_under_every_spelling() -> None:
    flow = importlib.import_module("flow")
    maths = importlib.import_module("flow.math")
    assert flow.constant is millstream.constant
    assert flow.math is maths
    assert maths.tanh is millstream.math.tanh
    assert flow.keras is importlib.import_module("flow.keras")


@pytest.mark.usefixtures("announced")
def test_from_imports_and_star() -> None:
    scope: dict[str, object] = {}
    exec("from flow import math, constant as c\nfrom flow.math import *\nimport flow.keras as k", scope)
    assert scope["c"] is millstream.constant
    assert scope["tanh"] is millstream.math.tanh
    assert isinstance(scope["k"], ServedModule)
    assert "np" not in scope


def test_announced_once(announced: list[str]) -> None:
    importlib.import_module("flow.math")
    importlib.import_module("flow.keras")
    assert announced == ["flow"]


@pytest.mark.usefixtures("announced")
def test_own_folders_are_not_public() -> None:
    importlib.import_module("millstream.util")
    flow = importlib.import_module("flow")
    assert not hasattr(flow, "util")
    assert "util" not in dir(flow)
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'flow\.util' \('flow' is served by Millstream"):
        importlib.import_module("flow.util")


@pytest.mark.usefixtures("announced")
def test_missing_attribute() -> None:
    flow = importlib.import_module("flow")
    with pytest.raises(AttributeError, match="module 'flow' has no attribute 'placeholder'"):
        _ = flow.placeholder
    with pytest.raises(ImportError, match="cannot import name 'placeholder' from 'flow'"):
        exec("from flow import placeholder")


@pytest.mark.usefixtures("announced")
def test_programs_may_set_attributes() -> None:
    flow = importlib.import_module("flow")
    flow.my_own = 3
    assert flow.my_own == 3
    assert not hasattr(millstream, "my_own")


def test_another_package_of_that_name_is_not_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("flow")
    other.__file__ = "/usr/lib/flow.py"
    monkeypatch.setitem(sys.modules, "flow", other)
    with pytest.raises(RuntimeError, match=r"'flow' was already imported from /usr/lib/flow\.py.*restart the kernel"):
        install_alias(AliasFinder({}, print), ["flow"])


@pytest.mark.parametrize(
    ("old", "public"),
    [
        ("keras.layers.core", ["keras.layers"]),
        ("keras.utils.np_utils", ["keras.utils"]),
        ("keras.engine.topology", ["keras.layers", "keras.models", "keras"]),
        ("tensorflow.keras.layers.recurrent", ["tensorflow.keras.layers"]),
        ("tensorflow.python.keras", ["tensorflow.keras"]),
        ("tensorflow.python.keras.layers", ["tensorflow.keras.layers"]),
        ("tensorflow.python.keras.optimizer_v2.adam", ["tensorflow.keras.optimizers", "tensorflow.keras.optimizers.schedules"]),
        ("tensorflow.python.framework.ops", ["tensorflow"]),
        ("tensorflow.python.ops.nn", ["tensorflow.nn"]),
        ("tensorflow.python.unheard_of", []),
        ("numpy.core", []),
    ],
)
def test_modules_that_were_never_public(old: str, public: list[str]) -> None:
    assert public_names_of(old) == public
