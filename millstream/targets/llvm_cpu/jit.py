"""Machine code of kernels: emitted text -> object code (remembered, stored) -> addresses in this process.

A kernel is known by a hash of its text, the processor, llvmlite's version and FORMAT, so equal kernels are compiled
once whatever they are called. Stored object code is loaded without parsing any text. llvmlite is imported on first use.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from millstream.codegen.loops import Function
from millstream.core.machine import Machine, machine
from millstream.targets.llvm_cpu.emit import Text, emit, module

FORMAT = "3"
# Both cost more time than they save here: the builder moves invariant code and kernels keep running offsets, so loop
# strength reduction (a quarter of the compile time) finds nothing, and the scheduler hoists loads until tiles spill.
SWITCHES = ("disable-lsr=true", "enable-misched=false")
RESTORE = ("disable-lsr=false", "enable-misched=true")


class Bundle(NamedTuple):
    """Object code of kernels that were compiled together: each key's symbol, the C functions called, the object file."""

    symbols: dict[str, str]
    externals: tuple[str, ...]
    data: bytes


class Store(Protocol):
    """Where object code outlives the process."""

    def get(self, key: str) -> Bundle | None:
        """A bundle that holds this key, or None."""

    def put(self, bundle: Bundle) -> None:
        """Keep a bundle under each of its keys, or fail silently."""


def compile(functions: Iterable[Function], store: Store | None = None) -> dict[str, int]:
    """Addresses of the functions' machine code, by their names; stored under their text.

    Raises: ValueError when two of them differ but have one name.
    """
    texts: dict[str, Text] = {}
    for function in functions:
        text = emit(function, machine())
        if texts.setdefault(function.name, text).body != text.body:
            raise ValueError(f"Two different kernels are called {function.name!r}; give each a name of its own.")
    keys = {name: key_of(text, machine()) for name, text in texts.items()}
    found = provide({keys[name]: functools.partial(_same, text) for name, text in texts.items()}, store)
    return {name: found[key] for name, key in keys.items()}


def _same(text: Text) -> Text:
    return text


def provide(wanted: Mapping[str, Callable[[], Text]], store: Store | None = None) -> dict[str, int]:
    """Addresses by key; the texts are made only of kernels that neither this process nor the store has."""
    with _state.lock:
        _state.provide(wanted, store)
        return {key: _state.addresses[key] for key in wanted}


def compile_module(text: str, symbols: Sequence[str], externals: Sequence[str], store: Store | None = None) -> dict[str, int]:
    """Addresses of a hand-written module's functions; as kernels, it is stored under a hash of its text.

    It is compiled in the quickest way: meant for code that waits and hands over, not for arithmetic.
    """
    with _state.lock:
        key = key_of(Text(text, frozenset()), machine())
        bundle = store.get(key) if store is not None else None
        if bundle is None:
            bundle = Bundle({key: symbols[0]}, tuple(externals), _object_of(text, machine(), 0))
            if store is not None:
                store.put(bundle)
        _state.adopt(bundle)
        return {symbol: _state.address_of(symbol) for symbol in symbols}


def key_of(text: Text, target: Machine) -> str:
    """The hash that identifies the machine code of a text."""
    import llvmlite

    parts = (FORMAT, llvmlite.__version__, target.triple, target.cpu, target.features, *SWITCHES, *sorted(text.declarations), text.body)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]


def _bundle_of(texts: dict[str, Text]) -> Bundle:
    """One module of kernels by key, equal texts once: half of a small module's compile time is the same for all sizes."""
    symbols = {key: "k" + key_of(text, machine()) for key, text in texts.items()}
    distinct = {symbols[key]: text for key, text in texts.items()}
    externals = externals_of(distinct.values())
    for name in externals:
        _resolve(name)
    _state.compiled += len(distinct)
    return Bundle(symbols, externals, object_code(list(distinct.items()), machine()))


def externals_of(texts: Iterable[Text]) -> tuple[str, ...]:
    """The C functions that texts call."""
    names = {d.split("@", 1)[1].split("(", 1)[0] for text in texts for d in text.declarations}
    return tuple(sorted(n for n in names if not n.startswith("llvm.")))


def object_code(texts: Sequence[tuple[str, Text]], target: Machine) -> bytes:
    """One object file of several functions under these symbols, for any target."""
    return _object_of(module(dict(texts), target.triple), target)


def _object_of(text: str, target: Machine, level: int = 1) -> bytes:
    import llvmlite.binding as llvm

    built = llvm.parse_assembly(text)
    tm = _target_machine(target, level)
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


def _target_machine(target: Machine, level: int = 1) -> Any:  # llvmlite has no annotations
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
    return where.create_target_machine(cpu=target.cpu, features=target.features, opt=level, jit=True)


class _State:
    """What this process has compiled."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.addresses: dict[str, int] = {}
        self.initialised = False
        self.engine: Any = None  # llvmlite's ExecutionEngine; it owns the code for as long as the process lives
        self.compiled = 0  # functions that went through LLVM, for tests and profiles

    def provide(self, wanted: Mapping[str, Callable[[], Text]], store: Store | None) -> None:
        """Load what is stored, compile the rest."""
        missing = [key for key in wanted if key not in self.addresses]
        for key in missing if store is not None else ():
            bundle = store.get(key) if store is not None and key not in self.addresses else None
            if bundle is not None:
                self.adopt(bundle)
        rest = [key for key in missing if key not in self.addresses]
        if rest:
            bundle = _bundle_of({key: wanted[key]() for key in rest})
            self.adopt(bundle)
            if store is not None:
                store.put(bundle)

    def adopt(self, bundle: Bundle) -> None:
        """Load a bundle and remember all its kernels. What it calls must exist: LLVM would end the process otherwise."""
        import llvmlite.binding as llvm

        if self.engine is None:
            self.engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine(machine()))
        for name in bundle.externals:
            _resolve(name)
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(bundle.data))
        self.engine.finalize_object()
        self.addresses.update({key: self.address_of(symbol) for key, symbol in bundle.symbols.items()})

    def address_of(self, symbol: str) -> int:
        """Where a loaded function lies."""
        place = int(self.engine.get_function_address(symbol))
        if not place:
            raise RuntimeError(f"Object code lacks its function {symbol!r}; remove the kernel cache (millstream info says where).")
        return place


def _resolve(name: str) -> None:
    """Makes a C function known to LLVM.

    Raises: KeyError when neither the process nor its mathematics library has it.
    """
    import llvmlite.binding as llvm

    _target_machine(machine())
    if llvm.address_of_symbol(name):
        return
    function = _c_function(name)
    if function is None:
        raise KeyError(f"A kernel calls the C function {name!r}, which this system's libraries do not have.")
    llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)


def _c_function(name: str) -> Any:
    """The function of the process or of its mathematics library, or None."""
    found = getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None
    if found is not None:
        return found
    from millstream.codegen.interpret import c_library

    return getattr(c_library(), name, None)


def bind(name: str, address: int) -> None:
    """Lets kernels call the code at an address by a name."""
    import llvmlite.binding as llvm

    llvm.add_symbol(name, address)


def compiled_count() -> int:
    """How many functions LLVM has compiled in this process."""
    return _state.compiled


_state = _State()
