"""A folder of ours for each tool, with its config in it; the user's own stay as they are."""

from pathlib import Path

from samplemind_cli import files
from samplemind_cli.errors import UsageError
from samplemind_cli.launching.tools import Setup
from samplemind_cli.settings import Settings


def folder(settings: Settings, tool: str) -> str:
    """Where it is, made or not."""
    return str(Path(settings.state_dir, "launch", tool))


def made(settings: Settings, *parts: str) -> Path:
    """A folder of the user's alone in the state folder. Raises UsageError where there can be none."""
    try:
        if not settings.state_dir:
            raise FileNotFoundError(2, "there is no home")
        return Path(files.private_folder(settings.state_dir, *parts))
    except OSError as error:
        problem = f"cannot keep files in {settings.state_dir or 'the state folder'}: {error.strerror}"
        raise UsageError(problem, files.remedy(error)) from error


def furnished(settings: Settings, tool: str, setup: Setup) -> Setup:
    """The setup with its folder made, if it has one, and its config written there. Raises UsageError, OSError."""
    if setup.placed("") == setup:
        return setup
    home = str(made(settings, "launch", tool))
    if setup.config:
        inner = Path(setup.config_name)
        files.write(Path(files.private_folder(home, *inner.parent.parts), inner.name), setup.config.encode())
    return setup.placed(home)
