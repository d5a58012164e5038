"""Plans a pull before the first byte: what is missing, what is present, and whether there is room."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samplemind_cli.ai.router import is_loopback
from samplemind_cli.models import daemon_errors, fit, wire
from samplemind_cli.models.daemon import Daemon, Model
from samplemind_cli.models.fit import Machine, gigabytes
from samplemind_cli.models.names import same
from samplemind_cli.models.wire import Layer, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedModel:
    """One model of the plan.

    `lacking` are the digests of the layers that the daemon lacks; `new` are those of them that no earlier model of the
    plan has. `size` and `download` are bytes, of the whole model and of the rest of the new layers; None if unknown,
    and approximate if the registry did not answer (`trouble`).
    """

    name: str
    present: Model | None = None
    wanted: bool = True  # by this run: absent, or present and to be updated
    lacking: frozenset[str] = frozenset()
    new: tuple[Layer, ...] = ()
    size: int | None = None
    download: int | None = None
    trouble: str = ""
    unknown: bool = False

    @property
    def memory(self) -> int | None:
        """The bytes that it takes once loaded; None if unknown."""
        return None if self.size is None else fit.needed_memory(self.size)


@dataclass(frozen=True, slots=True)
class PullPlan:
    """The models. `machine` is None if the daemon is on another one, `store` if its folder was not found."""

    items: tuple[PlannedModel, ...]
    machine: Machine | None = None
    store: Path | None = None

    @property
    def wanted(self) -> tuple[PlannedModel, ...]:
        """The models that will be pulled."""
        return tuple(item for item in self.items if item.wanted)

    @property
    def download(self) -> int:
        """All bytes to download; a shared layer counts once."""
        return sum(item.download or 0 for item in self.items)

    def lines(self) -> list[str]:
        """The plan as text, a line for each model and one for all."""
        lines = [f"{item.name}: {self._line(item)}" for item in self.items]
        if len(self.wanted) > 1:
            known = "at least " if any(item.download is None for item in self.wanted) else ""
            lines.append(f"total: {known}{gigabytes(self.download)} to download{self._room()}")
        elif self._room():
            lines.append(self._room().removeprefix(", "))
        return lines

    def _room(self) -> str:
        if self.machine is None or self.machine.free is None:
            return ""
        return f", {gigabytes(self.machine.free)} free on the daemon's disk"

    def _line(self, item: PlannedModel) -> str:
        if not item.wanted:
            return f"present, {gigabytes(item.size or 0)}"
        if item.unknown:
            return f"not in the registry; {daemon_errors.unknown(item.name).hint}"
        if item.size is None:
            return f"size unknown ({item.trouble})"
        needs = f"needs about {gigabytes(fit.needed_memory(item.size))} of memory"
        place = f" ({self.machine.place(item.size)})" if self.machine else ""
        guess = f"; a guess, {item.trouble}" if item.trouble else ""
        return f"{_share(item.download, item.size)}, {needs}{place}{guess}"

    def as_json(self) -> dict[str, Any]:
        """The plan as --dry-run --json prints it: sizes in bytes, null if unknown."""
        return {
            "models": [
                {
                    "name": item.name,
                    "status": "present" if not item.wanted else "update" if item.present else "missing",
                    "size": item.size,
                    "bytes": item.download if item.wanted else 0,
                    "memory": item.memory,
                    "trouble": item.trouble,
                }
                for item in self.items
            ],
            "bytes": self.download,
            "free": self.machine and self.machine.free,
            "shortages": self.shortages(),
        }

    def shortages(self) -> list[str]:
        """What does not fit, one sentence each; empty if there is room, or if that is unknown."""
        if self.machine is None:
            return []
        sentences = fit.advice(self.machine, [(item.name, item.size) for item in self.wanted if item.size])
        free = self.machine.free
        if free is not None and self.download > free:
            needs = f"{gigabytes(self.download)} to download"
            sentences.insert(0, f"{needs}, but only {gigabytes(free)} free on the daemon's disk")
        return sentences


async def make(
    daemon: Daemon, names: Sequence[str], installed: Sequence[Model], *, update: bool, insecure: bool
) -> PullPlan:
    """The plan, from the registries and the daemon. `names` are resolved; present models are pulled only to `update`.

    Raises OllamaError if the daemon does not answer.
    """
    present = {name: next((model for model in installed if same(model.name, name)), None) for name in names}
    pulled = [name for name in names if update or present[name] is None]
    if not pulled:
        return arrange(present, {})
    local = is_loopback(daemon.url)
    store = fit.find_store(await daemon.modelfile(installed[0].name) if installed else "") if local else None
    fetched = await asyncio.gather(*(wire.manifest(name, insecure=insecure) for name in pulled))
    digests = {layer.digest for manifest in fetched for layer in manifest.layers}
    manifests = dict(zip(pulled, fetched, strict=True))
    plan = arrange(present, manifests, await daemon.held(digests), fit.partly(store, digests))
    return replace(plan, store=store, machine=await asyncio.to_thread(fit.this_machine, store) if local else None)


def arrange(
    present: Mapping[str, Model | None],
    manifests: Mapping[str, Manifest],
    held: Collection[str] = (),
    partly: Mapping[str, int] | None = None,
) -> PullPlan:
    """The plan from what is known: a model without a manifest is not pulled; a shared layer counts for the first model.

    `held` are the layers that the daemon has, `partly` the bytes that it has of others.
    """
    items, known = [], set(held)
    for name, model in present.items():
        manifest = manifests.get(name)
        if manifest is None:
            items.append(PlannedModel(name=name, present=model, wanted=False, size=model.size if model else None))
            continue
        new = tuple(layer for layer in manifest.layers if layer.digest not in known)
        lacking = frozenset(layer.digest for layer in manifest.layers if layer.digest not in held)
        known.update(layer.digest for layer in new)
        items.append(
            PlannedModel(
                name=name,
                present=model,
                lacking=lacking,
                new=new,
                size=manifest.size if manifest.layers else fit.expected_size(name),
                download=_rest(new, partly or {}) if manifest.layers else _guess(name, model),
                trouble=manifest.trouble,
                unknown=manifest.unknown,
            )
        )
    return PullPlan(tuple(items))


def _share(download: int | None, size: int) -> str:
    """The share to download, as text."""
    if download is None:
        return f"{gigabytes(size)}; what changed is unknown"
    if download == 0:
        return f"{gigabytes(size)}, all of it present"
    return f"{gigabytes(download)}{'' if download == size else f' of {gigabytes(size)}'} to download"


def _rest(layers: Collection[Layer], partly: Mapping[str, int]) -> int:
    return sum(max(0, layer.size - partly.get(layer.digest, 0)) for layer in layers)


def _guess(name: str, model: Model | None) -> int | None:
    """The download if the registry does not answer: the expected size; unknown for an update."""
    return None if model else fit.expected_size(name)
