"""Machine code of kernels: emitted text -> object code (remembered, stored) -> addresses in this process.

A kernel is known by a hash of its text, the processor, llvmlite's version and FORMAT, so equal kernels are compiled
once whatever they are called. Stored object code is loaded without parsing any text. llvmlite is imported on first use.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from millstream.codegen.loops import Function
from millstream.core.machine import Machine, machine
from millstream.targets.llvm_cpu.emit import Text, emit, module

FORMAT = "2"
# Both cost more time than they save here: the builder moves invariant code and kernels keep running offsets, so loop
# strength reduction (a quarter of the compile time) finds nothing, and the scheduler hoists loads until tiles spill.
SWITCHES = ("disable-lsr=true", "enable-misched=false")
RESTORE = ("disable-lsr=false", "enable-misched=true")


class Store(Protocol):
    """Where object code outlives the process."""

    def get(self, key: str) -> bytes | None:
        """The bytes put under a key, or None."""

    def put(self, key: str, data: bytes) -> None:
        """Keeps bytes under a key, or fails silently."""


def compile(functions: Iterable[Function], store: Store | None = None) -> dict[str, int]:
    """Addresses of the functions' machine code, by their names.

    Raises: ValueError when two of them differ but have one name.
    """
    host = machine()
    texts: dict[str, Text] = {}
    for function in functions:
        text = emit(function, host)
        if texts.setdefault(function.name, text).body != text.body:
            raise ValueError(f"Two different kernels are called {function.name!r}; give each a name of its own.")
    return compile_texts(texts, store)


def compile_texts(texts: dict[str, Text], store: Store | None = None) -> dict[str, int]:
    """The same for emitted text."""
    with _state.lock:
        keys = {name: key_of(text, machine()) for name, text in texts.items()}
        _state.provide({keys[name]: text for name, text in texts.items()}, store)
        return {name: _state.addresses[key] for name, key in keys.items()}


def key_of(text: Text, target: Machine) -> str:
    """The hash that identifies the machine code of a text."""
    import llvmlite

    parts = (FORMAT, llvmlite.__version__, target.triple, target.cpu, target.features, *SWITCHES, *sorted(text.declarations), text.body)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def compile_module(text: str, symbols: Sequence[str], store: Store | None = None) -> dict[str, int]:
    """Addresses of a hand-written module's functions; as kernels, it is stored under a hash of its text."""
    with _state.lock:
        key = key_of(Text(text, frozenset()), machine())
        data = store.get(key) if store is not None else None
        if data is None:
            data = _object_of(text, machine())
            if store is not None:
                store.put(key, data)
        _state.load(data)
        _state.engine.finalize_object()
        return {symbol: int(_state.engine.get_function_address(symbol)) for symbol in symbols}


def object_code(texts: Sequence[tuple[str, Text]], target: Machine) -> bytes:
    """One object file of several functions under these symbols, for any target."""
    return _object_of(module(dict(texts), target.triple), target)


def _object_of(text: str, target: Machine) -> bytes:
    import llvmlite.binding as llvm

    built = llvm.parse_assembly(text)
    tm = _target_machine(target)
    for switch in SWITCHES:
        llvm.set_option("", "-" + switch)
    try:
        return bytes(tm.emit_object(built))
    finally:  # the switches are the whole process's, and another library may compile too
        for switch in RESTORE:
            llvm.set_option("", "-" + switch)


def assembly(function: Function, target: Machine | None = None) -> str:
    """What the processor will run, for people."""
    import llvmlite.binding as llvm

    where = target or machine()
    text = module({function.name: emit(function, where)}, where.triple)
    return str(_target_machine(where).emit_assembly(llvm.parse_assembly(text)))


def _target_machine(target: Machine) -> Any:  # llvmlite has no annotations
    import llvmlite.binding as llvm

    if not _state.initialised:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        _state.initialised = True
    if target.triple != machine("host").triple:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    where = llvm.Target.from_triple(target.triple)
    # The JIT's code model (64-bit addresses) is as fast as the small one, whose relocations may not reach.
    return where.create_target_machine(cpu=target.cpu, features=target.features, opt=1, jit=True)


class _State:
    """What this process has compiled."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.addresses: dict[str, int] = {}
        self.initialised = False
        self.engine: Any = None  # llvmlite's ExecutionEngine; it owns the code for as long as the process lives
        self.compiled = 0  # functions that went through LLVM, for tests and profiles

    def provide(self, wanted: dict[str, Text], store: Store | None) -> None:
        """Loads what is stored, compiles the rest."""
        fresh: list[str] = []
        for key, text in wanted.items():
            if key in self.addresses:
                continue
            self.check_symbols(text)
            data = store.get(key) if store is not None else None
            if data is None:
                data = object_code([("k" + key, text)], machine())
                self.compiled += 1
                if store is not None:
                    store.put(key, data)
            self.load(data)
            fresh.append(key)
        if fresh:
            self.engine.finalize_object()
        for key in fresh:
            self.addresses[key] = int(self.engine.get_function_address("k" + key))

    def load(self, data: bytes) -> None:
        import llvmlite.binding as llvm

        if self.engine is None:
            self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine(machine()))
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(data))

    def check_symbols(self, text: Text) -> None:
        """C functions that the text calls must exist: LLVM would end the process otherwise."""
        for declaration in text.declarations:
            name = declaration.split("@", 1)[1].split("(", 1)[0]
            if not name.startswith("llvm."):
                _resolve(name)


def _resolve(name: str) -> None:
    """Makes a C function known to LLVM.

    Raises: KeyError when neither the process nor its mathematics library has it.
    """
    import llvmlite.binding as llvm

    from millstream.codegen.interpret import c_library

    _target_machine(machine())
    if llvm.address_of_symbol(name):
        return
    function = getattr(c_library(), name, None)
    if function is None:
        raise KeyError(f"A kernel calls the C function {name!r}, which this system's libraries do not have.")
    llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)


def bind(name: str, address: int) -> None:
    """Lets kernels call the code at an address by a name."""
    import llvmlite.binding as llvm

    llvm.add_symbol(name, address)


def compiled_count() -> int:
    """How many functions LLVM has compiled in this process."""
    return _state.compiled


_state = _State()
