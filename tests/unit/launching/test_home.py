import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.launching import home, tools
from samplemind_cli.settings import Settings


def test_a_folder_is_made_for_the_user_alone(tmp_path):
    made = home.make(Settings(state_dir=str(tmp_path / "state")), "launch", "codex")

    assert made == tmp_path / "state" / "launch" / "codex"
    assert made.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("state", ["", "file/state"])
def test_where_nothing_can_be_kept_the_variable_that_helps_is_named(tmp_path, state):
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="cannot keep files") as told:
        home.make(Settings(state_dir=state and str(tmp_path / state)), "launch")
    assert "XDG_STATE_HOME" in told.value.hint


def test_a_tool_without_files_of_its_own_needs_no_folder(tmp_path):
    (tmp_path / "file").touch()
    settings = Settings(state_dir=str(tmp_path / "file" / "samplemind"))

    for tool in ("claude", "codex", "opencode", "aider"):
        setup = tools.setup(tool, "http://127.0.0.1:8000", "", "")
        assert home.prepare(settings, tool, setup) == setup
