"""A process that runs already: its time seen with py-spy, its memory with memray, for a while."""

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
from samplemind_cli.profiling.runs import Asked, Profile


def attach(asked: Asked, *, state_dir: str, say: Callable[[str], None]) -> Profile:
    """Profile process `asked.pid` for `asked.watch` seconds, or until Ctrl-C. Raises SamplemindError."""
    _check(asked.pid)
    spy = engines.py_spy() if "cpu" in asked.kinds else None
    profile = Profile.new(state_dir, asked)
    say(f"sampling process {asked.pid} for {asked.watch} s; Ctrl-C stops earlier")
    if spy:
        _time(profile, spy)
    else:
        _memory(profile)
    kind = asked.kinds[0]
    return profile.finished(0, {kind: render(profile, kind, Path(sys.executable), say, main=asked.pid)})


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
    """Raises PermissionError when it is somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _time(profile: Profile, spy: Path) -> None:
    asked = profile.asked
    with tempfile.TemporaryDirectory(prefix="samplemind-profile-") as folder:
        sampler = outside.Sampler(spy, asked.pid, Path(folder))
        try:
            with suppress(KeyboardInterrupt):
                _look(sampler, asked)
        finally:
            sampler.stop(at_once=True)
        if not sampler.written:
            raise _failed(
                asked, f"py-spy at process {asked.pid}: {sampler.reason or 'interrupted before the first sample'}"
            )
        stacks.keep(profile, sampler.printed(), asked.pid, sampler.wall)


def _look(sampler: outside.Sampler, asked: Asked) -> None:
    sampler.start()
    pause = outside.FIRST
    while sampler.written and (left := asked.watch - sampler.wall) > 0 and _alive(asked.pid):
        time.sleep(min(pause, left))
        sampler.relax()
        pause = outside.NEXT


def _memory(profile: Profile) -> None:
    """What is allocated from now on; memray needs gdb or lldb here, or Python 3.14, and itself in that process."""
    pid, began = profile.asked.pid, time.monotonic()
    _memray(profile, "attach", "--output", str(profile.folder / f"memory.{pid}.raw"))
    with suppress(KeyboardInterrupt):
        while time.monotonic() < began + profile.asked.watch and _alive(pid):
            time.sleep(0.1)
    if _alive(pid):
        _memray(profile, "detach")
    times = {"wall": time.monotonic() - began, "cpu": 0.0, "main_thread": 0.0}
    (profile.folder / f"memory.{pid}.json").write_text(json.dumps(times), "utf-8")


def _memray(profile: Profile, what: str, *options: str) -> None:
    command = [sys.executable, "-P", "-m", "memray", what, *options, str(profile.asked.pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it gave no reason").splitlines()[-1]
        raise _failed(profile.asked, f"memray at process {profile.asked.pid}: {last}")


def _failed(asked: Asked, what: str) -> SamplemindError:
    memory = "install memray in that program's environment, and gdb or lldb on this machine"
    return SamplemindError(
        what, memory if "memory" in asked.kinds else "check that it is a Python program, and that you own it"
    )
