"""A folder for each tool in the state folder, with a config of ours; the user's own config is not changed."""

from pathlib import Path

from samplemind_cli import files
from samplemind_cli.errors import UsageError
from samplemind_cli.launching.tools import Setup
from samplemind_cli.settings import Settings


def path(settings: Settings, tool: str) -> str:
    """The path of a tool's folder, which need not exist."""
    return str(Path(settings.state_dir, "launch", tool))


def make(settings: Settings, *parts: str) -> Path:
    """Make a private folder below the state folder. Raises UsageError."""
    try:
        if not settings.state_dir:
            raise FileNotFoundError(2, "there is no home")
        return Path(files.private_folder(settings.state_dir, *parts))
    except OSError as error:
        problem = f"cannot keep files in {settings.state_dir or 'the state folder'}: {error.strerror}"
        raise UsageError(problem, files.remedy(error)) from error


def prepare(settings: Settings, tool: str, setup: Setup) -> Setup:
    """The setup with paths; its folder is made and its config written, if it has any. Raises UsageError, OSError."""
    if setup.with_home("") == setup:
        return setup
    home = str(make(settings, "launch", tool))
    if setup.config:
        inner = Path(setup.config_name)
        files.write(Path(files.private_folder(home, *inner.parent.parts), inner.name), setup.config.encode())
    return setup.with_home(home)
