"""Programs of ours in processes of their own, forked from one that has imported the package: a tenth of the time."""

import atexit
import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from types import SimpleNamespace

from _pytest.config import default_plugins

forks = multiprocessing.get_context("forkserver")
_OURS = (
    "cli",
    "output",
    "commands.ask",
    "commands.profile",
    "commands.serve",
    "ai.http_client",
    "ai.aiohttp_client",
    "ai.httpx_client",
    "asking.show",
    "models.daemon",
    "profiling.record",
    "profiling.runs",
    "server.run",
    "server.telemetry.pipeline",
    "testing.command",
    "testing.session",
    "testing.learning",
)
_HTTP = (
    "aiohttp",
    "brotli",
    "httpx",
    "httpcore",
    "anyio._backends._asyncio",
    "h11",
    "h2.connection",
    "requests",
    "urllib.request",
)
_THEIRS = (*_HTTP, "aiolimiter", "coverage", "execnet", "jsonschema", "platformdirs", "xmlrpc.client", "sqlite3")
_PROFILERS = ("pyinstrument.renderers", "memray.reporters.flamegraph", "memray.reporters.transform")
_PYTEST = ("pytest", *(f"_pytest.{name}" for name in default_plugins))  # its other plugins it wants to import itself
forks.set_forkserver_preload([*(f"samplemind_cli.{name}" for name in _OURS), *_THEIRS, *_PROFILERS, *_PYTEST])


class Program:
    """A function at work in a new process; as subprocess.Popen, as far as a test needs it."""

    def __init__(self, work, *args, stderr, env=None, cwd=".", stdin=os.devnull):
        ours, theirs = forks.Pipe(duplex=False)
        env = dict(os.environ if env is None else env)
        self.process = forks.Process(target=_begin, args=(work, args, (env, cwd), (stdin, theirs, stderr)))
        self.process.start()
        theirs.close()
        self.stdout = os.fdopen(os.dup(ours.fileno()), "rb")
        ours.close()
        self.pid = self.process.pid

    def poll(self):
        return self.process.exitcode

    def wait(self, timeout):
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self.process.name, timeout)
        return self.process.exitcode

    def outcome(self):
        """Its exit code and all that it prints."""
        with self.stdout:
            printed = self.stdout.read()
        return self.wait(60), printed.decode()

    def send_signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.join()
        self.stdout.close()


def run(work, *args, env=None, cwd=".", stdin=b""):
    """A function in a new process, until it ends; as subprocess.run with its output as text."""
    with tempfile.TemporaryDirectory() as beside:
        given, told = Path(beside, "stdin"), Path(beside, "stderr")
        given.write_bytes(stdin)
        program = Program(work, *args, env=env, cwd=cwd, stdin=given, stderr=told)
        return subprocess.CompletedProcess(args, *program.outcome(), told.read_text())


def samplemind(*argv):
    """The command of these arguments; it ends the process."""
    from samplemind_cli.__main__ import main

    sys.argv = ["samplemind", *argv]
    main()


def serve(bounds):
    """`serve` with bounds that have no option."""
    from samplemind_cli import output
    from samplemind_cli.server import run
    from samplemind_cli.server.bounds import Bounds
    from samplemind_cli.settings import Settings

    listener = run.listen("127.0.0.1", 0)
    output.print_json({"url": run.url(listener)})
    sys.exit(run.serve(listener, Settings.load(), Bounds(**bounds), 1))


def test(*argv):
    """`samplemind test`, and the pytest it starts is a fork as well."""
    from samplemind_cli import child

    child.run = _pytest
    samplemind("test", *argv)


def pytest(*argv):
    """pytest itself, in the folder of this process."""
    _run_pytest(["-m", "pytest", *argv], dict(os.environ), Path.cwd())


def profile(*argv):
    """`samplemind profile`, and what reads the profilers' files is a fork as well."""
    from samplemind_cli.profiling import record

    record.subprocess = SimpleNamespace(run=_script)
    samplemind("profile", *argv)


def _pytest(argv, env, folder, **_ends):
    """As child.run, for `python -m pytest …`."""
    assert argv[:3] == [sys.executable, "-m", "pytest"]
    return _forked(lambda: _run_pytest(argv[1:], env, folder))


def _run_pytest(argv, env, folder):
    _move(env, folder)
    sys.argv = argv[1:]
    sys.path[:0] = [str(folder), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)


def _script(argv, **_streams):
    """As subprocess.run, for `python SCRIPT …` whose words are captured."""

    def work():
        os.dup2(told.fileno(), 2)
        sys.argv = argv[1:]
        runpy.run_path(argv[1], run_name="__main__")

    with tempfile.TemporaryFile() as told:
        code = _forked(work)
        told.seek(0)
        return subprocess.CompletedProcess(argv, code, "", told.read().decode())


def _forked(work):
    """The exit code of a fork that does it."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    atexit._clear()  # what the parent has to clean up is the parent's
    code = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = int(end.code)
    except BaseException:  # noqa: BLE001 - as an interpreter ends
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _move(env, folder):
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)


def _begin(work, args, place, streams):
    (env, cwd), (stdin, stdout, stderr) = place, streams
    gc.freeze()  # what was forked stays, and is not looked through for garbage
    _move(env, cwd)
    with Path(stdin).open("rb") as given, Path(stderr).open("ab") as told:
        for number, stream in enumerate((given, stdout, told)):
            os.dup2(stream.fileno(), number)
    stdout.close()
    sys.stdin = open(0)  # noqa: SIM115 - as every process has it
    work(*args)
