"""`millstream run`: a program's view of itself, its tracebacks, its exit status."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.conftest import Run


def test_program_sees_what_python_would_show_it(run: Run, tmp_path: Path) -> None:
    done = run(
        """
        import sys, os, inspect
        print(__name__, __file__, sys.argv, __package__, __doc__)
        print(sys.path[0] == os.path.realpath(os.getcwd()), sys.modules["__main__"].__dict__ is globals())
        def f(): pass
        print(inspect.getsource(f).strip(), f.__module__)
        """,
        "-x",
        "--help",
        "1",
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "__main__ program.py ['program.py', '-x', '--help', '1'] None None",
        "True True",
        "def f(): pass __main__",
    ]
    assert done.returncode == 0


def test_tensorflow_is_millstream(run: Run) -> None:
    done = run(
        """
        import tensorflow as tf
        import tensorflow.math as m
        from tensorflow import keras
        import keras as k
        import millstream
        print(tf.__version__, tf.version.VERSION, k.__version__, keras.__version__)
        print(tf.constant is millstream.constant, m.tanh is tf.math.tanh)
        print(tf.constant([1, 5]))
        """
    )
    assert done.stderr == ""
    assert done.stdout == "2.4.4 2.4.4 2.4.3 2.4.0\nTrue True\ntf.Tensor([1 5], shape=(2,), dtype=int32)\n"


def test_debug_says_whose_tensorflow_it_is(run: Run) -> None:
    program = "import tensorflow, keras, tensorflow.math"
    assert run(program).stderr == ""
    lines = run(program, debug="1").stderr.splitlines()
    assert [line.split(" in ")[0] for line in lines] == [
        "millstream: `import tensorflow` is served by Millstream 0.1.0",
        "millstream: `import keras` is served by Millstream 0.1.0",
    ]


def test_traceback_holds_the_programs_lines_only(run: Run) -> None:
    source = """
        import tensorflow as tf

        def wrong():
            return tf.constant([1, 2]) + tf.constant([1.0, 2.0])

        wrong()
        """
    done = run(source)
    files = [line.split('"')[1] for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert files == ["program.py", "program.py"]
    assert 'File "program.py", line 5, in wrong' in done.stderr
    assert "return tf.constant([1, 2]) + tf.constant([1.0, 2.0])" in done.stderr
    assert done.returncode == 1
    assert "core" in run(source, debug="1").stderr  # all frames


def test_causes_are_cleaned_too(run: Run) -> None:
    done = run(
        """
        import tensorflow as tf
        try:
            tf.constant([1]) + tf.constant([1.0])
        except Exception as error:
            raise RuntimeError("so it goes") from error
        """
    )
    assert "millstream/core" not in done.stderr
    assert done.stderr.count("Traceback (most recent call last)") == 2
    assert "RuntimeError: so it goes" in done.stderr


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("pass", 0),
        ("import sys; sys.exit(7)", 7),
        ("exit()", 0),
        ("raise SystemExit('bye')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(4)", 4),
    ],
)
def test_exit_status_is_pythons(run: Run, statement: str, status: int) -> None:
    assert run(statement).returncode == status


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_interrupt_ends_as_python_does(run: Run) -> None:
    done = run("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    assert done.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in done.stderr


def test_syntax_error_is_shown_at_its_line(run: Run) -> None:
    done = run("x = 1\nif x\n    pass\n")
    assert done.returncode == 1
    assert 'File "program.py", line 2' in done.stderr
    assert "runpy" not in done.stderr
    assert "SyntaxError" in done.stderr


def test_source_encoding_is_respected(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gbk.py").write_bytes("# -*- coding: gbk -*-\nprint(len('你好'))\n".encode("gbk"))
    assert run("import gbk").stdout == "2\n"


def test_atexit_and_standard_input(run: Run) -> None:
    done = run("import atexit; atexit.register(lambda: print('end', x)); x = input()", stdin="five\n")
    assert done.stdout == "end five\n"


def test_run_a_module(run: Run, tmp_path: Path) -> None:
    package = tmp_path / "course"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "lesson.py").write_text("import sys, tensorflow as tf; print(__name__, tf.__version__, sys.argv[1:])")
    done = subprocess.run(
        [sys.executable, "-m", "millstream", "run", "-m", "course.lesson", "a"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.stdout, done.stderr) == ("__main__ 2.4.4 ['a']\n", "")


@pytest.mark.parametrize("start", ["spawn", "forkserver", "fork"])
def test_processes_of_the_program_find_tensorflow_too(run: Run, start: str) -> None:
    done = run(
        f"""
        import multiprocessing
        import tensorflow as tf
        import numpy as np

        def double(x):
            return int(tf.constant(x) * 2), np.float(x)

        if __name__ == "__main__":
            with multiprocessing.get_context("{start}").Pool(1) as pool:
                print(pool.map(double, [1, 2]))
        """
    )
    assert done.stdout == "[(2, 1.0), (4, 2.0)]\n", done.stderr


def test_install_for_notebooks() -> None:
    code = (
        "import millstream; millstream.compat.install(); millstream.compat.install(); "
        "import tensorflow as tf; from tensorflow.math import tanh; print(tf.constant(3))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    assert (done.stdout, done.stderr) == ("tf.Tensor(3, shape=(), dtype=int32)\n", "")
