"""The variables that `samplemind env` exports: threads, Docker's switches, the stack's addresses; shell quoting."""

import shlex
from collections.abc import Mapping
from typing import Any, Literal

from samplemind_cli.settings import Settings
from samplemind_cli.stack.ports import wanted

Shell = Literal["bash", "zsh", "fish"]
# What programs call these addresses; every other service's is <SERVICE>_URL.
NAMES = {
    "redis": ("REDIS_URL", "SAMPLEMIND_REDIS_URL"),
    "ollama": ("OLLAMA_HOST",),
    "mongodb": ("MONGODB_URI",),
    "api": ("SAMPLEMIND_API_URL",),
}


def speed(cores: int) -> dict[str, str]:
    """Docker's builder, and as many threads in NumPy and its like as there are cores: alone they count the host's."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")
    return {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", **dict.fromkeys(threads, str(cores))}


def addresses(config: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    """Each service's address by its variables' names. `config`: the compose files, merged.

    A Redis or Ollama that the settings name is in use instead of the stack's own.
    """
    chosen = {"redis": settings.redis_url, "ollama": settings.ollama_host}
    if settings.ollama_host == Settings().ollama_host:
        chosen["ollama"] = ""
    found = {}
    for service, definition in config["services"].items():
        url = chosen.get(service) or next((port.url for port in wanted(definition)), "")
        names = NAMES.get(service, (f"{service.upper().replace('-', '_').replace('.', '_')}_URL",))
        found.update(dict.fromkeys(names, url) if url else {})
    return found


def line(name: str, value: str, shell: Shell) -> str:
    """One export, safe to evaluate whatever the value holds."""
    if shell == "fish":  # in its single quotes a backslash escapes itself and the quote, and nothing else
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{quoted}'"
    return f"export {name}={shlex.quote(value)}"
