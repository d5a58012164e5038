import os
import shlex
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import os, sys
from samplemind_cli import child
sys.exit(child.run(["sh", "-c", "kill -HUP $$; kill -HUP $PPID; echo still here"], os.environ))
"""


@pytest.mark.parametrize(("before", "code", "said"), [("", 129, ""), ("trap '' HUP;", 0, "still here\n")])
def test_a_terminal_that_closes_ends_what_was_started_and_under_nohup_neither_of_them(before, code, said):
    command = ["sh", "-c", f"{before} exec {shlex.join([sys.executable, '-c', PROGRAM])}"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (code, said)
