"""The rows of `samplemind models`: installed, loaded, in the project's set, used by which task; no I/O."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from samplemind_cli.ai.router import PRIORITIES, Provider, TaskType, route_request
from samplemind_cli.models.daemon import Loaded, Model
from samplemind_cli.models.names import resolve, same
from samplemind_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model. `installed` is None if it is missing; `wanted`: the project's set names it."""

    name: str
    installed: Model | None
    loaded: Loaded | None
    wanted: bool
    tasks: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The documented shape: sizes in bytes, times in ISO 8601, null if unknown."""
        model, loaded = self.installed, self.loaded
        return {
            "name": self.name,
            "installed": model is not None,
            "size": model.size if model else None,
            "parameters": model.parameters if model else None,
            "quantization": model.quantization if model else None,
            "family": model.family if model else None,
            "modified": model.modified.isoformat() if model and model.modified else None,
            "digest": model.digest if model else None,
            "loaded": loaded
            and {
                "size": loaded.size,
                "size_vram": loaded.size_vram,
                "until": loaded.until.isoformat() if loaded.until else None,
                "context_length": loaded.context_length,
            },
            "wanted": self.wanted,
            "tasks": list(self.tasks),
        }


def rows(
    models: Sequence[Model], running: Mapping[str, Loaded], wanted: Iterable[str], tasks: Mapping[str, tuple[str, ...]]
) -> list[ListedModel]:
    """The installed models by name, then the missing ones: those in the set (`wanted`), and those that tasks use."""
    chosen = [resolve(name) for name in wanted]
    routed = {resolve(name): names for name, names in tasks.items()}
    installed = [model.name for model in models]
    missing = list(dict.fromkeys(n for n in (*chosen, *routed) if not any(same(n, have) for have in installed)))
    return [
        ListedModel(
            name=name,
            installed=next((model for model in models if model.name == name), None),
            loaded=running.get(name),
            wanted=any(same(name, choice) for choice in chosen),
            tasks=next((names for route, names in routed.items() if same(name, route)), ()),
        )
        for name in (*installed, *missing)
    ]


def tasks_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The tasks that go to Ollama's model: by name, or as "task:priority" if only another priority sends them there."""
    tasks = []
    for task in TaskType:
        sent = [p for p in PRIORITIES if route_request(task, p) is Provider.OLLAMA]
        tasks += [str(task)] if "speed" in sent else [f"{task}:{priority}" for priority in sent]
    return {settings.ollama_model: tuple(tasks)}
