"""A folder of ours for each tool, with its config in it; the user's own stay as they are."""

from pathlib import Path

from samplemind_cli import files
from samplemind_cli.launching.tools import Setup
from samplemind_cli.settings import Settings


def folder(settings: Settings, tool: str) -> str:
    """Where it is, made or not."""
    return str(Path(settings.state_dir, "launch", tool))


def furnished(settings: Settings, tool: str, setup: Setup) -> Setup:
    """The setup with its folder made and its config written there. Raises OSError."""
    home = files.private_folder(settings.state_dir, "launch", tool)
    if setup.config:
        inner = Path(setup.config_name)
        files.write(Path(files.private_folder(home, *inner.parent.parts), inner.name), setup.config.encode())
    return setup.placed(home)
