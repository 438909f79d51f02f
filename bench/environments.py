"""The frameworks that can be compared, and the Python environment of each.

An environment is named by its PEERS_ variable, or made by `bench/setup` under bench/.venvs. Millstream itself runs in its
environment when there is one, else under the interpreter that runs the bench.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENVS = ROOT / "bench" / ".venvs"
SCANS = ("mnist_mlp", "mnist_mlp_cold")  # the workloads of which JAX has a second version: an epoch as one lax.scan


class Framework(NamedTuple):
    """One column of a comparison: the peers script's name and variant, and the environment that holds it."""

    label: str
    name: str
    environment: str
    variant: str = ""


OURS = Framework("millstream", "millstream", "millstream")
PEERS = {
    f.label: f
    for f in (
        Framework("tf24", "tf24", "tf24"),
        Framework("tf", "tf", "tf"),
        Framework("tfkeras", "tfkeras", "tf"),
        Framework("torch", "torch", "tj"),
        Framework("torch-compile", "torch-compile", "tj"),
        Framework("jax", "jax", "tj"),
        Framework("jax-scan", "jax", "tj", "scan"),
        Framework("keras-torch", "keras-torch", "tj"),
        Framework("keras-jax", "keras-jax", "tj"),
    )
}
GROUPS = {"tensorflow": ("tf24", "tf", "tfkeras"), "torch": ("torch", "torch-compile"), "jax": ("jax", "jax-scan")}
VARIABLES = {"millstream": "PEERS_MILLSTREAM", "tf24": "PEERS_TF24", "tf": "PEERS_TF", "tj": "PEERS_TORCH_JAX"}
TITLES = {"tf24": "TensorFlow 2.4 (tf24)", "tf": "TensorFlow, Keras 3 (tf)", "tfkeras": "TensorFlow, Keras 2 (tfkeras)", "torch": "PyTorch",
          "torch-compile": "PyTorch, torch.compile", "jax": "JAX", "jax-scan": "JAX, lax.scan", "millstream": "**Millstream**",
          "keras-torch": "Keras 3 on PyTorch", "keras-jax": "Keras 3 on JAX"}  # fmt: skip
PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "tf_keras", "torch", "jax", "jaxlib", "numpy", "llvmlite", "millstream")


def chosen(against: str) -> list[Framework]:
    """The peers that `--against` names: groups or single labels, separated by commas.

    Raises: ValueError for an unknown name.

    >>> [f.label for f in chosen("torch,tf24")]
    ['torch', 'torch-compile', 'tf24']
    """
    labels: list[str] = []
    for word in filter(None, against.split(",")):
        if word not in GROUPS and word not in PEERS:
            raise ValueError(
                f"--against: unknown framework {word!r}; expected groups {', '.join(GROUPS)}, or single ones: {', '.join(PEERS)}."
            )
        labels += [label for label in GROUPS.get(word, (word,)) if label not in labels]
    return [PEERS[label] for label in labels]


def fits(framework: Framework, workload: str) -> bool:
    """Whether a framework's variant differs from its plain form for a workload."""
    return framework.variant != "scan" or workload in SCANS


def python_of(environment: str) -> str | None:
    """The Python of an environment; None when it is neither named nor made."""
    named = os.environ.get(VARIABLES[environment])
    made = VENVS / environment / "bin" / "python"
    if named:
        return named
    if made.exists():
        return str(made)
    return sys.executable if environment == "millstream" else None


def missing(framework: Framework) -> str:
    """What to do when a framework's environment is not there."""
    return f"{framework.label} is left out: no environment. Run bench/setup {framework.environment}, or set {VARIABLES[framework.environment]}=/path/to/its/python."


def variables(cache: str | None = None) -> dict[str, str]:
    """The environment of a measured process: every PEERS_ variable, this checkout importable, its own kernel cache."""
    named = {VARIABLES[e]: p for e in VARIABLES if (p := python_of(e))}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **named, "PYTHONPATH": path} | ({"MILLSTREAM_CACHE": cache} if cache else {})


def versions(environment: str) -> str:
    """Package versions in an environment, as one line."""
    python = python_of(environment)
    if python is None:
        return ""
    code = (
        "import json, sys, importlib.metadata as m\nfound = {'python': '.'.join(map(str, sys.version_info[:3]))}\n"
        f"for p in {PACKAGES!r}:\n    try: found[p] = m.version(p)\n    except m.PackageNotFoundError: pass\nprint(json.dumps(found))"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return ", ".join(f"{k} {v}" for k, v in json.loads(done.stdout or "{}").items())
