"""Programs of ours in processes of their own, forked from one that has imported the package: a tenth of the time."""

import multiprocessing
import os
import subprocess
import sys

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["samplemind_cli.server.run", "samplemind_cli.cli", "samplemind_cli.server.telemetry.pipeline"]
)


class Program:
    """A function at work in a new process; as subprocess.Popen, as far as a test needs it."""

    def __init__(self, work, *args, env, stderr):
        ours, theirs = _forks.Pipe(duplex=False)
        self.process = _forks.Process(target=_begin, args=(work, args, env, theirs, stderr))
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

    def send_signal(self, number):
        os.kill(self.pid, number)


def samplemind(*argv):
    """The command of these arguments; it ends the process."""
    from samplemind_cli.__main__ import main

    sys.argv = ["samplemind", *argv]
    main()


def serve(bounds):
    """`serve` with bounds that have no option."""
    from samplemind_cli import output
    from samplemind_cli.server import run
    from samplemind_cli.server.front import Bounds
    from samplemind_cli.settings import Settings

    listener = run.listen("127.0.0.1", 0)
    output.print_json({"url": run.url(listener)})
    sys.exit(run.serve(listener, Settings.load(), Bounds(**bounds), 1))


def _begin(work, args, env, stdout, stderr):
    os.environ.clear()
    os.environ.update(env)
    os.dup2(stdout.fileno(), 1)
    stdout.close()
    with stderr.open("ab") as log:
        os.dup2(log.fileno(), 2)
    work(*args)
