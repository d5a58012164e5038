import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.models import lock


def test_the_lock_lies_beside_the_projects_settings(tmp_path):
    below = tmp_path / "a" / "b"
    (tmp_path / "samplemind.toml").touch()
    assert lock.path(below) == tmp_path / "models.lock"


def test_without_a_project_the_lock_lies_where_one_is(tmp_path, monkeypatch):
    monkeypatch.setattr(lock.paths, "settings_files", lambda *_: ["/nowhere/samplemind.toml"])
    assert lock.path(tmp_path) == tmp_path / "models.lock"


def test_what_was_written_is_read_and_nothing_else_is_left(tmp_path):
    file = tmp_path / "models.lock"
    assert lock.read(file) == {}
    lock.write(file, {"b:1": "2", "a:1": "1"})
    assert lock.read(file) == {"a:1": "1", "b:1": "2"}
    assert [path.name for path in tmp_path.iterdir()] == ["models.lock"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"models": 3}', '{"version": 1}', "\xff"])
def test_a_broken_lock_is_named(tmp_path, text):
    file = tmp_path / "models.lock"
    file.write_text(text, "latin-1")
    with pytest.raises(UsageError, match="cannot read"):
        lock.read(file)


def test_a_lock_that_cannot_be_written_is_an_error_of_ours(tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        lock.write(tmp_path / "no" / "models.lock", {})


def test_each_model_is_missing_drifted_present_or_not_locked():
    names = ["a:1", "B:1", "c:1", "d:1"]
    installed, locked = {"A:1": "1", "b:1": "2", "c:1": "3"}, {"a:1": "1", "B:1": "x", "d:1": "4"}
    states = lock.compared(names, installed, locked)
    assert [state["status"] for state in states.values()] == ["present", "drifted", "not locked", "missing"]
    assert states["B:1"] == {"status": "drifted", "digest": "2", "locked": "x"}
