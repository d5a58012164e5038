"""What `samplemind doctor` asks before it judges, all at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import docker, files
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.services import containers

PATIENCE = 5.0  # seconds; a daemon that hangs is found out, not waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was asked before the checks; an error in place of an answer says why there is none."""

    settings: Settings
    settings_error: SamplemindError | None
    client: str | SamplemindError  # `docker --version`
    info: dict[str, Any] | SamplemindError  # the engine's /info
    containers: list[dict[str, Any]] | SamplemindError
    compose: str | SamplemindError
    buildx: str | SamplemindError
    config: dict[str, Any] | SamplemindError  # the compose files, merged


def gathered(settings: Settings, error: SamplemindError | None, pool: ThreadPoolExecutor) -> Facts:
    """Ask everything at once; `error`: why `settings` are no more than the defaults."""
    questions: dict[str, Callable[[], Any]] = {
        "client": lambda: _said("--version"),
        "compose": lambda: _said("compose", "version", "--short"),
        "buildx": lambda: _said("buildx", "version"),
        "config": lambda: docker.config(files.located(settings), timeout=PATIENCE),
    }
    engine = pool.submit(_engine)
    answers = {name: pool.submit(_answered, question) for name, question in questions.items()}
    said = {name: answer.result() for name, answer in answers.items()}
    return Facts(settings=settings, settings_error=error, **engine.result(), **said)


def _answered(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except SamplemindError as error:
        return error


def _said(*words: str) -> str:
    return docker.output_of(docker.docker_command(*words), PATIENCE).strip()


def _engine() -> dict[str, Any]:
    """Over one connection: where it breaks with the first question, the second hears at once of the same."""
    try:
        with Engine(PATIENCE) as engine:
            return {"info": _answered(lambda: engine.get("/info")), "containers": _answered(lambda: containers(engine))}
    except SamplemindError as error:
        return {"info": error, "containers": error}
