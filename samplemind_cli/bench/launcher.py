"""Run by its path in a Python of its own: starts one program and prints its usage, for `program_run.py`.

Linux counts the memory of the starting process as the program's, so this process is as small as a Python can be.
"""

import os
import resource
import signal
import sys
import time


def main(command: list[str]) -> str:
    """Seconds, CPU seconds of user and system, `ru_maxrss` of the program and of this process, and the exit code."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # of the process group, this process must end last
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    default = [signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    try:
        child = os.posix_spawnp(command[0], command, os.environ, file_actions=silent, setsigdef=default)
    except OSError as error:
        return f"error {error.errno}"
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    return f"{seconds!r} {used.ru_utime!r} {used.ru_stime!r} {used.ru_maxrss} {own} {code}"


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
