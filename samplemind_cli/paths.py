"""Where samplemind's files are: the XDG folders and the settings files."""

import os

from samplemind_cli import trust

TYPE_CHECKING = False  # importing `typing` is as slow as pathlib
if TYPE_CHECKING:
    from collections.abc import Mapping

USER_FILE = "config.toml"
PROJECT_FILE = "samplemind.toml"
STACK_FILE = "stack.json"


def _xdg(env: "Mapping[str, str]", variable: str, default: str) -> str:
    root = env.get(variable, "")
    if not os.path.isabs(root):  # the XDG specification: a relative path is ignored
        root = os.path.join(env.get("HOME") or os.path.expanduser("~"), default)
    return os.path.join(root, "samplemind")


def cache_dir(env: "Mapping[str, str]") -> str:
    """The folder of answers and locks, which may be deleted at any time."""
    return _xdg(env, "XDG_CACHE_HOME", ".cache")


def config_dir(env: "Mapping[str, str]") -> str:
    """The folder of the user's own settings."""
    return _xdg(env, "XDG_CONFIG_HOME", ".config")


def data_dir(env: "Mapping[str, str]") -> str:
    """The folder of downloads: the embedded model."""
    return _xdg(env, "XDG_DATA_HOME", ".local/share")


def state_dir(env: "Mapping[str, str]") -> str:
    """The folder of records: the stack's ports, the ledger, the last runs."""
    return _xdg(env, "XDG_STATE_HOME", ".local/state")


def settings_files(env: "Mapping[str, str]", directory: str) -> list[str]:
    """Every file that `Settings.load` may read: the stack's record, the user's file, either of which may be absent,
    and each `samplemind.toml` in `directory` or above it, nearest first, trusted or not.
    """
    files = [os.path.join(state_dir(env), STACK_FILE), os.path.join(config_dir(env), USER_FILE)]
    projects = (os.path.join(folder, PROJECT_FILE) for folder in trust.folders(directory, env))
    return [*files, *filter(os.path.exists, projects)]
