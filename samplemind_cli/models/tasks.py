"""Which tasks go to which local model."""

from samplemind_cli.ai.router import PRIORITIES, Provider, TaskType, route_request
from samplemind_cli.settings import Settings


def of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The tasks that go to Ollama's model: by name, or as "task:priority" if only another priority sends them there."""
    tasks = []
    for task in TaskType:
        sent = [p for p in PRIORITIES if route_request(task, p) is Provider.OLLAMA]
        tasks += [str(task)] if "speed" in sent else [f"{task}:{priority}" for priority in sent]
    return {settings.ollama_model: tuple(tasks)}
