import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.testing.project import find_project


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


@pytest.mark.parametrize(
    "text",
    [
        "[tool.pytest.ini_options]\naddopts = '-k \"a'\n",
        "[tool.pytest.ini_options]\naddopts = 3\n",
        "[tool.pytest.ini_options]\nmarkers = 3\n",
        "[tool.pytest]\nini_options = 3\n",
        "[tool]\npytest = 'x'\n",
    ],
)
def test_settings_of_another_kind_are_named_with_their_file(tmp_path, text):
    put(tmp_path / "pyproject.toml", text)
    with pytest.raises(UsageError, match=r"cannot read .*pyproject\.toml"):
        find_project(tmp_path)


def test_a_folder_that_nobody_can_look_into_is_the_project_itself(tmp_path):
    closed = tmp_path / ("x" * 300)  # as little to be looked into as another user's, for root too
    assert find_project(closed).root == closed
