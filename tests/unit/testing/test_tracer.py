"""How few of a program's calls the tracer looks into."""

import abc
import os
import posixpath
import subprocess
import sys
from pathlib import Path

import pytest

from samplemind_cli.testing.observer.samplemind_observer.tracer import KnownLines, stands_alone
from samplemind_cli.testing.pytest_run import OBSERVER

SCRIPT = """
import os, sys
sys.path.insert(0, {observer!r})
from samplemind_observer.tracer import Tracer
from samplemind_observer.uses import Uses

class Frame:
    asked = 0
    f_lineno = {line}
    f_globals = {{"__file__": {file!r}}}
    f_trace_lines = True
    @property
    def f_code(self):
        Frame.asked += 1
        return code

code = compile("\\n" * {line} + "def f(): pass", {compiled!r}, "exec").co_consts[0]
tracer = Tracer(Uses(os.getcwd()))
trace = tracer.tracing()
for _ in range(3):
    trace(Frame(), "call", None)
print(Frame.asked)
"""


def asked(file, compiled):
    """How often three calls of one function have the frame asked for its code."""
    script = SCRIPT.format(observer=str(OBSERVER), line=40_000, file=file, compiled=compiled)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize(
    ("file", "compiled"),
    [(abc.__file__, "<frozen abc>"), (posixpath.__file__, "<frozen posixpath>"), (os.__file__, os.__file__)],
)
def test_installed_code_is_looked_at_once_also_where_it_is_frozen(file, compiled):
    assert asked(file, compiled) == 1


def test_code_of_the_project_that_may_share_its_line_is_looked_at_in_every_call():
    assert asked(__file__, __file__) == 3


def test_text_that_runs_inside_of_an_installed_module_does_not_hide_the_module():
    assert asked(str(Path(pytest.__file__)), "<string>") == 3


@pytest.mark.parametrize(
    ("line", "alone"),
    [
        ("def f(x):", True),
        ("    async def f(", True),
        ("def f(x): return 1", False),
        ("def f(x=lambda: 1):", False),
        ("def f(x=[y for y in z]):", False),
        ("", False),
    ],
)
def test_a_line_stands_for_a_function_where_nothing_else_can_begin(tmp_path, line, alone):
    (tmp_path / "a.py").write_text(f"\n{line}\n")
    assert stands_alone(str(tmp_path / "a.py"), 2) is alone


def test_lines_of_a_module_that_runs_code_of_another_file_stand_for_nothing(tmp_path):
    def code(file):
        return compile("def f():\n    pass\n", file, "exec").co_consts[0]

    one, other = (str(tmp_path / name) for name in ("one.py", "other.py"))
    (tmp_path / "one.py").write_text("def f():\n    pass\n")
    known = KnownLines()
    known.learn(code(one), (one, 1), (one, 1), installed=False)
    assert known.runs == {(one, 1): (one, 1)}
    known.learn(code(other), (one, 3), (other, 1), installed=False)
    known.learn(code(one), (one, 1), (one, 1), installed=False)
    assert known.runs == {}
