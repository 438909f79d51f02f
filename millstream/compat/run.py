"""Run a program's file as Python would, with `tensorflow` and `keras` served by Millstream and old libraries' names put back."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Sequence
from types import ModuleType, TracebackType

from millstream.compat import rewrite
from millstream.compat.installing import install
from millstream.util.flags import flag


def run_program(path: str, args: Sequence[str] = (), *, old_libraries: bool = True) -> None:
    """Run the file `path` as `__main__`, with sys.argv = [path, *args] and its folder first on sys.path.

    What it raises, SystemExit included, comes through; the traceback that Python then prints starts in the program.
    Raises: FileNotFoundError, IsADirectoryError, SyntaxError for a file that cannot be run.
    """
    with open(path, "rb") as file:
        source = file.read()
    folder = os.path.dirname(os.path.realpath(path))
    install(old_libraries=old_libraries)
    sys.argv[:] = [path, *args]
    _put_first(folder)
    hide_frames()
    module = _main_module(path)
    if old_libraries:
        sys.meta_path.insert(1, rewrite.ProgramFinder(folder))
        code = rewrite.compile_program(source, path)
    else:
        code = compile(source, path, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - running the user's program is what this is for


def run_module(name: str, args: Sequence[str] = (), *, old_libraries: bool = True) -> None:
    """Run a module by its dotted name, as `python -m` does. Raises: ImportError when there is none."""
    import runpy

    install(old_libraries=old_libraries)
    _put_first(os.getcwd())
    hide_frames()
    sys.argv[:] = [name, *args]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _put_first(folder: str) -> None:
    """The program's folder takes the place that Python gave to the folder of the `millstream` command."""
    if sys.flags.safe_path:  # python -P: Python put nothing there
        return
    sys.path[:1] = [folder]


def _main_module(path: str) -> ModuleType:
    module = ModuleType("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__, __cached__=None, __spec__=None, __package__=None)
    sys.modules["__main__"] = module
    return module


# ---- tracebacks ---------------------------------------------------------------------------------------

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_RUNNERS = ("<frozen runpy>", os.path.join(sys.prefix, "bin", "millstream"))


def hide_frames() -> None:
    """From here on uncaught exceptions are shown with the program's frames only. With MILLSTREAM_DEBUG all frames are shown."""
    if flag("MILLSTREAM_DEBUG") not in ("", "0"):
        return
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        del trace  # the cleaned one stands on the exception
        _clean(error, set())
        show(kind, error, error.__traceback__)

    sys.excepthook = hook


def _clean(error: BaseException, seen: set[int]) -> None:
    """Take our frames out of the exception's traceback, and out of those that it came from."""
    if id(error) in seen:
        return
    seen.add(id(error))
    kept = [entry for entry in _entries(error.__traceback__) if not _is_ours(entry)]
    trace: TracebackType | None = None
    for entry in reversed(kept):
        trace = types.TracebackType(trace, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    error.__traceback__ = trace
    for cause in (error.__cause__, error.__context__):
        if cause is not None:
            _clean(cause, seen)


def _entries(trace: TracebackType | None) -> list[TracebackType]:
    found = []
    while trace is not None:
        found.append(trace)
        trace = trace.tb_next
    return found


def _is_ours(entry: TracebackType) -> bool:
    """By its file; code that is made at run time has none, but says which module it belongs to."""
    name = entry.tb_frame.f_code.co_filename
    module = str(entry.tb_frame.f_globals.get("__name__", ""))
    return name.startswith(_OURS) or name in _RUNNERS or module.partition(".")[0] == "millstream"
