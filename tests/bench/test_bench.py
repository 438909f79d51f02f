"""The bench's arithmetic and its tables, on made-up measurements."""

import doctest
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import millstream as tf
from bench import environments, floors, report, runs
from bench.__main__ import script_for
from bench.environments import OURS, PEERS, Framework
from bench.limits import Limits, better
from bench.runs import Rounds
from bench.step import Recorder, summary
from millstream.core.spec import ArraySpec
from millstream.graph.trace import Trace
from millstream.runtime.executable import Executable

LIMITS = Limits(2, 8, "AVX2", {1: 100e9, 2: 200e9}, {1: 10e9, 2: 20e9}, {1: 10e9, 2: 16e9})


@pytest.mark.parametrize("module", [environments, report, runs])
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_floor_of_mnist_counts_no_gradient_of_the_pixels() -> None:
    hidden, out = 2 * 784 * 128, 2 * 128 * 10
    assert floors.MLP.training == 2 * hidden + 3 * out
    work = floors.work_of("mnist_mlp")
    assert work is not None
    assert work.flops == 60_000 * (2 * hidden + 3 * out) + 10_000 * (hidden + out)


@pytest.mark.parametrize(("name", "gflop"), [("lenet", 0.1026), ("alexnet8", 22.49), ("resnet18", 106.5), ("lstm", 2.254), ("gru", 1.690)])
def test_floors_of_the_networks(name: str, gflop: float) -> None:
    work = floors.work_of(name)
    assert work is not None
    assert work.flops / 1e9 == pytest.approx(gflop, rel=1e-3)


def test_overhead_has_no_floor() -> None:
    assert floors.work_of("import") is None


def test_unknown_framework_is_explained() -> None:
    with pytest.raises(ValueError, match="unknown framework 'pytorch'; expected groups tensorflow, torch, jax"):
        environments.chosen("tensorflow,pytorch")


def test_a_group_is_not_measured_twice() -> None:
    assert [f.label for f in environments.chosen("jax,jax-scan,tf24,tensorflow")] == ["jax", "jax-scan", "tf24", "tf", "tfkeras"]


def test_scan_is_measured_where_it_exists() -> None:
    rounds = Rounds("iris", [OURS, PEERS["jax"], PEERS["jax-scan"]], Path("none.py"), 3)
    assert [s.framework.label for s in rounds.series] == ["millstream", "jax"]


def test_missing_environment_says_how_to_make_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PEERS_TF24", raising=False)
    monkeypatch.setattr(environments, "VENVS", tmp_path)
    said = runs.measure(tmp_path / "none.py", PEERS["tf24"], "iris", 1, str(tmp_path))
    assert said == "tf24 is left out: no environment. Run bench/setup tf24, or set PEERS_TF24=/path/to/its/python."


def test_missing_script_that_was_asked_for_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no measuring script at"):
        script_for(str(tmp_path / "none.py"))


@pytest.fixture
def fake_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A measuring script that prints what it was asked, and whether it met an empty kernel cache."""
    for variable in environments.VARIABLES.values():
        monkeypatch.setenv(variable, sys.executable)
    script = tmp_path / "fake.py"
    script.write_text(
        "import json, os, pathlib, sys\n"
        "place = pathlib.Path(os.environ['MILLSTREAM_CACHE'])\n"
        "framework = sys.argv[sys.argv.index('--framework') + 1]\n"
        "first = 0.1 if any(place.iterdir()) else 0.3\n"
        "(place / 'kernel').touch()\n"
        "seconds = {'millstream': 0.25, 'jax': 0.5, 'torch': 1.0}[framework]\n"
        "print(json.dumps(dict(seconds=seconds, unit='epoch', first_step_s=first, peak_rss_mb=100 * seconds)))\n"
    )
    return script


def measured(script: Path, *frameworks: Framework, count: int = 1) -> Rounds:
    rounds = Rounds("mnist_mlp", [OURS, *frameworks], script, 1)
    for index in range(count):
        rounds.run(index)
    rounds.close()
    return rounds


def test_rounds_alternate_between_an_empty_and_a_full_cache(fake_script: Path) -> None:
    ours = measured(fake_script, count=4).series[0]
    assert (ours.first_step(fresh=True), ours.first_step(fresh=False)) == (0.3, 0.1)


def test_table_compares_with_the_best_peer_and_the_limit(fake_script: Path) -> None:
    text = report.workload_section(measured(fake_script, PEERS["torch"], PEERS["jax"]), LIMITS)
    assert [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")][1:] == ["| **Millstream**", "| JAX", "| PyTorch"]
    assert "| JAX | 500.0 ms" not in text
    assert "| JAX | 500 ms | 500 ms, 500 ms | 2.00x as fast |" in text
    assert "Best peer: JAX, 500 ms. Millstream is 2.00x as fast." in text
    assert "Floor on 2 cores: 133 ms (arithmetic: 26.6 GFLOP, 439 MB); Millstream is at 1.88x." in text


def test_failure_of_a_framework_is_told_and_the_rest_goes_on(fake_script: Path) -> None:
    text = report.workload_section(measured(fake_script, Framework("tf", "tf", "tf")), LIMITS)
    assert "TensorFlow, Keras 3 (tf): KeyError: 'tf'" in text
    assert "| **Millstream** | 250 ms |" in text


def test_recorder_counts_every_step_and_steps_back() -> None:
    v = tf.Variable(np.zeros((8, 8), "float32"))
    trace = Trace()
    x = trace.input(ArraySpec((8, 8), tf.float32))
    with trace.active():
        v.assign_add(tf.matmul(x, x))
    code = Executable(trace.finish([]))
    code.bind_inputs([np.eye(8, dtype="float32")])
    before = Executable.run
    with Recorder() as recorder:
        code.run(0, 20)
        code.run(0, 5)
    assert Executable.run is before
    assert [len(r.counts) for r in recorder.records] == [20, 5]
    assert all((r.counts > 0).all() for r in recorder.records)
    assert "us a step" in summary(recorder.records)
    np.testing.assert_array_equal(v.numpy(), 25 * np.eye(8))


def test_memory_can_bound_a_floor() -> None:
    assert report.floor_seconds(floors.Work(1e9, 16e9), LIMITS, 2) == (1.0, "memory")


def test_better_of_two_measurements() -> None:
    other = LIMITS._replace(peak={1: 90e9, 2: 210e9})
    assert better(LIMITS, other).peak == {1: 100e9, 2: 210e9}


def test_limits_are_positive_for_every_thread_count() -> None:
    done = subprocess.run([sys.executable, "-m", "bench.loops"], capture_output=True, text=True, check=True, cwd=environments.ROOT)
    found = json.loads(done.stdout)
    assert set(found) == set(Limits._fields)
    assert all(v > 0 for name in ("peak", "read", "triad") for v in found[name].values())
