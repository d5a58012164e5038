"""The client of the Ollama daemon: list, show, load, unload, remove, pull. The only importer of `ollama`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from samplemind_cli.ai.http_client import close_http_client
from samplemind_cli.ai.router import Provider, get_provider_url, is_loopback
from samplemind_cli.models import daemon_errors, wire
from samplemind_cli.settings import Settings, variable

if TYPE_CHECKING:
    import ollama

T = TypeVar("T")
LARGEST = 64_000_000  # bytes of a response; `show` of a large model returns a few MB
OLDEST = (0, 5)  # the first version with the /api/ps and streamed errors that this module reads


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory: its bytes, those on the GPU, and when the daemon unloads it (None: never)."""

    size: int
    size_vram: int
    until: datetime | None
    context_length: int | None


@dataclass(frozen=True, slots=True)
class Model:
    """An installed model: its manifest's digest, without `sha256:`, and its size in bytes."""

    name: str
    digest: str
    size: int
    modified: datetime | None
    parameters: str
    quantization: str
    family: str


@dataclass(frozen=True, slots=True)
class PullEvent:
    """One event of a pull: what the daemon does, and how many bytes of `total` it has of the blob `digest`."""

    status: str
    digest: str = ""
    completed: int = 0
    total: int = 0


def address(settings: Settings) -> str:
    """The daemon's base URL, to which the router sends Ollama's prompts."""
    return get_provider_url(Provider.OLLAMA, settings)


def ask(settings: Settings, call: Callable[["Daemon"], Awaitable[T]]) -> T:
    """The result of `call` with a daemon that is opened for it. Raises OllamaError."""

    async def run() -> T:
        async with Daemon(address(settings), settings) as daemon:
            return await call(daemon)

    return asyncio.run(run())


class Daemon:
    """A connection to one Ollama daemon, open within `async with`. Every failure is an OllamaError."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self._connect = settings.connect_timeout
        self._read = settings.read_timeout
        self._load = settings.local_read_timeout
        self._client: ollama.AsyncClient

    async def __aenter__(self) -> Self:
        from samplemind_cli.ai.httpx_client import bounded, surroundings

        with surroundings(), variable("OLLAMA_HOST", self.url):  # on import it parses the variable, more strictly
            import ollama

        local = is_loopback(self.url)  # then it needs no proxy, and no certificates, which take time to load
        patience = (self._connect, None, 10.0, 5.0)  # each call has its own read timeout
        with surroundings(proxied=not local):
            self._client = ollama.AsyncClient(
                self.url,
                timeout=patience,
                trust_env=not local,
                verify=not local,
                event_hooks={"response": [bounded(LARGEST, "/api/pull")]},
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]  # ollama annotates all but this
        await close_http_client()

    async def version(self) -> str:
        """The daemon's version; raises OllamaError if nothing answers, or something else, or it is too old."""
        with daemon_errors.translated(self.url, seconds=wire.SECONDS):
            version = await wire.version(self.url)
        if not isinstance(version, str):
            raise daemon_errors.not_ollama(self.url)
        if daemon_errors.older(version, OLDEST):
            raise daemon_errors.too_old(self.url, version, OLDEST)
        return version

    async def models(self) -> list[Model]:
        """The installed models, by name."""
        async with self._timed(self._read):
            listed = (await self._client.list()).models
        return sorted((_model(entry) for entry in listed), key=lambda model: model.name)

    async def installed(self) -> list[Model]:
        """The same, after a check of the daemon's version."""
        await self.version()
        return await self.models()

    async def running(self) -> dict[str, Loaded]:
        """The models in memory, by name."""
        async with self._timed(self._read):
            listed = (await self._client.ps()).models
        return {str(entry.model): _loaded(entry) for entry in listed}

    async def show(self, name: str) -> dict[str, Any]:
        """The daemon's description of a model: details, model_info, parameters, template, capabilities, license."""
        async with self._timed(self._read, name):
            return (await self._client.show(name)).model_dump(mode="json", by_alias=True)

    async def held(self, digests: Iterable[str]) -> set[str]:
        """The layers that the daemon has completely."""
        with daemon_errors.translated(self.url, seconds=wire.SECONDS):
            return await wire.held(self.url, digests)

    async def modelfile(self, name: str) -> str:
        """A model's Modelfile, which has the paths of its blobs; empty for a model that cannot be shown."""
        with suppress(daemon_errors.OllamaError):
            return (await self.show(name)).get("modelfile") or ""
        return ""

    async def remove(self, name: str) -> None:
        """Remove a model, and its layers that no other model uses."""
        async with self._timed(self._read, name):
            await self._client.delete(name)

    async def warm(self, name: str, keep_alive: float | str | None = None) -> None:
        """Load a model; `keep_alive` is in seconds or in Ollama's notation ("30m"); negative: for ever."""
        async with self._timed(self._load, name):
            try:
                await self._client.generate(name, keep_alive=keep_alive)  # an empty prompt only loads
            except Exception as error:
                if "does not support generate" not in str(error):
                    raise
                await self._client.embed(name, "warm", keep_alive=keep_alive)  # an embedding model

    async def stop(self, name: str) -> None:
        """Unload a model, if it is loaded."""
        async with self._timed(self._read, name):
            await self._client.generate(name, keep_alive=0)

    async def pull(self, name: str, *, insecure: bool) -> AsyncGenerator[PullEvent, None]:
        """The events of a pull; leaving the iteration stops the download, and the daemon keeps what was downloaded.

        The last event's status is "success". There is no timeout, as the daemon sends nothing while it verifies.
        """
        async with self._timed(None, name):
            async for part in await self._client.pull(name, insecure=insecure, stream=True):
                digest = part.digest if part.digest and wire.is_digest(part.digest) else ""
                yield PullEvent(part.status or "", digest, wire.size(part.completed), wire.size(part.total))

    @asynccontextmanager
    async def _timed(self, seconds: float | None, name: str = "") -> AsyncIterator[None]:
        with daemon_errors.translated(self.url, name, seconds or 0):
            async with asyncio.timeout(seconds):
                yield


def _model(entry: "ollama.ListResponse.Model") -> Model:
    details = entry.details
    return Model(
        name=str(entry.model),
        digest=entry.digest or "",
        size=wire.size(entry.size),
        modified=entry.modified_at,
        parameters=(details and details.parameter_size) or "",
        quantization=(details and details.quantization_level) or "",
        family=(details and details.family) or "",
    )


def _loaded(entry: "ollama.ProcessResponse.Model") -> Loaded:
    until = entry.expires_at
    endless = until is not None and until.astimezone(UTC).year > datetime.now(UTC).year + 50
    return Loaded(wire.size(entry.size), wire.size(entry.size_vram), None if endless else until, entry.context_length)
