"""Observes which functions run by `sys.settrace`, for a Python without `sys.monitoring`.

Getting a frame's code raises an audit event, which costs more than everything else. So nearly all calls are recognized
by their module and line: those of installed code, and those of the project's functions that were seen before.
"""

from __future__ import annotations

import linecache
import sys
import threading
from typing import TYPE_CHECKING, Any

from .calls import COROUTINE, Calls, Kind, key_of
from .places import HERE, LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    Line = tuple[str | None, int]
    Place = tuple[str, int]

WATCHED = ("os", "genericpath", "posixpath", "ntpath", "pathlib", "multiprocessing.process")  # Uses.library is of these


class KnownLines:
    """What a call means, by the module and line at which it starts."""

    def __init__(self) -> None:
        self.watched = {getattr(sys.modules.get(name), "__file__", None) for name in WATCHED}
        self.installed: set[str | None] = set()
        self.passed: set[Line] = set()  # lines of `watched` files at which no function starts that reads
        self.runs: dict[Line, Place] = {}
        self.mixed: set[str | None] = set()  # files in whose modules code of other files runs

    def learn(self, code: CodeType, line: Line, place: Place | None, *, installed: bool) -> None:
        """Remember the meaning of this call for the next one; `place`: it means only that this function runs."""
        file = line[0]
        if installed and file in self.watched:
            self.passed.add(line)
        elif installed and file and of_module(code, file):
            self.installed.add(file)
        elif not installed and code.co_filename != file:
            self.mixed.add(file)
            self.runs = {other: where for other, where in self.runs.items() if other[0] != file}
        elif place and file not in self.mixed and stands_alone(file or "", line[1]):
            self.runs[line] = place


def of_module(code: CodeType, file: str) -> bool:
    """Whether this code was compiled from the module's file, and not from a string."""
    frozen = code.co_filename.startswith("<frozen ") and file.startswith(LIBRARY)
    return frozen or code.co_filename == file or code.co_filename.startswith(HERE)


def stands_alone(file: str, number: int) -> bool:
    """Whether only one function can start at this line: it has no lambda, comprehension or body."""
    text = linecache.getline(file, number).rstrip()
    return text.endswith((":", "(", ",")) and "lambda" not in text and " for " not in text


class Tracer(Calls):
    """Observes by sys.settrace, per call and never per line. It notices if another tracer replaces it."""

    starting = False

    def start(self) -> str | None:
        """Start; returns the reason if it cannot."""
        if sys.gettrace() is not None:
            return "a debugger, or coverage, uses sys.settrace"
        self.trace = self.tracing()
        self.uses.handlers["sys.settrace"] = self.replaced
        self.begin()
        threading.settrace(self.trace)
        return None

    def begin(self) -> None:
        """Trace this thread."""
        self.starting = True
        sys.settrace(self.trace)
        self.starting = False

    def replaced(self) -> None:
        """Another tracer replaces this one, so what the test runs is not seen. threading sets ours in each thread."""
        if not self.starting and not sys._getframe(2).f_code.co_filename.startswith(LIBRARY + "threading"):
            self.uses.used()["programs"].add("sys.settrace")

    def intact(self) -> bool:
        """Whether it still observes; it starts again if not."""
        if sys.gettrace() == self.trace:
            return True
        self.begin()
        return False

    def tracing(self) -> Callable[[FrameType, str, Any], Any]:
        """sys.settrace's function."""
        known, uses, once = KnownLines(), self.uses, self.uses.once

        def trace(frame: FrameType, _event: str, _argument: object) -> Any:
            file = frame.f_globals.get("__file__")
            if file in known.installed:
                return None
            line = file, frame.f_lineno
            place = known.runs.get(line)
            if place:
                (uses.everywhere if once.depth else uses.current)["runs"].add(place)  # `used`, without its call
                return None
            if line in known.passed:
                return None
            code = frame.f_code
            kind = self.called(code, frame)
            known.learn(code, line, self.plain(code, kind), installed=kind is Kind.NOTHING)
            if kind is not Kind.ONCE:
                return None
            frame.f_trace_lines = False
            return self.until_return

        return trace

    def plain(self, code: CodeType, kind: Kind) -> Place | None:
        """The function's place, if a call means only that it runs."""
        key = key_of(code)
        more = key in self.looks or code.co_flags & COROUTINE or code.co_name.startswith("<")
        return None if more or kind is not Kind.RUNS else self.places[key]

    def until_return(self, _frame: FrameType, event: str, _argument: object) -> Any:
        """The trace function within a call whose result is cached."""
        if event == "return":
            self.uses.once.depth -= 1
        return self.until_return
