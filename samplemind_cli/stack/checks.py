"""The checks of `samplemind doctor`: each reads the facts, and some look at one thing more themselves."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from samplemind_cli import files, paths
from samplemind_cli.errors import SamplemindError
from samplemind_cli.providers import TABLE
from samplemind_cli.stack import docker, machine
from samplemind_cli.stack.facts import Facts
from samplemind_cli.stack.insight import insight, listens, ollama_version
from samplemind_cli.stack.origin import is_loopback
from samplemind_cli.stack.ports import Conflict, conflicts, fixed_ports
from samplemind_cli.stack.record import OLLAMA, REDIS
from samplemind_cli.stack.services import Port

ENGINE, COMPOSE, BUILDX = (24, 0), (2, 26), (0, 12)  # the oldest versions that work
DISK_LOW, DISK_FULL = 15e9, 2e9  # bytes: the images and a small model; less than one layer of a large model
MEMORY_LOW = 8e9  # bytes: a 3B model at 8 bits, its context, and the rest of the stack
EXTRAS = {"serve": "httptools", "embedded": "xllamacpp", "mongo": "pymongo", "dev": "pytest"}  # extra: a module of it

Verdict = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, its reason, and the command that fixes it (empty if there is nothing to do)."""

    verdict: Verdict
    reason: str
    fix: str = ""


def settings(facts: Facts) -> Finding:
    """Whether every file and variable with settings can be read."""
    error = facts.settings_error
    return _failed(error) if error else Finding("ok", "all are readable")


def docker_client(facts: Facts) -> Finding:
    """Whether there is a Docker client."""
    if isinstance(facts.client, SamplemindError):
        return Finding("fail", facts.client.message, facts.client.hint or "")
    return Finding("ok", facts.client)


def docker_daemon(facts: Facts) -> Finding:
    """Whether the engine answers, and is not too old."""
    if isinstance(facts.info, SamplemindError):
        denied = facts.info.message == docker.DENIED
        return Finding("skip", "the daemon refuses this user") if denied else _failed(facts.info)
    return _version("Docker Engine", facts.info["ServerVersion"], ENGINE, "https://docs.docker.com/engine/install/")


def docker_permission(facts: Facts) -> Finding:
    """Whether this user may use the engine."""
    if not isinstance(facts.info, SamplemindError):
        return Finding("ok", "this user may use the daemon")
    return _failed(facts.info) if facts.info.message == docker.DENIED else Finding("skip", "the daemon does not answer")


def compose_version(facts: Facts) -> Finding:
    """Whether the Compose plugin is there, and not too old."""
    if isinstance(facts.compose, SamplemindError):
        return _failed(facts.compose)
    return _version("Compose", facts.compose, COMPOSE, "https://docs.docker.com/compose/install/linux/")


def buildx_version(facts: Facts) -> Finding:
    """Whether the Buildx plugin is there, and not too old."""
    if isinstance(facts.buildx, SamplemindError):
        return _failed(facts.buildx)
    return _version("Buildx", facts.buildx, BUILDX, "install a newer docker-buildx-plugin")


def compose_file(facts: Facts) -> Finding:
    """Whether Compose accepts the stack's files."""
    if isinstance(facts.config, SamplemindError):
        return _failed(facts.config)
    return Finding("ok", f"project {facts.config['name']}: {', '.join(facts.config['services'])}")


def disk(facts: Facts) -> Finding:
    """Whether images and models fit where Docker keeps them."""
    root = facts.info["DockerRootDir"] if isinstance(facts.info, dict) else ""
    place = root if os.access(root, os.F_OK) else _existing(Path.home())  # the engine may be on another machine
    free = shutil.disk_usage(place).free
    reason = f"{free / 1e9:.1f} GB free at {place}"
    if free >= DISK_LOW:
        return Finding("ok", reason)
    return Finding("fail" if free < DISK_FULL else "warn", reason, "samplemind doctor --fix, or: docker system prune")


def memory(facts: Facts) -> Finding:
    """Whether the engine has memory for a local model."""
    if isinstance(facts.info, SamplemindError):
        return Finding("skip", "the engine does not answer")
    total = facts.info["MemTotal"]
    if total < MEMORY_LOW:
        return Finding("warn", f"the engine has {total / 1e9:.1f} GB, for small models only", "samplemind models")
    return Finding("ok", f"the engine has {total / 1e9:.1f} GB")


def cpu_flags(_facts: Facts) -> Finding:
    """Whether this CPU has the instructions that MongoDB 5 and later need."""
    if flag := machine.missing_cpu_flag():
        return Finding(
            "fail", f"this CPU has no {flag}: MongoDB 5 and later do not run", "export MONGO_IMAGE=mongo:4.4"
        )
    return Finding("ok", "this CPU runs MongoDB")


def gpu(facts: Facts) -> Finding:
    """Which GPU containers get, and why."""
    if isinstance(facts.info, SamplemindError):
        return Finding("skip", "the engine does not answer")
    kind, reason = machine.gpu(facts.info)
    if kind == "none" and "nvidia runtime" in reason:
        return Finding(
            "warn", reason, "sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
        )
    return Finding("skip" if kind == "none" else "ok", reason)


def keys(facts: Facts) -> Finding:
    """Which providers' keys are present; never what they are."""
    keyed = [row for row in facts.settings.rows if row.key_variables and (row.name in TABLE or row.needs_key)]
    present = {row.key_variables[0]: bool(facts.settings.of(row, "api_key")) for row in keyed}
    reason = ", ".join(f"{name}: {'yes' if there else 'no'}" for name, there in present.items())
    return Finding("ok", reason) if any(present.values()) else Finding("skip", reason, f"export {min(present)}=…")


def ports(facts: Facts) -> Finding:
    """Whether the ports that the stack publishes are free or its own."""
    if isinstance(facts.config, SamplemindError) or isinstance(facts.containers, SamplemindError):
        return Finding("skip", "needs the compose file and the engine")
    every = conflicts(facts.config["services"], facts.config["name"], facts.containers)
    clashes = [clash for clash in every if not _adoptable(clash)]
    if clashes:
        reasons = (f"{clash.port.published} ({clash.service}) is taken by {clash.owner}" for clash in clashes)
        return Finding("warn", "; ".join(reasons), "samplemind up --auto-ports")
    return Finding("ok", "the stack's ports are free or in use by the stack")


def redis(facts: Facts) -> Finding:
    """Whether the shared cache answers."""
    if "+" in facts.settings.redis_url.partition(":")[0]:
        return _sentinel_or_cluster(facts)
    port = _port(facts.settings.redis_url, _published(facts, REDIS))
    if port is None:
        return Finding("fail", "the address of Redis is not valid", "unset SAMPLEMIND_REDIS_URL")
    error = insight(port).get("error", "")
    if error and "NOAUTH" not in error:  # one that asks for a password is running
        return Finding("warn", f"no Redis at {port.host}: {error}", "samplemind up redis")
    return Finding("ok", f"Redis answers at {port.host}")


def _sentinel_or_cluster(facts: Facts) -> Finding:
    """Whether a Sentinel's master or a Cluster answers, which needs redis-py."""
    from samplemind_cli.ai.cache import Cache

    errors: list[str] = []
    state = Cache(facts.settings, errors.append).stats()["redis"]
    if state is None:
        return Finding("fail", errors[0], "correct SAMPLEMIND_REDIS_URL")
    if state["reachable"]:
        return Finding("ok", f"Redis answers at {state['url']}")
    return Finding("warn", state["reason"], "start it, or fix SAMPLEMIND_REDIS_URL")


def ollama(facts: Facts) -> Finding:
    """Whether the Ollama daemon answers."""
    port = _port(facts.settings.ollama_host, Port(address="", published=OLLAMA, target=OLLAMA))
    if port is None:
        return Finding("fail", "the address of Ollama is not valid", "unset OLLAMA_HOST")
    if version := ollama_version(port):
        return Finding("ok", f"Ollama {version} answers at {port.host}")
    return Finding("warn", f"no Ollama at {port.host}", "samplemind up ollama")


def hosts(facts: Facts) -> Finding:
    """Whether the user's own local providers listen; remote ones are not checked."""
    own = facts.settings.providers
    if not own:
        return Finding("skip", "none of your own")
    silent = [row.name for row in own if row.local and not _listens(facts.settings.of(row, "base_url") or row.url)]
    if silent:
        known = f"start it, or fix its url: [providers.{silent[0]}]"
        return Finding("warn", f"nothing listens at the URL of {', '.join(silent)}", known)
    return Finding("ok", ", ".join(row.name if row.local else f"{row.name} (not asked)" for row in own))


def extras(_facts: Facts) -> Finding:
    """Which optional parts of the package are installed."""
    present = {extra: find_spec(module) is not None for extra, module in EXTRAS.items()}
    reason = ", ".join(f"{extra}: {'yes' if there else 'no'}" for extra, there in present.items())
    missing = ",".join(extra for extra, there in present.items() if not there)
    return Finding("skip", reason, f"pip install 'samplemind-cli[{missing}]'") if missing else Finding("ok", reason)


def folders(facts: Facts) -> Finding:
    """Whether samplemind's own folders, or the folders in which they will be created, can be written to."""
    for kind in ("cache", "data", "state"):
        place = _existing(Path(getattr(facts.settings, f"{kind}_dir")))
        if not os.access(place, os.W_OK | os.X_OK):
            ours = Path.home() in place.parents  # a folder above it, such as /home, may belong to everybody
            move = files.elsewhere(f"XDG_{kind.upper()}_HOME")
            fix = f"sudo chown -R $USER {shlex.quote(str(place))}" if ours else move
            return Finding("fail", f"{place} cannot be written to", fix)
    return Finding("ok", "all are writable")


def record(facts: Facts) -> Finding:
    """Whether the record that `up` writes of the stack can be read."""
    file = Path(facts.settings.state_dir) / paths.STACK_FILE
    try:
        readable = isinstance(json.loads(file.read_bytes()), dict)
    except (FileNotFoundError, NotADirectoryError):
        return Finding("ok", "no stack is recorded")
    except PermissionError:
        return Finding("warn", f"{file} cannot be read", files.elsewhere("XDG_STATE_HOME"))
    except (OSError, ValueError):
        readable = False
    return Finding("ok", str(file)) if readable else Finding("warn", f"{file} is broken", "samplemind doctor --fix")


CHECKS: tuple[Callable[[Facts], Finding], ...] = (
    settings, folders, record,
    docker_client, docker_daemon, docker_permission, compose_version, buildx_version, compose_file,
    disk, memory, cpu_flags, gpu,
    ports, redis, ollama, keys, hosts, extras,
)  # fmt: skip


def _existing(folder: Path) -> Path:
    """A folder, or the nearest existing one above it."""
    return next(part for part in (folder, *folder.parents) if os.access(part, os.F_OK))


def _adoptable(clash: Conflict) -> bool:
    """Whether a native Ollama has the port: `up` uses it instead of starting another."""
    return clash.program and clash.port.target == OLLAMA and bool(ollama_version(clash.port))


def _failed(error: SamplemindError) -> Finding:
    if error.message == docker.ABSENT:
        return Finding("skip", "needs the Docker client")
    return Finding("fail", error.message, "" if error.hint == docker.DOCTOR else error.hint or "")


def _version(what: str, printed: str, needed: tuple[int, int], fix: str) -> Finding:
    version = re.search(r"(\d+)\.(\d+)[\w.+~-]*", printed)
    if version and (int(version[1]), int(version[2])) < needed:
        return Finding("fail", f"{what} {version[0]} is older than {needed[0]}.{needed[1]}", fix)
    return Finding("ok", f"{what} {version[0] if version else printed}")


def _port(url: str, default: Port) -> Port | None:
    """The port in `url`, or in a bare `host:port`, completed by the default's; None if it is not valid."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        return replace(default, address=parts.hostname or default.address, published=parts.port or default.published)
    except ValueError:
        return None


def _listens(url: str) -> bool:
    number = 443 if url.startswith("https:") else 80
    port = _port(url, Port(address="", published=number, target=number))
    return port is not None and listens(port)


def _published(facts: Facts, target: int) -> Port:
    """Where the stack publishes a container's port; by default the same port on loopback.

    Addresses of other machines are not checked: any project's files may name any machine.
    """
    services = facts.config["services"].values() if isinstance(facts.config, dict) else ()
    known = (port for service in services for port in fixed_ports(service) if port.target == target)
    ports = (port for port in known if is_loopback(port.address_here))
    return next(ports, Port(address="", published=target, target=target))
