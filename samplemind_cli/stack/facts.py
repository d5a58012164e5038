"""The facts that `samplemind doctor` gathers in parallel before its checks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import docker, files
from samplemind_cli.stack.docker import PATIENCE
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.services import containers


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the checks read; an error in place of a value says why there is none."""

    settings: Settings
    settings_error: SamplemindError | None
    client: str | SamplemindError  # `docker --version`
    info: dict[str, Any] | SamplemindError  # the engine's /info
    containers: list[dict[str, Any]] | SamplemindError
    compose: str | SamplemindError
    buildx: str | SamplemindError
    config: dict[str, Any] | SamplemindError  # the compose files, merged


def gathered(settings: Settings, error: SamplemindError | None, pool: ThreadPoolExecutor) -> Facts:
    """Gather everything in parallel; `error`: why `settings` are only the defaults."""
    calls: dict[str, Callable[[], Any]] = {
        "client": lambda: _output("--version"),
        "compose": lambda: _output("compose", "version", "--short"),
        "buildx": lambda: _output("buildx", "version"),
        "config": lambda: docker.config(files.located(settings), timeout=PATIENCE),
    }
    engine = pool.submit(_engine)
    pending = {name: pool.submit(_result, call) for name, call in calls.items()}
    results = {name: future.result() for name, future in pending.items()}
    return Facts(settings=settings, settings_error=error, **engine.result(), **results)


def _result(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except SamplemindError as error:
        return error


def _output(*words: str) -> str:
    return docker.output_of(docker.docker_command(*words), PATIENCE).strip()


def _engine() -> dict[str, Any]:
    """The engine's facts over one connection: if it breaks in the first request, the second fails at once."""
    try:
        with Engine(PATIENCE) as engine:
            return {"info": _result(lambda: engine.get("/info")), "containers": _result(lambda: containers(engine))}
    except SamplemindError as error:
        return {"info": error, "containers": error}
