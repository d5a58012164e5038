import sys
from pathlib import Path

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import engines, outside
from samplemind_cli.profiling.runs import ProfileRequest


def asked(engine="", kinds=("cpu",)):
    return ProfileRequest(words=("a.py",), kinds=kinds, engine=engine, directory="/")


@pytest.fixture
def linux(monkeypatch):
    """A Linux with this ptrace_scope, for somebody without or with the capability to trace."""

    def be(scope, *, capable=False):
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(outside, "scope", lambda: scope)
        monkeypatch.setattr(outside, "_capable", lambda: capable)
        monkeypatch.setattr(outside, "find", lambda: Path("/bin/py-spy"))

    return be


@pytest.mark.parametrize(
    ("scope", "capable", "child", "foreign"),
    [(0, False, True, True), (1, False, True, False), (1, True, True, True), (2, False, False, False),
     (2, True, True, True), (3, True, False, False)],
)  # fmt: skip
def test_what_linux_allows_is_asked_for(linux, scope, capable, child, foreign):
    linux(scope, capable=capable)
    assert (outside.refusal() == "") is child
    assert (outside.refusal(foreign=True) == "") is foreign


def test_the_program_must_allow_us_only_where_descendants_alone_are_open(linux):
    linux(1)
    assert outside.permission() > 0
    linux(1, capable=True)
    assert outside.permission() == 0
    linux(0)
    assert outside.permission() == 0


def test_py_spy_takes_the_time_where_it_may(linux):
    linux(1)
    said = []
    engine = engines.choose(asked(), said.append)
    assert (engine.name, engine.spy, said) == ("py-spy", Path("/bin/py-spy"), [])
    assert engine.packages(("cpu", "memory")) == ["memray"]
    assert engine.noted(asked()).engine == "py-spy"


def test_where_it_may_not_pyinstrument_does_and_it_is_said(linux):
    linux(2)
    said = []
    engine = engines.choose(asked(), said.append)
    assert engine.packages(("cpu", "memory")) == ["pyinstrument", "memray"]
    assert said == ["note: using pyinstrument, because py-spy may not attach: kernel.yama.ptrace_scope is 2"]
    with pytest.raises(UsageError, match="ptrace_scope is 2") as refused:
        engines.choose(asked("py-spy"), said.append)
    assert "--engine pyinstrument" in refused.value.hint


def test_other_systems_want_root_for_it(linux, monkeypatch):
    linux(0)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(outside.os, "geteuid", lambda: 501)
    assert engines.choose(asked(), lambda _: None).name == "pyinstrument"


def test_a_missing_py_spy_is_told_with_the_extra_that_brings_it(linux, monkeypatch):
    linux(0)
    monkeypatch.setattr(outside, "find", lambda: None)
    with pytest.raises(UsageError, match="py-spy is not installed") as told:
        engines.choose(asked(), lambda _: None)
    assert "samplemind-cli[profile]" in told.value.hint
    assert engines.choose(asked("pyinstrument"), lambda _: None).spy is None
    assert engines.choose(asked(kinds=("memory",)), lambda _: None).spy is None
