"""Runs a program under its profilers, each in a run of its own, and stores the profile."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from samplemind_cli import child
from samplemind_cli.child.withheld import without_secrets
from samplemind_cli.errors import UsageError
from samplemind_cli.output import size
from samplemind_cli.profiling import engines, outside, stacks
from samplemind_cli.profiling.program import choose_python, command_line
from samplemind_cli.profiling.runs import Profile, ProfileRequest, split

INJECT = Path(__file__).parent / "inject"
PIECE, MOST = 1 << 20, 1 << 30  # bytes of stdin: read at a time, stored for further runs
AGAIN = {"cpu": "for the time", "memory": "for the memory", "bare": "without a profiler"}


def check(request: ProfileRequest) -> None:
    """Raises UsageError for what cannot be measured."""
    if split(request.words)[1] in ([], ["-m"], ["-c"]):
        hint = "samplemind profile -- script.py, or -m module, -c code, pytest or a samplemind command"
        raise UsageError("nothing to profile", hint)
    if "memory" in request.kinds and sys.platform == "win32":
        raise UsageError("memray does not exist for Windows", "profile --cpu, or use WSL")
    if request.native and "memory" not in request.kinds:
        raise UsageError("--native is memray's: it follows C code for memory only", "add --memory or --both")


def record(request: ProfileRequest, *, state_dir: str, env: Mapping[str, str], say: Callable[[str], None]) -> Profile:
    """Profile a program. Its first run has this process's streams; further ones are silent and get the same stdin.

    Raises UsageError for what cannot be measured or run.
    """
    check(request)
    engine = engines.choose(request, say)
    python = choose_python(request, env, *engine.packages(request.kinds))
    argv = command_line(request, python.path)
    profile = Profile.new(state_dir, engine.noted(request))
    plan = [*(["bare"] if request.overhead else []), *request.kinds, *(["bare"] if request.overhead else [])]
    codes: list[int] = []
    seconds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        stdin = _replayed(stack) if len(plan) > 1 else None
        for kind in plan:
            if stdin:
                stdin.seek(0)
            if codes:
                say(f"running it again, {AGAIN[kind]}: its output is not shown")
            run = Run(profile, kind, engine.spy if kind == "cpu" else None, child.Course())
            codes.append(run.start(argv, env, stdin=stdin, silent=bool(codes)))
            if run.trouble:
                say(f"note: py-spy could not attach: {run.trouble}; --engine pyinstrument needs no permission")
            reader = Path(sys.executable) if run.spy else python.path
            took = render(profile, kind, reader, say, main=run.course.pid if run.spy else None)
            seconds.setdefault(kind, []).extend(took)
            if run.interrupted(codes[-1]) and (left := plan[len(codes) :]):
                say(f"note: interrupted: not run again {' or '.join(dict.fromkeys(AGAIN[kind] for kind in left))}")
                break
    if len(set(codes)) > 1:
        say(f"note: the runs ended differently: {', '.join(f'{k} {c}' for k, c in zip(plan, codes, strict=False))}")
    return profile.finished(codes[0], seconds)


@dataclass(slots=True)
class Run:
    """One run of a program: without a profiler (`bare`), with one inside it, or with `spy` sampling from outside."""

    profile: Profile
    kind: str
    spy: Path | None
    course: child.Course
    trouble: str = ""  # why py-spy has no samples

    def start(self, argv: list[str], env: Mapping[str, str], *, stdin: IO[bytes] | None, silent: bool) -> int:
        """Run the program to its end; returns its exit code."""
        with tempfile.TemporaryDirectory(prefix="samplemind-profile-") as folder:
            beside, path = Path(folder), env.get("PYTHONPATH")
            self._inject(beside, path)
            injected = {**env, "PYTHONPATH": f"{beside}:{path}" if path else folder}
            streams = {"stdin": stdin, "silent": silent, "course": self.course}
            where = Path(self.profile.request.directory)
            if not self.spy:
                return child.run(argv, injected, where, **streams)  # type: ignore[arg-type]
            with outside.watching(self.spy, beside, self.course) as sampler:
                code = child.run(argv, injected, where, **streams)  # type: ignore[arg-type]
            self.trouble = "" if sampler.written else sampler.reason
            stacks.keep(self.profile, sampler.printed(), self.course.pid, sampler.wall, sampler.threads())
            return code

    def interrupted(self, code: int) -> bool:
        """Whether a signal ended it. A server that exits with 0 after Ctrl-C counts as finished."""
        return bool(self.course.signals) and (code != 0 or set(self.course.signals) != {signal.SIGINT})

    def _inject(self, beside: Path, path: str | None) -> None:
        request, permit = self.profile.request, outside.permission() if self.spy else 0
        options = {
            "kind": self.kind, "out": str(self.profile.folder), "path": path, "native": request.native,
            "children": request.children and (not self.spy or bool(permit)),
            "outside": bool(self.spy), "permit": permit,
            "command": [word.encode("utf-8", "replace").decode() for word in without_secrets(request.words)],
        }  # fmt: skip
        (beside / "profile.json").write_text(json.dumps(options), "utf-8")
        for name in ("sitecustomize.py", "outside.py"):
            shutil.copy(INJECT / name, beside)


def _replayed(stack: ExitStack) -> IO[bytes] | None:
    """A copy of piped stdin for every run; None for a terminal, from which each run reads itself. Raises UsageError."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return None
    copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack is its context
    while piece := sys.stdin.buffer.read(PIECE):
        if copy.tell() + len(piece) > MOST:
            what = f"more than {size(MOST)} was piped in, too much to replay in a second run"
            raise UsageError(what, "run --cpu and --memory one at a time")
        copy.write(piece)
    return copy


def render(
    profile: Profile, kind: str, python: Path, say: Callable[[str], None], *, main: int | None = None
) -> list[float]:
    """Make pages of a run's files; returns the program's wall seconds, empty if it wrote no files.

    `main`: the program's process, if it is not the one that wrote last.
    """
    written = sorted(profile.folder.glob(f"{kind}.*[0-9].json"), key=lambda file: file.stat().st_mtime_ns)
    if main:
        written.sort(key=lambda file: file.name == f"{kind}.{main}.json")
    if not written:
        say(f"note: there is no {kind} profile: the program was killed, ended by os._exit or replaced by exec")
        return []
    try:
        each = [json.loads(file.read_bytes()) for file in written]
    except ValueError:  # truncated by a full disk
        say(f"note: the {kind} profile is incomplete: is there room in {profile.folder}?")
        return []
    own = each[-1]  # the first process ends last
    counted = [own] if own.get("alone") else each
    work = {number: sum(times[number] for times in counted) for number in ("cpu", "main_thread")}
    times = {**own, **work, "processes": len(each)}
    (profile.folder / f"{kind}.times.json").write_text(json.dumps(times), "utf-8")
    if kind != "bare":
        _read(profile, kind, [str(python), str(INJECT / "render.py")], written[-1].name.split(".")[1], say)
    for file in written:
        file.unlink()
    return [times["wall"]]


def _read(profile: Profile, kind: str, reader: list[str], main: str, say: Callable[[str], None]) -> None:
    command = [*reader, str(profile.folder), kind, main]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        reason = (done.stderr.strip() or f"its reader ended with {done.returncode}").splitlines()[-1]
        say(f"note: the {kind} profile could not be read: {reason}")
        for half in (*profile.folder.glob(f"{kind}.*html"), *profile.folder.glob(f"{kind}.*speedscope.json")):
            half.unlink()
