"""Mending: what is done, and that nothing else is."""

from pathlib import Path

import pytest

from samplemind_cli.settings import Settings
from samplemind_cli.stack import doctor
from samplemind_cli.stack.checks import CHECKS, Finding
from samplemind_cli.stack.facts import Facts


def facts(folder):
    return Facts(
        settings=Settings(state_dir=str(folder)),
        settings_error=None,
        client="",
        info={},
        containers=[],
        compose="",
        buildx="",
        config={},
    )


def test_a_broken_record_is_removed_and_said(tmp_path):
    Path(tmp_path, "stack.json").write_text("{")
    done = doctor.mend(facts(tmp_path), {"record": Finding("warn", "broken")})
    assert not Path(tmp_path, "stack.json").exists()
    assert len(done) == 1
    assert "removed" in done[0]


def test_what_is_well_or_not_ours_is_left_alone(tmp_path):
    Path(tmp_path, "stack.json").write_text("{}")
    found = {"record": Finding("ok", ""), "disk": Finding("skip", ""), "ports": Finding("fail", "")}
    assert doctor.mend(facts(tmp_path), found) == []
    assert Path(tmp_path, "stack.json").exists()


@pytest.mark.slow
def test_nameless_images_and_old_build_layers_are_removed_with_what_that_freed(tmp_path, monkeypatch):
    docker, log = tmp_path / "docker", tmp_path / "log"
    docker.write_text(f'#!/bin/sh\necho "$@" >>{log}\ncase "$*" in *buildx*) printf "one\\nTotal:\\t1.2GB\\n";; esac\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    (done,) = doctor.mend(facts(tmp_path), {"disk": Finding("warn", "nearly full")})
    assert done.endswith("(Total: 1.2GB)")
    assert log.read_text().splitlines()[1:] == ["image prune --force", "buildx prune --force --filter until=168h"]


def test_every_mend_belongs_to_a_check():
    assert set(doctor.MENDS) <= {check.__name__.replace("_", "-") for check in CHECKS}
