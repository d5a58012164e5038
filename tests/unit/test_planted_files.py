"""Files of a project that nobody can read to their end: each is told at once, and costs no memory."""

import os

import pytest

from samplemind_cli import trust
from samplemind_cli.asking import templates
from samplemind_cli.errors import UsageError
from samplemind_cli.models import lock
from samplemind_cli.settings import Settings
from samplemind_cli.stack import dotenv
from samplemind_cli.stack import files as stack
from samplemind_cli.testing import durations


def huge(path):
    path.touch()
    os.truncate(path, 1 << 40)


def deep(path):
    path.write_text("[" * 200_000)


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("plant", [os.mkfifo, huge, deep])
def test_a_lock_of_models(project, plant):
    plant(project / lock.NAME)

    with pytest.raises(UsageError, match=r"cannot read .*models\.lock"):
        lock.read(project / lock.NAME)


@pytest.mark.parametrize("plant", [os.mkfifo, huge, deep])
def test_durations_of_tests(project, plant):
    plant(project / durations.NAME)

    with pytest.raises(UsageError, match=r"cannot read .*\.test_durations"):
        durations.read(project)


@pytest.mark.parametrize("plant", [os.mkfifo, huge])
def test_a_templates_schema(project, plant):
    folder = project / ".samplemind" / "templates"
    folder.mkdir(parents=True)
    (folder / "review.md").write_text('+++\nschema = "s.json"\n+++\nhi')
    plant(folder / "s.json")

    with pytest.raises(UsageError, match="its schema cannot be read"):
        templates.find(Settings(), "review")


@pytest.mark.parametrize("plant", [os.mkfifo, huge])
def test_variables_for_compose(project, plant):
    plant(project / ".env")

    with pytest.raises(UsageError, match=r"cannot read .*\.env: it is (a pipe|larger than)"):
        dotenv.variables(project)


@pytest.mark.parametrize("plant", [os.mkfifo, huge])
@pytest.mark.parametrize("name", ["compose.yaml", "compose.override.yaml", ".env"])
@pytest.mark.parametrize("folder", [".", "compose"])
def test_a_compose_file_and_what_lies_beside_it(project, folder, name, plant):
    (project / folder).mkdir(exist_ok=True)
    if name != "compose.yaml":
        (project / folder / "compose.yaml").touch()
    plant(project / folder / name)

    with pytest.raises(UsageError, match=f"cannot read .*{name}: it is (a pipe|larger than)"):
        stack.located(Settings(), project)


@pytest.mark.parametrize("plant", [os.mkfifo, huge])
def test_a_compose_file_that_a_setting_names(project, plant):
    plant(project / "other.yaml")

    with pytest.raises(UsageError, match=r"cannot read .*other\.yaml: it is (a pipe|larger than)"):
        stack.located(Settings(compose_file="other.yaml"), project)


@pytest.mark.parametrize("name", ["compose.override.yaml", ".env"])
def test_a_link_to_dev_null_holds_nothing(project, name):
    (project / "compose.yaml").touch()
    (project / name).symlink_to(os.devnull)

    assert stack.located(Settings(trusted_folders=("/",)), project).files == (project / "compose.yaml",)


def test_a_device_is_not_read(project):
    (project / "zero").symlink_to("/dev/zero")

    with pytest.raises(OSError, match="not a regular file"):
        trust.content(project / "zero")
