"""Profiles a process that is already running: its time with py-spy, or its memory with memray."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.profiling import engines, outside, stacks
from samplemind_cli.profiling.record import render
from samplemind_cli.profiling.runs import Profile, ProfileRequest


def attach(request: ProfileRequest, *, state_dir: str, say: Callable[[str], None]) -> Profile:
    """Profile process `request.pid` for `request.watch` seconds, or until Ctrl-C. Raises SamplemindError."""
    _check(request.pid)
    spy = engines.py_spy() if "cpu" in request.kinds else None
    profile = Profile.new(state_dir, request)
    say(f"sampling process {request.pid} for {request.watch} s; Ctrl-C stops earlier")
    if spy:
        _time(profile, spy)
    else:
        _memory(profile)
    kind = request.kinds[0]
    return profile.finished(0, {kind: render(profile, kind, Path(sys.executable), say, main=request.pid)})


def _check(pid: int) -> None:
    try:
        if not _alive(pid):
            raise UsageError(f"there is no process {pid}", "pgrep -af python")
    except PermissionError as error:
        raise UsageError(f"process {pid} is another user's", "sudo samplemind profile attach ...") from error
    if refused := outside.refusal(foreign=True):
        raise UsageError(
            f"this system forbids inspecting process {pid}: {refused}", "sudo sysctl kernel.yama.ptrace_scope=0"
        )


def _alive(pid: int) -> bool:
    """Raises PermissionError if it is another user's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _time(profile: Profile, spy: Path) -> None:
    request = profile.request
    with tempfile.TemporaryDirectory(prefix="samplemind-profile-") as folder:
        sampler = outside.Sampler(spy, request.pid, Path(folder))
        try:
            with suppress(KeyboardInterrupt):
                _look(sampler, request)
        finally:
            sampler.stop(at_once=True)
        if not sampler.written:
            raise _failed(
                request, f"py-spy at process {request.pid}: {sampler.reason or 'interrupted before the first sample'}"
            )
        stacks.keep(profile, sampler.printed(), request.pid, sampler.wall, sampler.threads())


def _look(sampler: outside.Sampler, request: ProfileRequest) -> None:
    sampler.start()
    pause = outside.FIRST
    while sampler.written and (left := request.watch - sampler.wall) > 0 and _alive(request.pid):
        time.sleep(min(pause, left))
        sampler.relax()
        pause = outside.NEXT


def _memory(profile: Profile) -> None:
    """Record what is allocated from now on.

    memray needs gdb or lldb on this machine, or Python 3.14, and must be installed in that process's environment.
    """
    pid, began = profile.request.pid, time.monotonic()
    _memray(profile, "attach", "--output", str(profile.folder / f"memory.{pid}.raw"))
    with suppress(KeyboardInterrupt):
        while time.monotonic() < began + profile.request.watch and _alive(pid):
            time.sleep(0.1)
    if _alive(pid):
        _memray(profile, "detach")
    times = {"wall": time.monotonic() - began, "cpu": 0.0, "main_thread": 0.0}
    (profile.folder / f"memory.{pid}.json").write_text(json.dumps(times), "utf-8")


def _memray(profile: Profile, what: str, *options: str) -> None:
    command = [sys.executable, "-P", "-m", "memray", what, *options, str(profile.request.pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it gave no reason").splitlines()[-1]
        raise _failed(profile.request, f"memray at process {profile.request.pid}: {last}")


def _failed(request: ProfileRequest, what: str) -> SamplemindError:
    memory = "install memray in that program's environment, and gdb or lldb on this machine"
    return SamplemindError(
        what, memory if "memory" in request.kinds else "check that it is a Python program, and that you own it"
    )
