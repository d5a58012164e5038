import subprocess

import pytest

from samplemind_cli.launching import showing
from samplemind_cli.launching.tools import TOOLS, setup
from samplemind_cli.stack.exports import line

MODEL = "a'b\"c$(exit 3)`exit 4`;exit 5"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_shell_reads_back_what_a_tool_is_told_with_the_token_put_in(tool):
    told = setup(tool, "http://127.0.0.1:8000", showing.TOKEN, MODEL)
    exports = showing.exports(told, lambda name, value: line(name, value, "bash"))
    script = "\n".join([*exports, f"# {showing.command(told, [])}", "env -0"])
    env = {"SAMPLEMIND_API_TOKEN": "secret", "PATH": "/usr/bin:/bin"}

    done = subprocess.run(["/bin/bash", "-ec", script], check=False, env=env, capture_output=True)

    found = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    assert done.returncode == 0, done.stderr
    for name, value in told.variables.items():
        assert found[name] == ("secret" if value == showing.TOKEN else value)


def test_fish_is_told_the_token_by_its_name():
    told = setup("aider", "http://127.0.0.1:8000", showing.TOKEN)

    assert 'set -gx OPENAI_API_KEY "$SAMPLEMIND_API_TOKEN"' in showing.exports(
        told, lambda name, value: line(name, value, "fish")
    )
