"""Run a program under its profilers, each in a run of its own, and keep what they found."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from samplemind_cli import child
from samplemind_cli.child.python import Python, find_python
from samplemind_cli.errors import UsageError
from samplemind_cli.output import size
from samplemind_cli.profiling.runs import Asked, Profile

INJECT = Path(__file__).parent / "inject"
PROFILERS = {"cpu": "pyinstrument", "memory": "memray"}
PIECE, MOST = 1 << 20, 1 << 30  # bytes of what is piped in: read at a time, kept for further runs
AGAIN = {"cpu": "for the time", "memory": "for the memory", "bare": "without a profiler"}


def check(asked: Asked) -> None:
    """Raises UsageError for what cannot be measured."""
    if not asked.words or asked.words == ("-m",):
        raise UsageError("nothing to profile", "samplemind profile -- script.py, or -m module, or a samplemind command")
    if "memory" in asked.kinds and sys.platform == "win32":
        raise UsageError("memray does not exist for Windows", "profile --cpu, or use WSL")
    if asked.native and "memory" not in asked.kinds:
        raise UsageError("--native is memray's: it follows C code for memory only", "add --memory or --both")


def is_subcommand(asked: Asked) -> bool:
    """Whether this is samplemind itself."""
    name = asked.words[0].replace("-", "_")
    exists = name.isidentifier() and (INJECT.parents[1] / "commands" / f"{name}.py").exists()
    return exists and not os.path.exists(Path(asked.directory) / asked.words[0])


def command_line(asked: Asked, python: Path) -> list[str]:
    """The program's own command line: a script, `-m module`, or a subcommand of samplemind.

    A file of a subcommand's name wins. Raises UsageError when there is no such script.
    """
    if is_subcommand(asked):
        return [sys.executable, "-m", "samplemind_cli", *asked.words]
    first = asked.words[0]
    if first == "-m" or os.path.exists(Path(asked.directory) / first):
        return [str(python), *asked.words]
    raise UsageError(
        f"there is no script {first!r}, nor a samplemind command of that name", "samplemind profile --help"
    )


def choose_python(asked: Asked, env: Mapping[str, str]) -> Python:
    """The Python for it, with the profilers installed: samplemind's own for its subcommands and for a service."""
    packages = [PROFILERS[kind] for kind in asked.kinds]
    directory = Path(asked.directory)
    ours = bool(asked.watch) or is_subcommand(asked)
    hidden = {name: value for name, value in env.items() if name != "VIRTUAL_ENV"}
    python = find_python(INJECT if ours else directory, hidden if ours else env, *packages)
    python.require(*packages)
    return python


def record(asked: Asked, *, state_dir: str, env: Mapping[str, str], say: Callable[[str], None]) -> Profile:
    """Profile a program. Its first run has this process's streams; further ones are silent and get the same stdin."""
    check(asked)
    python = choose_python(asked, env)
    argv = command_line(asked, python.path)
    profile = Profile.new(state_dir, asked)
    plan = [*(["bare"] if asked.overhead else []), *asked.kinds, *(["bare"] if asked.overhead else [])]
    codes: list[int] = []
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        stdin = _replayed(stack) if len(plan) > 1 else None
        for kind in plan:
            if stdin:
                stdin.seek(0)
            if codes:
                say(f"running it again, {AGAIN[kind]}: its output is not shown")
            codes.append(_run_once(profile, kind, argv, env, stdin=stdin, silent=bool(codes)))
            took = render(profile, kind, python.path, say)
            seconds.setdefault(kind, []).extend(took)
    if len(set(codes)) > 1:
        say(f"note: the runs ended differently: {', '.join(f'{k} {c}' for k, c in zip(plan, codes, strict=True))}")
    return profile.finished(codes[0], seconds)


def _replayed(stack: ExitStack) -> IO[bytes] | None:
    """What is piped in, kept for every run; a terminal is asked by each run itself."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return None
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack is its context
    while piece := sys.stdin.buffer.read(PIECE):
        if copy.tell() + len(piece) > MOST:
            what = f"more than {size(MOST)} is piped in, too much to keep for a second run"
            raise UsageError(what, "--cpu and --memory, one at a time, keep nothing")
        copy.write(piece)
    return copy


def _run_once(  # noqa: PLR0913 - all that one run differs in
    profile: Profile, kind: str, argv: list[str], env: Mapping[str, str], *, stdin: IO[bytes] | None, silent: bool
) -> int:
    with tempfile.TemporaryDirectory(prefix="samplemind-profile-") as beside:
        asked, path = profile.asked, env.get("PYTHONPATH")
        options = {"kind": kind, "out": str(profile.folder), "children": asked.children, "native": asked.native}
        (Path(beside) / "profile.json").write_text(json.dumps({**options, "path": path}), "utf-8")
        shutil.copy(INJECT / "sitecustomize.py", beside)
        injected = {**env, "PYTHONPATH": f"{beside}:{path}" if path else beside}
        return child.run(argv, injected, Path(asked.directory), stdin=stdin, silent=silent)


def render(profile: Profile, kind: str, python: Path, say: Callable[[str], None]) -> list[float]:
    """Make pages of what was written; the seconds the program took, none when it left nothing behind."""
    written = sorted(profile.folder.glob(f"{kind}.*[0-9].json"), key=lambda file: file.stat().st_mtime_ns)
    if not written:
        say(f"note: there is no {kind} profile: the program was killed, or replaced itself with another (exec)")
        return []
    main = written[-1]  # the first process ends last
    try:
        each = [json.loads(file.read_bytes()) for file in written]
    except ValueError:  # a full disk cut it
        say(f"note: the {kind} profile is incomplete: is there room in {profile.folder}?")
        return []
    work = {number: sum(times[number] for times in each) for number in ("cpu", "main_thread")}
    times = {"wall": each[-1]["wall"], **work, "processes": len(each)}
    (profile.folder / f"{kind}.times.json").write_text(json.dumps(times), "utf-8")
    if kind != "bare":
        render = [str(python), str(INJECT / "render.py"), str(profile.folder), kind, main.name.split(".")[1]]
        done = subprocess.run(render, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode:
            reason = (done.stderr.strip() or f"its reader ended with {done.returncode}").splitlines()[-1]
            say(f"note: the {kind} profile could not be read: {reason}")
            for half in (*profile.folder.glob(f"{kind}.*html"), *profile.folder.glob(f"{kind}.*speedscope.json")):
                half.unlink()
    for file in written:
        file.unlink()
    return [times["wall"]]
