"""Every switch of the environment, once: its name, default and help. `millstream info` and the docs list this table."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One environment variable."""

    name: str
    default: str
    help: str

    def read(self) -> str:
        """Its value now; the default when it is unset or empty."""
        return os.environ.get(self.name) or self.default


FLAGS = {
    flag.name: flag
    for flag in (
        Flag(
            "MILLSTREAM_DEBUG",
            "",
            "1 what was traced and why again, 2 time per pass and kernel, 3 graphs, 4 loop nests, 5 LLVM text; nan: stop at the first NaN",
        ),
        Flag("MILLSTREAM_THREADS", "0", "threads of compiled code; 0: as many as the process may use"),
        Flag("MILLSTREAM_CACHE", "", "folder of compiled kernels; default: the user's cache folder"),
        Flag("MILLSTREAM_TARGET_CPU", "", "compile for sse2, avx2, avx512 or neon instead of this processor"),
        Flag("MILLSTREAM_WINOGRAD", "1", "0: convolutions of 3 x 3 as direct sums, without Winograd's transforms"),
        Flag("MILLSTREAM_EAGER", "", "1: never compile; every step runs op by op"),
        Flag("KERAS_HOME", "", "folder of Keras's data sets; default ~/.keras"),
    )
}


def flag(name: str) -> str:
    """The value of a switch."""
    return FLAGS[name].read()


def debug_level() -> int:
    """MILLSTREAM_DEBUG as a number; 0 when it is unset or a word."""
    value = flag("MILLSTREAM_DEBUG")
    return int(value) if value.isdigit() else 0


def debug_word(word: str) -> bool:
    """Whether MILLSTREAM_DEBUG names this word, such as "nan"."""
    return word in flag("MILLSTREAM_DEBUG").split(",")
