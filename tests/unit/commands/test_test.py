import pytest

from samplemind_cli.cli import run
from samplemind_cli.testing import watching
from samplemind_cli.testing.session import Session


@pytest.fixture
def asked(monkeypatch):
    """What the command line asked for; nothing runs, and the exit code is 5."""
    seen = []

    class Nothing:
        def run(self):
            return 5

    monkeypatch.setattr(watching, "watch", lambda _session: seen.append("watch") or 2)
    monkeypatch.setattr(Session, "at", lambda _directory, asked, **_rest: seen.append(asked) or Nothing())
    return seen


def test_the_exit_code_is_pytest_s(asked):
    assert run(["test"]) == 5
    assert run(["test", "--watch"]) == 2
    assert asked[-1] == "watch"


def test_pytest_s_own_arguments_pass_through_in_their_order(asked):
    words = [
        "tests/test_a.py::test_b",
        "-k",
        "a and not b",
        "-m",
        "",
        "-vx",
        "--cov=shop",
        "--junit-xml=j.xml",
        "-n",
        "3",
    ]
    run(["test", "--all", *words, "--serial"])
    assert asked[0].arguments == tuple(words)
    assert (asked[0].all, asked[0].serial, asked[0].changed, asked[0].failed) == (True, True, False, False)


def test_what_follows_two_dashes_is_pytest_s_even_when_it_looks_like_ours(asked):
    run(["test", "--changed", "--", "--failed", "-h"])
    assert asked[0].arguments == ("--failed", "-h")
    assert not asked[0].failed
