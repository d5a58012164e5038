"""`samplemind log`."""

from samplemind_cli.commands import log


def test_a_call_that_nobody_could_be_asked_names_no_route():
    call = {"id": "4aa6810f81860925", "at": 0, "command": "ask", "error": "failed", "ms": 0.2, "prompt": "hello"}

    assert log._line(call).endswith(" ask - failed 0 ms hello")
    assert log._line(call | {"provider": "openai", "model": "m"}).endswith(" ask openai/m failed 0 ms hello")
