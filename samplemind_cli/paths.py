"""Where samplemind's files live: the XDG folders, and the files that hold settings."""

import os

from samplemind_cli import trust

TYPE_CHECKING = False  # `typing` is as dear as pathlib
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
    """The folder whose loss costs only time: answers, locks."""
    return _xdg(env, "XDG_CACHE_HOME", ".cache")


def config_dir(env: "Mapping[str, str]") -> str:
    """The folder of the user's own settings."""
    return _xdg(env, "XDG_CONFIG_HOME", ".config")


def data_dir(env: "Mapping[str, str]") -> str:
    """The folder of what was fetched on purpose: the embedded model."""
    return _xdg(env, "XDG_DATA_HOME", ".local/share")


def state_dir(env: "Mapping[str, str]") -> str:
    """The folder of what commands remember: the stack's ports, the last runs."""
    return _xdg(env, "XDG_STATE_HOME", ".local/state")


def settings_files(env: "Mapping[str, str]", directory: str) -> list[str]:
    """Every file that `Settings.load` might read: the stack's record and the user's file, which may be absent,
    and each `samplemind.toml` in `directory` or above it, nearest first, whether or not it counts.
    """
    files = [os.path.join(state_dir(env), STACK_FILE), os.path.join(config_dir(env), USER_FILE)]
    projects = (os.path.join(folder, PROJECT_FILE) for folder in trust.folders(directory, env))
    return [*files, *filter(os.path.exists, projects)]
