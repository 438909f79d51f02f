"""python -m bench WORKLOAD... [--against tensorflow,torch,jax]: ours and the peers, interleaved in one run."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from bench import environments, limits, report
from bench.environments import OURS, ROOT
from bench.runs import Rounds

OWN_SCRIPT = Path(__file__).resolve().parent / "workloads.py"
DEFAULT_PEERS = ROOT.parent / "shared" / "peers" / "peers.py"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    p.add_argument(
        "workloads", nargs="+", metavar="WORKLOAD", help="such as import, tape_scalar, iris, mnist_mlp, mnist_mlp_cold, predict_1"
    )
    p.add_argument(
        "--against",
        default="",
        help="peers, by commas: tensorflow, torch, jax, or single ones (tf24, tf, tfkeras, torch-compile, jax-scan, ...)",
    )
    p.add_argument("--rounds", type=int, default=4, help="each framework runs once a round, in a process of its own (default %(default)s)")
    p.add_argument("--repeats", type=int, default=3, help="passed on to the measuring script (default %(default)s)")
    p.add_argument("--peers", help="the measuring script of all frameworks (default MILLSTREAM_PEERS, else the one beside this checkout)")
    p.add_argument("--no-save", action="store_true", help="do not append to bench/RESULTS.md")
    return p


def script_for(asked: str | None) -> Path:
    """The measuring script: what was asked for, else the usual place, else our own, which knows TensorFlow's API only.

    Raises: SystemExit when the one asked for is not there.
    """
    named = asked or os.environ.get("MILLSTREAM_PEERS")
    if named:
        if not Path(named).is_file():
            raise SystemExit(f"bench: there is no measuring script at {named!r} (from {'--peers' if asked else 'MILLSTREAM_PEERS'}).")
        return Path(named).resolve()
    if DEFAULT_PEERS.is_file():
        return DEFAULT_PEERS
    print(f"bench: no measuring script at {DEFAULT_PEERS}; bench/workloads.py is used, which measures Millstream and TensorFlow only.")
    print("       For PyTorch and JAX name one: --peers PATH or MILLSTREAM_PEERS=PATH.")
    return OWN_SCRIPT


def run(options: argparse.Namespace) -> str:
    """All workloads; the report as Markdown."""
    script = script_for(options.peers)
    try:
        frameworks = [OURS, *environments.chosen(options.against)]
    except ValueError as error:
        raise SystemExit(f"bench: {error}") from error
    best: limits.Limits | None = None
    works = [Rounds(w, frameworks, script, options.repeats) for w in options.workloads]
    for work in works:
        for index in range(options.rounds):
            print(f"{work.workload}, round {index + 1} of {options.rounds}", flush=True)
            best = limits.better(best, limits.measure())
            work.run(index)
        work.close()
    assert best is not None
    held = dict.fromkeys(f.environment for f in frameworks if environments.python_of(f.environment))
    head = report.machine_section(shlex.join(["python", "-m", "bench", *sys.argv[1:]]), best, held, (options.rounds, options.repeats))
    return head + "".join("\n" + report.workload_section(work, best) for work in works)


def main() -> None:
    """Measures, prints, appends."""
    options = parser().parse_args()
    text = run(options)
    print("\n" + text)
    if not options.no_save:
        report.append(text)
        print(f"Appended to {report.RESULTS.relative_to(ROOT)}.")


if __name__ == "__main__":
    main()
