# ruff: noqa: INP001 - copied into a folder that is put on the profiled program's path
"""Start a profiler in a Python program that is run exactly as typed: this file is imported before its first line.

Its own folder holds `profile.json`: {"kind": "cpu" | "memory" | "bare", "out": folder, "children": bool,
"native": bool, "path": the PYTHONPATH to restore, "command": the words to store, "outside": bool, "permit": PID}. With
"outside" a profiler in another process samples this one, and outside.py waits for it. Else this file writes
`<kind>.<pid>.raw` (not for bare) and `<kind>.<pid>.json`, the times. Imports the standard library and the one
profiler; any Python from 3.11.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextvars import Context

HERE = Path(__file__).parent
INTERVAL = 0.001  # seconds between two samples
ENDING = {signal.SIGTERM}
LAST = -100  # exit priority: after multiprocessing's other finalizers
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time, "main_thread": time.thread_time}


class Bare:
    """No profiler: only the program's own time."""

    def __init__(self, raw: Path) -> None:
        self.raw = raw

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to write."""


class MemoryTracker(Bare):
    """memray's tracker."""

    def __init__(self, raw: Path, *, native: bool, children: bool) -> None:
        super().__init__(raw)
        memray, typed = import_module("memray"), sys.argv
        sys.argv = OPTIONS["command"]  # memray stores it, as UTF-8
        try:
            self.tracker = memray.Tracker(
                destination=memray.FileDestination(raw, overwrite=True),
                native_traces=native,
                follow_fork=children,
                file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS,
            )
        finally:
            sys.argv = typed

    def start(self) -> None:
        """Count every allocation from here on.

        memray omits the present frames of the thread that starts it from every later stack, so that is another thread.
        """
        starter = threading.Thread(target=self.tracker.__enter__)
        starter.start()
        starter.join()

    def stop(self) -> None:
        """Stop; what is still allocated counts as leaked."""
        self.tracker.__exit__(None, None, None)


class Cpu(Bare):
    """pyinstrument, which must be started inside an event loop's context to attribute awaited time."""

    def __init__(self, raw: Path) -> None:
        from pyinstrument import Profiler

        super().__init__(raw)
        self.sessions: list[Any] = []
        self.outer = Profiler(INTERVAL, async_mode="disabled")
        self.inner = Profiler(INTERVAL, async_mode="enabled")

    def start(self) -> None:
        """Sample this thread, and any asyncio.Runner it starts."""
        sys.meta_path.insert(0, AsyncioFinder(self.create_task))
        self.outer.start()

    def stop(self) -> None:
        """Write all sessions as one; a program may end while an event loop runs."""
        for profiler in (self.outer, self.inner):
            if profiler.is_running:
                self.keep(profiler)
        whole, *others = self.sessions
        for session in others:  # Session.combine would copy all samples each time
            whole.frame_records += session.frame_records
            whole.sample_count += session.sample_count
            whole.duration += session.duration
            whole.cpu_time += session.cpu_time
        whole.target_description = " ".join(OPTIONS["command"])
        whole.save(self.raw)

    def keep(self, profiler: Any) -> None:
        """Store its session; without the reset the next one would include it."""
        self.sessions.append(profiler.stop())
        profiler.reset()

    def create_task(self, loop: Any, coroutine: Any, **options: Any) -> Any:
        """A loop's task factory. The main task of asyncio.run is sampled in its own context until it is done."""
        from asyncio import Task

        task = Task(coroutine, loop=loop, **options)
        context = options.get("context")
        if context is not None and not loop.is_running() and self.enter(context):
            task.add_done_callback(lambda _: self.leave(context))
        return task

    def enter(self, context: Context) -> bool:
        """Sample what an event loop runs in this context; False in another thread, or while not profiling."""
        if not self.outer.is_running or threading.current_thread() is not threading.main_thread():
            return False
        self.keep(self.outer)
        context.run(self.inner.start)
        return True

    def leave(self, context: Context) -> None:
        """Sample the whole thread again."""
        if self.inner.is_running and threading.current_thread() is threading.main_thread():
            context.run(self.keep, self.inner)
            self.outer.start()


def follow(asyncio: Any, create_task: Any) -> None:
    """Set the task factory of asyncio's event loops, by a policy; CPython 3.16 will have no policies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        usual = type(asyncio.get_event_loop_policy())

        class Policy(usual):  # type: ignore[misc, valid-type]
            def new_event_loop(self) -> Any:
                loop = super().new_event_loop()
                loop.set_task_factory(create_task)
                return loop

        asyncio.set_event_loop_policy(Policy())


class AsyncioFinder(MetaPathFinder, Loader):
    """Follows asyncio if and when the program imports it."""

    def __init__(self, create_task: Any) -> None:
        self.create = create_task
        self.loader: Any = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The usual spec, with this object as its loader."""
        if name != "asyncio":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: Any) -> Any:
        """As the usual loader does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """The usual module, then its policy."""
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        with suppress(AttributeError):
            follow(module, self.create)


class ProfiledProcess:
    """Profiles one process from its start to its end, however it ends."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.out = Path(options["out"])
        self.begin()

    def begin(self) -> None:
        """Start the profiler, as the last step."""
        self.pid = os.getpid()
        self.profiler = self.make(self.out / f"{self.options['kind']}.{self.pid}.raw")
        self.began = {name: clock() for name, clock in CLOCKS.items()}
        self.profiler.start()

    def make(self, raw: Path) -> Bare:
        """The requested profiler."""
        if self.options["kind"] == "memory":
            return MemoryTracker(raw, native=self.options["native"], children=self.options["children"])
        return Cpu(raw) if self.options["kind"] == "cpu" else Bare(raw)

    def finish(self) -> None:
        """Stop and write, once, and only in the process that began it."""
        if os.getpid() != self.pid:
            return
        self.pid = 0
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # a Pool also terminates workers that are already exiting
        times = {name: clock() - self.began[name] for name, clock in CLOCKS.items()}
        ended = os.times()
        times["children"] = ended.children_user + ended.children_system
        self.profiler.stop()
        (self.out / f"{self.options['kind']}.{os.getpid()}.json").write_text(json.dumps(times))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def at_every_end(self) -> None:
        """Finish at normal exit and the default SIGTERM, not at os._exit; a forked child starts again or not at all."""
        atexit.register(self.finish)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self.terminated)
        if self.options["children"]:
            os.register_at_fork(after_in_child=self.forked)

    def forked(self) -> None:
        """Restart the profiler in a child; memray follows it by itself."""
        if self.options["kind"] == "memory":
            self.pid = os.getpid()
        else:
            self.begin()
        if util := sys.modules.get("multiprocessing.util"):  # its processes end by os._exit
            util.register_after_fork(self, lambda run: util.Finalize(None, run.finish, exitpriority=LAST))

    def terminated(self, number: int, _frame: Any) -> None:
        """Finish, then end as the signal would have ended it."""
        self.finish()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def leave_no_trace(options: dict[str, Any]) -> None:
    """Restore the program's path and environment, and load the sitecustomize that this one hides."""
    sys.path[:] = [path for path in sys.path if path != str(HERE)]
    if not options["children"]:
        if options["path"] is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = options["path"]
    hidden = PathFinder.find_spec("sitecustomize", sys.path)
    if hidden is not None and hidden.loader is not None:
        sys.modules["sitecustomize"] = module_from_spec(hidden)
        hidden.loader.exec_module(sys.modules["sitecustomize"])


OPTIONS = json.loads((HERE / "profile.json").read_text("utf-8"))
leave_no_trace(OPTIONS)
if OPTIONS["outside"]:
    spec = spec_from_file_location("samplemind_outside", HERE / "outside.py")
    outside = module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(outside)  # type: ignore[union-attr]
    outside.begin(OPTIONS)
else:
    ProfiledProcess(OPTIONS).at_every_end()
