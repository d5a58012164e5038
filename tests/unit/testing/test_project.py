import sys
from pathlib import Path

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.testing.project import Python, find_project, find_python, require


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nmarkers =\n    fast: quick\n    slow(n): seconds\naddopts = -m 'not slow' -q\n"),
        ("tox.ini", "[pytest]\nmarkers =\n    fast\n    slow(n)\naddopts = -m 'not slow' -q\n"),
        ("setup.cfg", "[tool:pytest]\nmarkers =\n    fast\n    slow\naddopts = -m 'not slow' -q\n"),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nmarkers = ["fast", "slow: s"]\naddopts = "-m \'not slow\' -q"\n',
        ),
        ("pyproject.toml", '[tool.pytest]\nmarkers = ["fast", "slow"]\naddopts = ["-m", "not slow", "-q"]\n'),
        ("pytest.toml", '[pytest]\nmarkers = ["fast", "slow"]\naddopts = ["-m", "not slow", "-q"]\n'),
    ],
)
def test_markers_and_options_are_read_from_every_place_pytest_reads_them(tmp_path, name, text):
    put(tmp_path / name, text)
    found = find_project(tmp_path)
    assert (found.root, found.config) == (tmp_path, tmp_path / name)
    assert found.markers == {"fast", "slow"}
    assert found.addopts == ("-m", "not slow", "-q")


def test_the_nearest_folder_with_pytest_s_settings_is_the_project(tmp_path):
    put(tmp_path / "pyproject.toml", "[tool.pytest.ini_options]\n")
    put(tmp_path / "inner" / "pyproject.toml", "[project]\n")
    put(tmp_path / "inner" / "src" / "a.py")
    assert find_project(tmp_path / "inner" / "src").root == tmp_path


def test_an_empty_pytest_ini_counts_and_comes_first(tmp_path):
    put(tmp_path / "pytest.ini")
    put(tmp_path / "tox.ini", "[pytest]\nmarkers = fast\n")
    assert find_project(tmp_path).markers == frozenset()


def test_without_pytest_s_settings_the_nearest_project_file_decides(tmp_path):
    put(tmp_path / "setup.py")
    put(tmp_path / "a" / "b.py")
    assert find_project(tmp_path / "a").root == tmp_path


def test_a_broken_settings_file_is_named(tmp_path):
    put(tmp_path / "pyproject.toml", "[tool")
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        find_project(tmp_path)


def test_the_active_environment_comes_before_the_project_s_own_and_that_before_ours(tmp_path):
    assert find_python(tmp_path, {}).path == Path(sys.executable)
    for folder in (".venv", "active"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        (tmp_path / folder / "bin" / "python").symlink_to(sys.executable)
    assert find_python(tmp_path, {}).why == "the project's .venv"
    found = find_python(tmp_path, {"VIRTUAL_ENV": str(tmp_path / "active")})
    assert (found.path, found.why) == (tmp_path / "active" / "bin" / "python", "the active environment")


def test_a_broken_environment_is_said_to_be_broken(tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/bin/false")
    with pytest.raises(UsageError, match=r"the project's \.venv"):
        find_python(tmp_path, {})


def test_what_is_missing_comes_with_the_command_that_installs_it():
    ours = Python(Path(sys.executable), "ours", {"pytest": "9", "testmon": None})
    require(ours, "pytest")
    with pytest.raises(UsageError, match="pytest-testmon is not installed") as caught:
        require(ours, "testmon")
    assert caught.value.hint == f"{sys.executable} -m pip install 'samplemind-cli[dev]'"
    with pytest.raises(UsageError) as caught:
        require(Python(Path("/x/python"), "another", {}), "xdist")
    assert caught.value.hint == "/x/python -m pip install pytest-xdist"
