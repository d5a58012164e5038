import signal
import sys

from samplemind_cli.child.foreground import run


def python(program):
    return run([sys.executable, "-c", program])


def test_the_exit_code_is_passed_on():
    assert python("raise SystemExit(7)") == 7
    assert python("") == 0


def test_a_signal_is_told_as_shells_do():
    assert python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)") == 128 + signal.SIGKILL


def test_output_goes_where_ours_goes(capfd):
    python("print('hi')")
    assert capfd.readouterr().out == "hi\n"
