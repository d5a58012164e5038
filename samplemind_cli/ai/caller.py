"""One provider asked once: its adapter, its rate limit and cooldown, its engine if it runs in this process."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from samplemind_cli.ai import embedded, http_client
from samplemind_cli.ai.http_client import Patience, UnavailableError
from samplemind_cli.ai.limits import Cooldowns, RateLimits
from samplemind_cli.ai.providers import anthropic, gemini, ollama, openai
from samplemind_cli.ai.providers import embedded as embedded_adapter
from samplemind_cli.ai.types import Adapter, Chunk, Endpoint, Fault, Provider, Request, Route
from samplemind_cli.errors import CutStreamError, ProviderError
from samplemind_cli.settings import Settings

ADAPTERS: dict[Provider, Adapter] = {
    Provider.OLLAMA: ollama,
    Provider.GEMINI: gemini,
    Provider.CLAUDE: anthropic,
    Provider.OPENAI: openai,
    Provider.EMBEDDED: embedded_adapter,
}
TAKES = {provider: adapter.TAKES for provider, adapter in ADAPTERS.items()}
LOCAL = (Provider.OLLAMA, Provider.EMBEDDED)
ATTEMPTS = 3


class Caller:
    """Makes the calls. See `AICore` for `notify` and `progress`."""

    def __init__(
        self, settings: Settings, notify: Callable[[str], None], progress: Callable[[int, int], None] | None
    ) -> None:
        self._settings = settings
        self._notify = notify
        self._progress = progress
        self._rates = RateLimits()
        self._cooldowns = Cooldowns()

    def patience(self, route: Route, deadline: float, *, last: bool) -> Patience:
        """How long to wait for a route. Where another one stands behind it, it is asked once."""
        s = self._settings
        read = s.local_read_timeout if route.provider in LOCAL else s.read_timeout
        return Patience(connect=s.connect_timeout, read=read, attempts=ATTEMPTS if last else 1, deadline=deadline)

    def check(self, route: Route) -> None:
        """Raise UnavailableError while the provider wants to be left alone."""
        if wait := self._cooldowns.left(route.provider):
            raise UnavailableError(f"asks to be left alone for another {wait:.0f} s", fault=Fault("rate", ""))

    async def chunks(self, route: Route, request: Request, patience: Patience) -> AsyncGenerator[Chunk, None]:
        """The chunks of one answer.

        Raises UnavailableError before the first of them, CutStreamError after it, ProviderError for a request that
        would be wrong anywhere.
        """
        adapter, endpoint = ADAPTERS[route.provider], route.endpoint
        if route.provider is Provider.EMBEDDED:
            endpoint = await self._engine(endpoint)
        async with self._rates.slot(route.provider, getattr(self._settings, f"{route.provider}_rpm", 0)):
            events = http_client.events(adapter.chat(request, endpoint), patience, adapter.fault)
        begun = False
        try:
            async with aclosing(events):
                async for event in events:
                    chunk = adapter.read(event)
                    if chunk.fault:
                        raise _broken_off(chunk.fault, route, begun=begun)
                    begun = begun or bool(chunk.text or chunk.thinking or chunk.tool_calls)
                    yield chunk
        except UnavailableError as error:
            if error.fault and error.fault.kind in ("rate", "overloaded"):
                self._cooldowns.start(route.provider, error.wait)
            if error.fault and error.fault.kind == "request":
                raise ProviderError(f"{route.provider}: {error.message}", "samplemind ask --help") from error
            raise

    async def _engine(self, endpoint: Endpoint) -> Endpoint:
        self._notify(f"{endpoint.model} answers: a small model. Better: samplemind up ollama, or a provider's key")
        try:
            return await embedded.start(self._settings, self._progress)
        except ProviderError as error:
            raise UnavailableError(error.message, error.hint) from error


def _broken_off(fault: Fault, route: Route, *, begun: bool) -> ProviderError:
    """An error inside a stream: before the first word the next provider may be asked, after it none."""
    if begun:
        return CutStreamError(f"{route.provider} broke off: {fault.message}", "ask again")
    return UnavailableError(fault.message, fault=fault)
