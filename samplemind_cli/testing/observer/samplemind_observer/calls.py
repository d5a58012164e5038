"""Observes which functions run: by `sys.monitoring` from Python 3.12 on, by `sys.settrace` (tracer.py) before.

The callback never disables events of the project's code: every test that runs a function must be recorded. Events of
installed packages are disabled for good, and cost nothing.
"""

from __future__ import annotations

import dis
import enum
import opcode
import sys
from typing import TYPE_CHECKING, Any

from .places import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from .uses import Uses

    Key = tuple[str, int, str]

COROUTINE = 0x20 | 0x80 | 0x200  # and generators: a cache keeps the object, not its result
STORE_GLOBAL, STORE_ATTR = opcode.opmap["STORE_GLOBAL"], opcode.opmap["STORE_ATTR"]
STORE_SUBSCR = opcode.opmap["STORE_SUBSCR"]
STORES = {STORE_ATTR, STORE_SUBSCR}
ADDS = {"add", "append", "appendleft", "extend", "insert", "setdefault", "update"}  # to a container
LOOKS = {"stat", "lstat", "access"}  # functions of `os` in C, which raise no event
TOOL_NAME = "samplemind"


class Kind(enum.Enum):
    """What a call means."""

    NOTHING = 0  # installed code
    RUNS = 1  # a function of the project
    ONCE = 2  # a module, or a function that caches its result: every test depends on what it uses
    LIBRARY = 3  # a function of the standard library that reads something


def key_of(code: CodeType) -> Key:
    """The identity of a code object; comparing code objects would ignore the file."""
    return code.co_filename, code.co_firstlineno, code.co_name


class Calls:
    """Records each called function of the project, in `uses`."""

    def __init__(self, uses: Uses) -> None:
        self.uses = uses
        self.kinds: dict[Key, Kind] = {}
        self.library = {key_of(code): handler for code, handler in uses.library.items()}
        self.places: dict[Key, tuple[str, int] | None] = {}
        self.looks: set[Key] = set()

    def called(self, code: CodeType, frame: FrameType) -> Kind:
        """Record one call; returns its kind."""
        key = code.co_filename, code.co_firstlineno, code.co_name
        kind = self.kinds.get(key)
        if kind is None:
            kind = self.kinds[key] = self.classified(key, code, frame)
        if kind is Kind.NOTHING:
            return kind
        if kind is Kind.LIBRARY:
            self.library[key](frame)
            return kind
        place = self.places[key]
        if kind is Kind.ONCE:
            self.uses.once.depth += 1
        if place:
            self.uses.used()["runs"].add(place)
        if key in self.looks:
            self.uses.used()["programs"].add("os.stat")
        return kind

    def classified(self, key: Key, code: CodeType, frame: FrameType) -> Kind:
        """The kind of this code, by its file and by what it does."""
        if key in self.library:
            return Kind.LIBRARY
        module = code.co_name == "<module>"
        file = self.uses.files.mine(code.co_filename)
        noted = file and not self.uses.generated(file)
        self.places[key] = (file or "", 0 if module else code.co_firstlineno) if noted else None
        if module and not code.co_filename.startswith(("<", *TOOLS)):
            return Kind.ONCE
        if not file:
            return Kind.NOTHING
        if "os" in code.co_names and not LOOKS.isdisjoint(code.co_names):
            self.looks.add(key)
        if keeps_its_result(code, frame) and not code.co_flags & COROUTINE:
            return Kind.ONCE
        return Kind.RUNS


def keeps_its_result(code: CodeType, frame: FrameType) -> bool:
    """Whether a later call, of another test, may get what this one computes: a cache, a global, a class attribute."""
    if STORE_GLOBAL in code.co_code[::2] or fills_shared_state(code, frame):
        return True
    names = getattr(code, "co_qualname", code.co_name).split(".")
    value: Any = frame.f_globals.get(names[0])
    for name in names[1:]:
        value = vars(value).get(name) if isinstance(value, type) else None
    value = getattr(value, "__func__", value) if isinstance(value, (classmethod, staticmethod)) else value
    return hasattr(type(value), "cache_info") or type(value).__name__.endswith("cached_property")


def fills_shared_state(code: CodeType, frame: FrameType) -> bool:
    """Whether it sets an attribute of a class or of something global, or adds to a global or enclosing container."""
    if STORES.isdisjoint(code.co_code[::2]) and ADDS.isdisjoint(code.co_names):
        return False
    steps = list(dis.get_instructions(code))
    for number, step in enumerate(steps):
        if step.opcode == STORE_ATTR:
            found = is_shared(steps, number - 1, frame, item=False)
        elif step.opcode == STORE_SUBSCR:  # the container, then its key
            found = is_shared(steps, number - 2, frame, item=True)
        elif step.opname in {"LOAD_METHOD", "LOAD_ATTR"} and step.argval in ADDS:
            found = is_shared(steps, number - 1, frame, item=True)
        else:
            continue
        if found:
            return True
    return False


def is_shared(steps: list[dis.Instruction], at: int, frame: FrameType, *, item: bool) -> bool:
    """Whether what the instruction at `at` loads outlives this call: one test may find there what another one left."""
    names = []
    while at > 0 and steps[at].opname == "LOAD_ATTR":
        names.append(steps[at].argval)
        at -= 1
    step = steps[max(at, 0)]
    if step.opname == "LOAD_GLOBAL" or (item and not names and step.opname == "LOAD_DEREF"):
        return True
    if not step.opname.startswith("LOAD_FAST"):
        return False
    name = step.argval[-1] if isinstance(step.argval, tuple) else step.argval  # two at once, from 3.13 on
    found = frame.f_locals.get(name)
    owner = type(found) if "__class__" in names else found
    return isinstance(owner, type) and "<locals>" not in owner.__qualname__  # a test's own class ends with it


class Monitor(Calls):
    """Observes by sys.monitoring, which sees every thread and does not interfere with debuggers and coverage."""

    def start(self) -> str | None:
        """Start; returns the reason if it cannot."""
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        free = [number for number in (4, 5, 2, 3) if monitoring.get_tool(number) is None]
        if not free:
            return "all tools of sys.monitoring are taken"
        self.tool, self.off, events = free[0], monitoring.DISABLE, monitoring.events
        monitoring.use_tool_id(self.tool, TOOL_NAME)
        callbacks: dict[int, Callable[..., Any]] = {
            events.PY_START: self.started,
            events.PY_RESUME: self.started,
            events.PY_RETURN: self.returned,
            events.PY_UNWIND: self.unwound,
        }
        for event, callback in callbacks.items():
            monitoring.register_callback(self.tool, event, callback)
        monitoring.set_events(self.tool, events.PY_START | events.PY_RESUME | events.PY_UNWIND)
        return None

    def intact(self) -> bool:
        """Whether it still observes."""
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        return bool(monitoring.get_tool(self.tool) == TOOL_NAME)

    def started(self, code: CodeType, _offset: int) -> Any:
        """A function starts or resumes."""
        kind = self.called(code, sys._getframe(1))
        if kind is Kind.ONCE:
            monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
            monitoring.set_local_events(self.tool, code, monitoring.events.PY_RETURN)
        return self.off if kind is Kind.NOTHING else None

    def returned(self, code: CodeType, _offset: int, _value: object) -> Any:
        """It returns."""
        if self.kinds.get(key_of(code)) is Kind.ONCE:
            self.uses.once.depth -= 1

    def unwound(self, code: CodeType, _offset: int, _error: object) -> Any:
        """An exception leaves it."""
        if self.kinds.get(key_of(code)) is Kind.ONCE:
            self.uses.once.depth -= 1
