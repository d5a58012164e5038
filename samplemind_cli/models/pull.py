"""Pulls models, a few at a time; each is resumed until it is complete or has finally failed."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import uniform
from time import monotonic
from typing import Any, Literal

from samplemind_cli.models import daemon_errors, fit, wire
from samplemind_cli.models.daemon import Daemon, PullEvent
from samplemind_cli.models.daemon_errors import OllamaError
from samplemind_cli.models.pull_plan import PlannedModel, PullPlan

Phase = Literal["waiting", "pulling", "verifying", "trying again", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullTimeouts:
    """In seconds: how long a download may receive nothing, and the first and the longest wait between two tries."""

    stall: float = 60.0  # the daemon itself retries after 30 (server/download.go), but not before the first byte
    first: float = 1.0
    longest: float = 16.0

    def wait(self, failed: int) -> float:
        """The pause after this many failures in a row; jittered, so that parallel pulls do not retry in step."""
        return min(self.longest, self.first * 2.0 ** (failed - 1)) * uniform(0.75, 1.25)  # noqa: S311 - no secret


@dataclass(slots=True)
class Download:
    """The progress of one model's download."""

    item: PlannedModel
    phase: Phase = "waiting"
    trouble: str = ""
    have: dict[str, PullEvent] = field(default_factory=dict)  # the last event of each layer
    # Layers that the daemon already had, and so did not verify, in this attempt.
    taken: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Start a try."""
        self.phase = "pulling"
        self.taken = set()
        self.have = {digest: PullEvent("") for digest in self.have}

    def take(self, step: PullEvent) -> bool:
        """Apply one event; returns whether it is progress."""
        if not step.digest:
            self.phase = "pulling" if step.status.startswith("pulling") else "verifying"
            return True
        before = self.have.get(step.digest)
        if (before is None or not before.digest) and step.completed == step.total:
            self.taken.add(step.digest)
        self.have[step.digest] = step
        return before is None or before.completed != step.completed

    @property
    def total(self) -> int | None:
        """Bytes to download, without the layers that were present at first; None: unknown."""
        if self.item.new or not self.item.trouble:
            return sum(layer.size for layer in self.item.new)
        return sum(step.total for step in self.have.values()) or None

    @property
    def done(self) -> int:
        """The downloaded bytes."""
        if self.phase == "done":
            return self.total or 0
        new = {layer.digest for layer in self.item.new}
        return sum(step.completed for digest, step in self.have.items() if digest in new or self.item.trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """The result for one model. `bytes` are the downloaded ones; `digest` is its manifest's."""

    name: str
    status: Literal["pulled", "updated", "present", "failed"]
    bytes: int = 0
    seconds: float = 0.0
    digest: str = ""
    error: OllamaError | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented shape; `error` is null unless it failed."""
        return {
            "name": self.name,
            "status": self.status,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "digest": self.digest,
            "error": self.error and {"message": self.error.message, "hint": self.error.hint},
        }


def present(item: PlannedModel) -> PullResult:
    """The result for a model that was not pulled."""
    return PullResult(name=item.name, status="present", digest=item.present.digest if item.present else "")


class Puller:
    """Pulls models by one daemon, `jobs` at a time; `watch` is called at every event."""

    def __init__(
        self,
        daemon: Daemon,
        watch: Callable[[Download], None],
        *,
        jobs: int = 2,
        insecure: bool = False,
        patience: PullTimeouts | None = None,
    ) -> None:
        self._daemon = daemon
        self._watch = watch
        self._insecure = insecure
        self._store: Path | None = None
        self._patience = patience or PullTimeouts()
        self._slots = asyncio.Semaphore(jobs)

    async def run(self, plan: PullPlan) -> list[PullResult]:
        """Pull the plan's models; one failure does not stop the others. Cancelling keeps what was downloaded.

        The results are in the plan's order, including models that are not pulled.
        """
        self._store = plan.store
        async with asyncio.TaskGroup() as group:  # each is shown as waiting before the first one starts
            pulls = {item.name: group.create_task(self._one(item)) for item in plan.wanted}
        results = {item.name: pulls[item.name].result() if item.wanted else present(item) for item in plan.items}
        digests = {}
        with suppress(OllamaError):  # if the daemon stops after the last pull, the results stand
            if any(result.error for result in results.values()):
                results |= {item.name: await self._standing(item, results[item.name]) for item in plan.wanted}
            digests = {model.name.lower(): model.digest for model in await self._daemon.models()}
        return [_finished(results[item.name], item, digests) for item in plan.items]

    async def _one(self, item: PlannedModel) -> PullResult:
        download = Download(item)
        self._watch(download)
        async with self._slots:
            began = monotonic()
            try:
                await self._whole(download)
            except OllamaError as error:
                download.phase, download.trouble = "failed", error.message
                self._watch(download)
                return PullResult(name=item.name, status="failed", seconds=monotonic() - began, error=error)
        download.phase = "done"
        self._watch(download)
        return PullResult(name=item.name, status="pulled", bytes=_received(download), seconds=monotonic() - began)

    async def _whole(self, download: Download) -> None:
        """Retry until the model is complete; raises OllamaError when it gives up."""
        import tenacity

        failed = most = 0  # failures in a row, and the most bytes received in a try

        async def attempt() -> None:
            nonlocal failed, most
            try:
                await self._try(download)
                await self._verify(download)
            except OllamaError as error:
                received = sum(step.completed for step in download.have.values())
                failed = 1 if error.resumes and received > most else failed + 1
                most = max(most, received)
                download.trouble = error.message
                raise

        def pause(_: tenacity.RetryCallState) -> None:
            download.phase = "trying again"
            self._watch(download)

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, OllamaError) and failed < error.tries),
            wait=lambda _: self._patience.wait(failed),
            before_sleep=pause,
            reraise=True,
        )
        await retrying(attempt)

    async def _try(self, download: Download) -> None:
        name, stall = download.item.name, self._patience.stall
        download.begin()
        self._watch(download)
        try:
            async with (
                asyncio.timeout(stall) as limit,
                aclosing(self._daemon.pull(name, insecure=self._insecure)) as steps,
            ):
                async for step in steps:
                    if len(download.have) > wire.MOST:
                        raise daemon_errors.endless(name, wire.MOST)
                    if download.take(step):  # the daemon sends nothing while it verifies, for minutes
                        now = asyncio.get_running_loop().time()
                        limit.reschedule(None if download.phase == "verifying" else now + stall)
                    self._watch(download)
                    if step.status == "success":
                        return
        except TimeoutError as error:
            raise daemon_errors.stalled(name, stall) from error
        raise daemon_errors.from_message("EOF", name)

    async def _verify(self, download: Download) -> None:
        """Verify the layers that the daemon assumed present: an interrupted attempt may have left them unverified."""
        item = download.item
        unverified = download.taken & item.lacking if item.present else download.taken
        if not unverified:
            return
        store = self._store or fit.find_store(await self._daemon.modelfile(item.name))
        if store and not await asyncio.to_thread(all, (_is_whole(store, digest) for digest in unverified)):
            await self._daemon.remove(item.name)
            raise daemon_errors.spoiled(item.name)

    async def _standing(self, item: PlannedModel, result: PullResult) -> PullResult:
        """The result, or an error if the daemon has dropped a shared layer because of another model's failure."""
        if result.error or item.lacking <= await self._daemon.held(item.lacking):
            return result
        await self._daemon.remove(item.name)
        return replace(result, status="failed", bytes=0, error=daemon_errors.spoiled(item.name))


def _is_whole(store: Path, digest: str) -> bool:
    """Whether a blob matches its digest; True for one that cannot be read here."""
    try:
        with (store / "blobs" / digest.replace(":", "-")).open("rb") as blob:
            return hashlib.file_digest(blob, "sha256").hexdigest() == digest.partition(":")[2]
    except OSError:
        return True


def _received(download: Download) -> int:
    """The received bytes: as planned, or as the daemon reported if the registry did not answer."""
    planned = download.item.download
    return download.done if planned is None or download.item.trouble else planned


def _finished(result: PullResult, item: PlannedModel, digests: dict[str, str]) -> PullResult:
    """The result with the model's new digest, and whether that has changed."""
    digest = digests.get(item.name.lower(), "")
    if not item.wanted:
        return result
    if result.error or item.present is None:
        return replace(result, digest=digest)
    return replace(result, digest=digest, status="present" if digest == item.present.digest else "updated")
