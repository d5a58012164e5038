"""Plans a pull: what is needed, what is present, and whether there is room, before the first byte."""

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

    `lacking` are the digests of the layers that the daemon lacks; `new` are those of them that no model before it in
    the plan brings. `size` and `download` are bytes, of the whole model and of what must still come of the new
    layers; None where nobody knows, and about right where the registry did not answer (`trouble`).
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
        """What it takes once loaded, in bytes."""
        return None if self.size is None else fit.wanted_memory(self.size)


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What will be done. `machine` is None where the daemon is on another, `store` where it is out of sight."""

    items: tuple[PlannedModel, ...]
    machine: Machine | None = None
    store: Path | None = None

    @property
    def wanted(self) -> tuple[PlannedModel, ...]:
        """The models that will be pulled."""
        return tuple(item for item in self.items if item.wanted)

    @property
    def download(self) -> int:
        """All bytes that must come, a shared layer once."""
        return sum(item.download or 0 for item in self.items)

    def lines(self) -> list[str]:
        """The plan in words, a line for each model and one for all."""
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
        wants = f"needs about {gigabytes(fit.wanted_memory(item.size))} of memory"
        place = f" ({self.machine.place(item.size)})" if self.machine else ""
        guess = f"; a guess, {item.trouble}" if item.trouble else ""
        return f"{_share(item.download, item.size)}, {wants}{place}{guess}"

    def as_json(self) -> dict[str, Any]:
        """The plan as --dry-run --json prints it: sizes in bytes, null where nobody knows."""
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
        """Why this should not be begun, one sentence each; empty when there is room, or nobody can tell."""
        if self.machine is None:
            return []
        said = fit.advice(self.machine, [(item.name, item.size) for item in self.wanted if item.size])
        free = self.machine.free
        if free is not None and self.download > free:
            needs = f"{gigabytes(self.download)} to download"
            said.insert(0, f"{needs}, but only {gigabytes(free)} free on the daemon's disk")
        return said


async def make(
    daemon: Daemon, names: Sequence[str], installed: Sequence[Model], *, update: bool, insecure: bool
) -> PullPlan:
    """Ask the registries and the daemon, and plan. `names` are resolved; what is present stays unless `update`."""
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
    """The plan from what was learnt: a model without a manifest is not pulled, a layer counts where it comes first.

    `held` are the layers that the daemon has, `partly` the bytes it has of others.
    """
    items, there = [], set(held)
    for name, model in present.items():
        manifest = manifests.get(name)
        if manifest is None:
            items.append(PlannedModel(name=name, present=model, wanted=False, size=model.size if model else None))
            continue
        new = tuple(layer for layer in manifest.layers if layer.digest not in there)
        lacking = frozenset(layer.digest for layer in manifest.layers if layer.digest not in held)
        there.update(layer.digest for layer in new)
        items.append(
            PlannedModel(
                name=name,
                present=model,
                lacking=lacking,
                new=new,
                size=manifest.size if manifest.layers else fit.expected_size(name),
                download=_to_come(new, partly or {}) if manifest.layers else _guess(name, model),
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


def _to_come(layers: Collection[Layer], partly: Mapping[str, int]) -> int:
    return sum(max(0, layer.size - partly.get(layer.digest, 0)) for layer in layers)


def _guess(name: str, model: Model | None) -> int | None:
    """What must come when the registry says nothing: all of it, or nobody knows what an update changes."""
    return None if model else fit.expected_size(name)
