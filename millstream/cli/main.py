"""The `millstream` command: run a program, or say what there is on this machine.

millstream run [--keep-libraries] PROGRAM [ARGS...]
millstream run -m MODULE [ARGS...]
millstream info
millstream --version
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

_COMMANDS = ("run", "info")


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit status. A program's own exception or exit comes through."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] not in _COMMANDS and not words[0].startswith("-") and os.path.exists(words[0]):
        words.insert(0, "run")  # python -m millstream program.py
    options = _parser().parse_args(words)
    if options.command == "run":
        return _run(options)
    if options.command == "info":
        from millstream.cli.info import report

        print(report(own_version()))
        return 0
    _parser().print_help()
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="millstream", description="Runs TensorFlow 2 programs, unmodified.")
    parser.add_argument("--version", action="version", version=f"millstream {own_version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="run a program that imports tensorflow or keras",
        description="Run PROGRAM as Python would, with tensorflow and keras served by Millstream. What follows PROGRAM belongs to it.",
        usage="millstream run [-h] [--keep-libraries] (PROGRAM | -m MODULE) [ARGS...]",
    )
    run.add_argument("--keep-libraries", action="store_true", help="do not put back what NumPy, Pillow, pandas, ... dropped since 2020")
    run.add_argument("-m", dest="module", action="store_true", help="PROGRAM is the dotted name of a module, as in python -m")
    run.add_argument("program", metavar="PROGRAM")
    run.add_argument("args", metavar="ARGS", nargs=argparse.REMAINDER)
    commands.add_parser("info", help="versions, processor, threads and folders")
    return parser


def own_version() -> str:
    """Millstream's version: the one of this code, installed or not."""
    import millstream

    return str(vars(millstream)["__millstream_version__"])


def _run(options: argparse.Namespace) -> int:
    from millstream.compat.run import run_module, run_program

    run = run_module if options.module else run_program
    if not options.module and (reason := _no_program(options.program)):
        print(f"millstream: {reason}", file=sys.stderr)
        return 2
    run(options.program, options.args, old_libraries=not options.keep_libraries)
    return 0


def _no_program(path: str) -> str:
    """Why the file cannot be run; empty when it can."""
    if os.path.isdir(path):
        return f"{path!r} is a folder; name the program's file in it."
    if not os.path.exists(path):
        return f"there is no file {path!r} in {os.getcwd()}."
    if path.endswith(".ipynb"):
        return f"{path!r} is a notebook. Open it in Jupyter and make its first cell `import millstream; millstream.compat.install()`."
    return "" if os.access(path, os.R_OK) else f"{path!r} may not be read by this user."
