"""Where Millstream and the stored texts and numbers of TensorFlow 2.4 differ.

    python tests/reference/compare.py [summary|printing|progbar|fit_text|errors|training|trajectories ...] [--only WORD]

Prints each difference and a count; exit status 1 when there is one. `differences(part)` is for tests.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

tf: Any = importlib.import_module("millstream")
progbar: Any = importlib.import_module("millstream.keras.utils.progbar")
HERE = Path(__file__).resolve().parent
RTOL, ATOL = 1e-4, 2e-6
LAST_DIGIT = {  # other sums and roundings inside an op: TensorFlow's own last digit changes with the processor
    "tf.linspace(0.0, 1.0, 11)",  # it once gave -1e-9, printed as -0., in the place of 0
    "tf.nn.softmax([1.0, 2.0, 3.0])",
}
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


class Difference(NamedTuple):
    """One case: its name, TensorFlow's outcome, ours."""

    case: str
    wanted: str
    got: str


class Clock:
    """Stands where the progress bar looks for the `time` module."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        """Seconds; moves only when told."""
        return self.now


@contextlib.contextmanager
def stopped_clock() -> Iterator[Clock]:
    """The bar reads this clock while the context lasts."""
    clock, real = Clock(), progbar.time
    progbar.time = clock
    try:
        yield clock
    finally:
        progbar.time = real


def load(part: str) -> Any:
    """A JSON file of this folder."""
    return json.loads((HERE / f"{part}.json").read_text(encoding="utf-8"))


def told(error: BaseException) -> str:
    """An error as one line."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def plain_types(text: str) -> str:
    """The name that a class of NumPy had in NumPy 1."""
    return text.replace("<class 'numpy.bool'>", "<class 'numpy.bool_'>")


def plain_repr(text: str) -> str:
    """NumPy 2's way of writing scalars and abridged arrays, as NumPy 1 wrote them; addresses hidden."""
    text = re.sub(r"np\.(?:float|int|uint)\d+\(([^()]*)\)", r"\1", plain_types(text))
    text = re.sub(r"(?<!\[\]),(\s+)shape=\(\d+(?:, \d+)*,?\)(, dtype|\))", r",\1\2", text)
    return re.sub("0x[0-9a-f]+", "0x...", re.sub(r",\s+, dtype", ", dtype", text))


def printing() -> Iterator[Difference]:
    """str and repr of every expression."""
    for group in load("printing").values():
        for case in group:
            if case["expression"] in LAST_DIGIT:
                continue
            try:
                value = eval(case["expression"], {"tf": tf, "np": np})
                got = {"str": plain_types(str(value)), "repr": plain_repr(repr(value))}
            except Exception as error:
                kinds = [k.__name__ for k in type(error).__mro__]
                got = {"error": case["error"] if case.get("error") in kinds else kinds[0], "message": str(error)[:200]}
            for key in ("str", "repr", "error"):
                if "object at 0x" in case.get(key, ""):
                    continue  # Python's own repr, where TensorFlow has none
                if case.get(key) != got.get(key):
                    yield Difference(f"{key} of {case['expression']}", str(case.get(key)), str(got.get(key, got.get("message"))))
                    break


def summary() -> Iterator[Difference]:
    """The text of summary()."""
    for name, case in load("summary").items():
        tf.keras.backend.clear_session()
        out, error = io.StringIO(), None
        try:
            scope: dict[str, Any] = {"tf": tf, "np": np}
            exec(case["code"], scope)
            with contextlib.redirect_stdout(out):
                eval(f"model.summary({case['arguments']})", scope)
        except Exception as e:
            error = told(e)
        if out.getvalue() != case["text"] or (error is None) != (case["error"] is None):
            yield Difference(name, case["text"] + str(case["error"] or ""), out.getvalue() + (error or ""))


def bars() -> Iterator[Difference]:
    """The progress bar, driven directly."""
    for name, case in load("progbar").items():
        out = io.StringIO()
        with stopped_clock() as clock, contextlib.redirect_stdout(out):
            bar = tf.keras.utils.Progbar(**case["make"])
            for seconds, current, values, finalize in case["updates"]:
                clock.now = 1000.0 + seconds
                bar.update(current, values and [tuple(v) for v in values], finalize)
        if out.getvalue() != case["text"]:
            yield Difference(name, repr(case["text"]), repr(out.getvalue()))


def fit_text() -> Iterator[Difference]:
    """What fit, evaluate and predict print and return."""
    for name, case in load("fit_text").items():
        tf.keras.backend.clear_session()
        tf.random.set_seed(7)
        out, place = io.StringIO(), tempfile.mkdtemp()
        with stopped_clock() as clock, contextlib.redirect_stdout(out):
            try:
                returned, error = run_fit(case, clock, place), None
            except Exception as e:
                returned, error = None, told(e)
        text = out.getvalue().replace(place, "PLACE")
        if not same_text(text, case["text"]) or not close(returned, case.get("returns")):
            yield Difference(
                name,
                f"{case['text']!r} returns {case.get('returns')} {case.get('error', '')}",
                f"{text!r} returns {returned} {error or ''}",
            )


def run_fit(case: dict[str, Any], clock: Clock, place: str) -> Any:
    """One case of fit_text, with a callback that moves the clock at every batch's end."""

    def move(*_: Any) -> None:
        clock.now += case["tick"]

    tick = tf.keras.callbacks.Callback()
    tick.on_train_batch_end = tick.on_test_batch_end = tick.on_predict_batch_end = move
    scope: dict[str, Any] = {"tf": tf, "np": np, "tick": tick}
    exec(case["setup"], scope)
    call = case["call"].replace("PLACE", place)
    call = call.replace("callbacks=[", "callbacks=[tick, ") if "callbacks=[" in call else call[:-1] + ", callbacks=[tick])"
    value = eval(call, scope)
    if isinstance(value, tf.keras.callbacks.History):
        return {"epoch": value.epoch, "history": plain(value.history), "params": plain(value.params)}
    return plain(value)


def errors(*names: str) -> Iterator[Difference]:
    """Types of errors, of all groups or those named; ours may be a subclass. What raises there must raise here, what works there must work here."""
    for name, group in load("errors").items():
        for case in group["cases"] if not names or name in names else ():
            tf.random.set_seed(1)
            if hasattr(tf, "keras"):
                tf.keras.backend.clear_session()
            raised: BaseException | None = None
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(group["setup"] + case["code"], {"tf": tf, "np": np})
            except Exception as error:
                raised = error
            kinds = [k.__name__ for k in type(raised).__mro__] if raised is not None else [None]
            if case["error"] not in kinds:
                wanted = f"{case['error']}: {case['message']}" if case["error"] else f"no error, {case['value']}"
                yield Difference(case.get("name", case["code"]), wanted, told(raised) if raised is not None else "no error")


def training() -> Iterator[Difference]:
    """Numbers of small trainings."""
    for name, case in load("training").items():
        tf.keras.backend.clear_session()
        scope: dict[str, Any] = {"tf": tf, "np": np}
        try:
            exec(case["code"], scope)
            got = plain(scope["result"])
        except Exception as error:
            yield Difference(name, "a result", told(error))
            continue
        if not close(got, case["result"]):
            yield Difference(name, json.dumps(case["result"])[:600], json.dumps(got)[:600])


def trajectories() -> Iterator[Difference]:
    """Losses and weights along whole programs; needs scikit-learn."""

    class Keep(tf.keras.callbacks.Callback):  # type: ignore[misc]  # its base is found at run time
        def __init__(self) -> None:
            super().__init__()
            self.running: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.running.append(logs["loss"])

    with np.load(HERE / "trajectories.npz") as stored:
        arrays = dict(stored)
    for name, code in load("trajectories").items():
        tf.keras.backend.clear_session()
        keep = Keep()
        scope: dict[str, Any] = {"tf": tf, "np": np, "keep": keep}
        exec(code, scope)
        got = {k: np.array(v) for k, v in scope["h"].history.items()}
        got["running_loss"] = np.array(keep.running)
        got.update({f"end/{i}": v for i, v in enumerate(scope["model"].get_weights())})
        for key, value in got.items():
            wanted = arrays[f"{name}/{key}"]
            if value.shape != wanted.shape or not np.allclose(value, wanted, rtol=1e-3, atol=1e-4 if "end/" in key else 1e-5):
                yield Difference(f"{name}/{key}", np.array2string(wanted, threshold=8), np.array2string(value, threshold=8))


def plain(value: Any) -> Any:
    """A value as JSON would give it back."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def close(got: Any, wanted: Any) -> bool:
    """Equal, but for the last digits of floats."""
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return bool(np.isclose(got, wanted, rtol=RTOL, atol=ATOL, equal_nan=True))
    if isinstance(wanted, dict):
        return isinstance(got, dict) and list(got) == list(wanted) and all(close(got[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(close, got, wanted))
    return bool(got == wanted)


def same_text(got: str, wanted: str) -> bool:
    """Equal, but for the last printed digit of numbers."""
    ours, theirs = NUMBER.findall(got), NUMBER.findall(wanted)
    numbers = [(a, theirs[i]) for i, a in enumerate(ours[: len(theirs)])]
    return NUMBER.sub("#", got) == NUMBER.sub("#", wanted) and all(
        abs(float(a) - float(b)) <= 2e-4 * max(1.0, abs(float(b))) for a, b in numbers
    )


PARTS: dict[str, Callable[[], Iterator[Difference]]] = {
    "printing": printing,
    "summary": summary,
    "progbar": bars,
    "fit_text": fit_text,
    "errors": errors,
    "training": training,
    "trajectories": trajectories,
}


def differences(part: str) -> list[Difference]:
    """All differences of a part, by the name of its file."""
    return list(PARTS[part]())


def main() -> None:
    """Prints the differences."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("parts", nargs="*", default=list(PARTS))
    p.add_argument("--only", default="", help="show cases whose name contains this")
    asked = p.parse_args()
    count = 0
    for part in asked.parts:
        for d in PARTS[part]():
            count += 1
            if asked.only in d.case:
                print(f"---- {part}: {d.case}\n  wanted {d.wanted}\n  got    {d.got}", flush=True)
    print(f"{count} differences")
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
