"""Observes from inside a process what tests use: files, folders, code, programs, servers, environment variables.

Nothing is patched. There are two sources: audit events (`open`, `os.listdir`, `socket.connect`, …) and calls of Python
functions (`sys.monitoring` from 3.12 on, `sys.settrace` before). testmon was dropped for this: it observes lines
by coverage, so it misses data, other processes, code beside pytest's root and below sys.prefix, and templates.
"""

from __future__ import annotations

import genericpath
import os
import socket
import sys
import threading
import weakref
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .places import NOT_DATA, CodeFiles, ReadBy, caller, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

    Used = dict[str, set[Any]]

KINDS = ("files", "folders", "checks", "runs", "programs", "servers", "variables")
# Programs that neither run the project's code nor read its files.
HARMLESS = {"uname", "ldconfig", "file", "hostname", "tput", "stty"}
STARTERS = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "os.fork", "os.forkpty")
LOOPBACK = ("127.", "::1", "localhost")
ALL = "*"  # every environment variable


def nothing() -> Used:
    """The empty record."""
    return {kind: set() for kind in KINDS}


def plain(used: Used) -> dict[str, list[Any]]:
    """The record as JSON."""
    return {kind: sorted(names) for kind, names in used.items()}


class KeptCalls(threading.local):
    """The depth of this thread's calls in code whose result is cached: an import, a cached function."""

    depth = 0


class Uses:
    """What this process uses: for the running test (`current`), or for all tests (`everywhere`)."""

    def __init__(self, root: str) -> None:
        self.everywhere = nothing()
        self.current = self.everywhere
        self.once = KeptCalls()
        self.files = CodeFiles(root)
        self.written: set[str] = set()
        self.made: set[str] = set()  # folders and files that were not there
        self.imports: set[tuple[str, tuple[str, ...]]] = set()
        self.bound: list[weakref.ref[socket.socket]] = []
        self.handlers: dict[str, Callable[..., None]] = {
            "open": self.opened,
            "sqlite3.connect": self.opened,
            "ctypes.dlopen": self.opened,
            "os.listdir": self.listed,
            "os.scandir": self.listed,
            "os.mkdir": self.makes,
            "os.rename": self.writes,
            "os.link": self.writes,
            "os.symlink": self.writes,
            "import": self.imported,
            "socket.bind": self.binds,
            "socket.connect": self.connects,
            "socket.sendto": self.connects,
            **{event: partial(self.started, event) for event in STARTERS},
        }
        # Functions of the standard library that raise no audit event.
        environ, stat = type(os.environ), Path.stat
        self.library: dict[CodeType, Callable[[FrameType], None]] = {
            environ.__getitem__.__code__: self.variable,
            environ.__iter__.__code__: self.variables,
            stat.__code__: self.stats,
            BaseProcess.start.__code__: self.starts,  # `spawn` raises no event
        }
        for function in (genericpath.getsize, genericpath.getmtime):
            self.library[function.__code__] = self.stats
        for name in ("exists", "isfile", "isdir", "lexists", "islink"):
            if code := getattr(getattr(os.path, name), "__code__", None):
                self.library[code] = self.checks

    def used(self) -> Used:
        """The record to which what is used now belongs."""
        return self.everywhere if self.once.depth else self.current

    @contextmanager
    def attributed(self, used: Used) -> Iterator[None]:
        """Attribute what is used in this block to this record."""
        before, self.current = self.current, used
        depth, self.once.depth = self.once.depth, 0
        try:
            yield
        finally:
            self.current, self.once.depth = before, depth

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """sys.addaudithook's function."""
        handler = self.handlers.get(event)
        if handler is not None:
            handler(*arguments)

    def opened(self, path: Any, mode: str | None = None, flags: int = 0) -> None:
        """Record a file that is read, unless this process wrote it before."""
        name = self.data(path)
        if name is None or sys._getframe(2).f_code.co_name.startswith("_rmtree"):  # relative to an open folder
            return
        writes = flags & (os.O_WRONLY | os.O_RDWR) or (mode and set(mode) & set("wax+"))
        if writes and (flags & os.O_TRUNC or (mode and set(mode) & set("wx")) or not os.path.lexists(name)):
            self.writes("", name)
        elif name not in self.written:
            reader = caller(name)
            if reader is not ReadBy.MACHINERY:
                (self.everywhere if reader is ReadBy.ONCE else self.used())["files"].add(name)

    def listed(self, path: Any = None) -> None:
        """Record a folder that is listed."""
        name = self.data(path if path is not None else ".")
        if name is not None and caller(name) is ReadBy.TEST:
            self.used()["folders"].add(name)

    def stats(self, frame: FrameType) -> None:
        """Record a file whose size, time or mode is read: the call's first argument."""
        self.check("files", frame)

    def checks(self, frame: FrameType) -> None:
        """Record a file or folder whose existence is checked: the call's first argument."""
        self.check("checks", frame)

    def check(self, kind: str, frame: FrameType) -> None:
        """Record the call's first argument as this kind."""
        name = self.data(frame.f_locals.get(frame.f_code.co_varnames[0]))
        if name is not None and name not in self.written and caller("", frame) is not ReadBy.MACHINERY:
            self.used()[kind].add(name)

    def makes(self, path: Any, _mode: int = 0, _at: int = -1) -> None:
        """Remember a new folder, whose content is not data. The event comes before the call."""
        name = whole(path)
        if name is not None and not os.path.lexists(name):
            self.made.add(name)

    def writes(self, _source: Any, path: Any, *_rest: Any) -> None:
        """Record the second path of a rename or link as written. Called before it happens."""
        name = self.data(path)
        if name is not None:
            self.written.add(name)
            if not os.path.lexists(name):
                self.made.add(name)

    def imported(self, module: str, _file: Any = None, path: Any = None, *_rest: Any) -> None:
        """Record the folders in which a module was searched: a new one of this name there may come first."""
        parent, _, name = module.rpartition(".")
        folders = getattr(sys.modules.get(parent), "__path__", ()) if parent else path or sys.path
        self.imports.add((name, tuple(folder for folder in folders if isinstance(folder, str))))

    def binds(self, sock: socket.socket, _address: Any) -> None:
        """Remember a server in this process, whose code is observed."""
        self.bound.append(weakref.ref(sock))

    def connects(self, sock: socket.socket, address: Any) -> None:
        """Record a server outside of this process, whose answers may change. One that a test started is its program."""
        if not isinstance(address, (str, bytes, tuple)) or self.is_ours(address):
            return
        host = str(address[0]) if isinstance(address, tuple) else ""
        local = host.startswith(LOOPBACK) or sock.family == getattr(socket, "AF_UNIX", None)
        if not (local and (self.used()["programs"] or self.everywhere["programs"])):
            self.used()["servers"].add(":".join(map(str, address[:2])) if host else os.fsdecode(address))  # type: ignore[arg-type]

    def is_ours(self, address: Any) -> bool:
        """Whether a socket of this process is bound to the address, on any interface."""
        for sock in filter(None, (ref() for ref in self.bound)):
            try:
                name = sock.getsockname()
            except OSError:  # closed
                continue
            if name == address or (isinstance(name, tuple) and isinstance(address, tuple) and name[1] == address[1]):
                return True
        return False

    def started(self, event: str, program: Any = None, *_rest: Any) -> None:
        """Record a program that may run the project's code; os.system passes a whole command line, fork nothing."""
        if event == "os.system":
            program = event
        if isinstance(program, os.PathLike):
            program = os.fspath(program)
        name = os.path.basename(os.fsdecode(program)) if isinstance(program, (str, bytes)) else event
        if name not in HARMLESS and caller("") is not ReadBy.MACHINERY:
            self.used()["programs"].add(name)

    def starts(self, _frame: FrameType) -> None:
        """Record a process of multiprocessing."""
        self.used()["programs"].add("multiprocessing")

    def variable(self, frame: FrameType) -> None:
        """Record an environment variable that is read: os.environ[key]."""
        key = frame.f_locals.get("key")
        if isinstance(key, (str, bytes)) and caller("", frame) is not ReadBy.MACHINERY:
            self.used()["variables"].add(os.fsdecode(key))

    def variables(self, frame: FrameType) -> None:
        """Record that all are read; unittest.mock does so only to restore them."""
        if caller("", frame, "mock.py") is not ReadBy.MACHINERY:
            self.used()["variables"].add(ALL)

    def data(self, path: Any) -> str | None:
        """The absolute path; None for caches and for what is in a folder that this process made."""
        name = whole(path)
        if (
            name is None
            or not NOT_DATA.isdisjoint(name.split(os.sep))
            or os.path.basename(name).startswith(".coverage")
        ):
            return None
        return None if self.generated(name) else name

    def generated(self, path: str) -> bool:
        """Whether this process made it, or a folder that it lies in: what ran to make it is noted instead."""
        while self.made and path != os.path.dirname(path):
            if path in self.made:
                return True
            path = os.path.dirname(path)
        return False
