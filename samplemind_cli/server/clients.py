"""The routes of the client formats beside OpenAI's chat: Responses, completions, Anthropic's, Gemini's, Ollama's."""

import time
from collections.abc import Callable, Iterator, Sequence

from samplemind_cli.ai import counting, daemon
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.model_names import options_for
from samplemind_cli.ai.types import Embeddings, Options, Provider, Request
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import Fields, document
from samplemind_cli.formats.gemini import catalog as gemini_catalog
from samplemind_cli.formats.gemini import embeddings as gemini_embeddings
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.headers import headed
from samplemind_cli.formats.ollama import catalog as ollama_catalog
from samplemind_cli.formats.ollama import embeddings as ollama_embeddings
from samplemind_cli.formats.ollama import generate
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.ollama.answers import done
from samplemind_cli.formats.ollama.catalog import Known
from samplemind_cli.formats.openai_chat import completions
from samplemind_cli.formats.openai_responses import compact
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.reading import packed
from samplemind_cli.formats.tokens import estimate
from samplemind_cli.formats.types import Server
from samplemind_cli.server import provenance
from samplemind_cli.server.chats import Chats
from samplemind_cli.server.interpreted import DROPPED
from samplemind_cli.server.message import ErrorShape, Handler, HttpError, Incoming, Outcome, Reply, Stream
from samplemind_cli.server.routes import Operation

ESTIMATED = {"x-samplemind-tokens": "estimated"}
COUNTED = {"x-samplemind-tokens": "counted"}
# Gemini's command line asks the first version, the Python package the second; the AI SDK leaves out `models/` before a
# name with a slash.
GEMINI_PLACES = tuple(f"/{version}/{place}" for version in ("v1beta", "v1") for place in ("models/{model}", "{model}"))
TEXT = "text/plain; charset=utf-8"
# Changing models is left to the daemon.
NOT_HERE = ("create", "copy", "push", "pull", "delete", "blobs/{digest}")

NOT_KEPT = "responses are not kept here, as with store: false: send the conversation's items again"
NO_BATCHES = "Message Batches are not offered here; POST /v1/batches takes OpenAI's batches, for every model"


class Clients:
    """Handlers of the other client formats."""

    def __init__(self, core: AICore, chats: Chats) -> None:
        self._core = core
        self._chats = chats

    def operations(self) -> tuple[Operation, ...]:
        """The routes."""
        return (*self._openai(), *self._anthropic(), *self._gemini(), *self._ollama())

    def _openai(self) -> Sequence[Operation]:
        return (
            Operation("POST", "/v1/responses", self._chats.handler(responses), responses.error),
            Operation("POST", "/v1/responses/input_tokens", self._input_tokens, responses.error),
            Operation(
                "POST",
                "/v1/responses/compact",
                self._chats.handler(compact, lambda _, fields: compact.triggered(fields)),
                responses.error,
            ),
            *_absent("/v1/responses/{response}", NOT_KEPT, responses.error),
            Operation("POST", "/v1/completions", self._chats.handler(completions), completions.error),
        )

    def _anthropic(self) -> Sequence[Operation]:
        chat = self._chats.handler(anthropic)
        return (
            Operation("POST", "/v1/messages", chat, anthropic.error),
            Operation("POST", "/v1/messages/count_tokens", self._count_tokens, anthropic.error),
            *_absent("/v1/messages/batches", NO_BATCHES, anthropic.error),
            *_absent("/v1/messages/batches/{batch}", NO_BATCHES, anthropic.error),
        )

    async def _input_tokens(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        request, model = responses.read(fields), fields.get("model", str) or "auto"
        tokens, headers = await self._counted(incoming, request, model, lambda: estimate(request))
        return Reply(packed({"object": "response.input_tokens", "input_tokens": tokens}), headers=headers)

    async def _count_tokens(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        request, model = anthropic.read(fields), fields.need("model", str)
        tokens, headers = await self._counted(incoming, request, model, lambda: anthropic.count_tokens(fields))
        return Reply(packed({"input_tokens": tokens}), headers=headers)

    async def _counted(
        self, incoming: Incoming, request: Request, model: str, estimated: Callable[[], int]
    ) -> tuple[int, dict[str, str]]:
        """The tokens as counted by the model's provider, or estimated, and headers that say which."""
        options = options_for(model, self._chats.options(incoming))
        routes = self._core.routes(request, options)
        route = next((route for route in routes if not route.skipped), routes[0])
        tokens = await counting.counted(self._core.settings, route, headed(request, incoming.headers))
        if tokens is None:
            return estimated(), ESTIMATED
        return tokens, provenance.headers(route.provider, route.endpoint.model, "miss") | COUNTED

    def _gemini(self) -> Sequence[Operation]:
        verbs: dict[str, Handler] = {
            "generateContent": self._chats.handler(gemini, _gemini_fields),
            "streamGenerateContent": self._chats.handler(gemini, _gemini_streamed),
            "countTokens": self._gemini_count,
            "embedContent": self._gemini_embed,
            "batchEmbedContents": self._gemini_embed_all,
        }
        return (
            *(
                Operation("POST", f"{place}:{verb}", handler, gemini.error)
                for place in GEMINI_PLACES
                for verb, handler in verbs.items()
            ),
        )

    async def _gemini_count(self, incoming: Incoming) -> Reply:
        request = gemini_catalog.counting(document(incoming.body))
        tokens, headers = await self._counted(incoming, request, incoming.params[0], lambda: estimate(request))
        return Reply(gemini_catalog.counted(tokens), headers=headers)

    async def _gemini_embed(self, incoming: Incoming) -> Reply:
        return await self._gemini_vectors(incoming, gemini_embeddings.one(document(incoming.body)), batch=False)

    async def _gemini_embed_all(self, incoming: Incoming) -> Reply:
        return await self._gemini_vectors(incoming, gemini_embeddings.several(document(incoming.body)), batch=True)

    async def _gemini_vectors(
        self, incoming: Incoming, request: gemini_embeddings.EmbedRequest, *, batch: bool
    ) -> Reply:
        options = options_for(incoming.params[0], self._chats.options(incoming))
        embeddings = await self._core.embed(request.texts, options, request.dimensions)
        reply = vectors(embeddings, gemini_embeddings.response(embeddings, batch=batch))
        if request.dropped:
            reply.headers[DROPPED] = ", ".join(request.dropped)
        return reply

    def _ollama(self) -> Sequence[Operation]:
        posts: dict[str, Handler] = {
            "chat": self._ollama_chat(ollama),
            "generate": self._ollama_chat(generate),
            "embed": self._ollama_embed,
            "embeddings": self._ollama_embed,
            "show": self._ollama_show,
        }
        gets: dict[str, Handler] = {"tags": self._ollama_tags, "ps": self._ollama_ps, "version": _ollama_version}
        pairs = [(method, name) for method in ("POST", "DELETE") for name in NOT_HERE]
        pairs.append(("GET", NOT_HERE[-1]))  # HEAD, that is
        refused = (Operation(method, f"/api/{name}", _not_here, ollama.error) for method, name in pairs)
        return (
            *(Operation("POST", f"/api/{name}", handler, ollama.error) for name, handler in posts.items()),
            *(Operation("GET", f"/api/{name}", handler, ollama.error) for name, handler in gets.items()),
            *refused,
            Operation("GET", "/", _alive, public=True),
        )

    def _ollama_chat(self, room: Server) -> Handler:
        chat = self._chats.handler(room)

        async def handle(incoming: Incoming) -> Reply | Stream:
            fields = document(incoming.body)
            if action := ollama.loads(fields):
                return await self._ollama_load(incoming, fields, action, generated=room is generate)
            return await chat(incoming)

        return handle

    async def _ollama_load(self, incoming: Incoming, fields: Fields, action: str, *, generated: bool) -> Reply:
        """Load a model into memory, or unload it (`action`), if it is one of the daemon's."""
        model = fields.need("model", str)
        route = self._core.routes(Request(messages=()), options_for(model, self._chats.options(incoming)))[0]
        if route.provider == Provider.OLLAMA:
            await daemon.load(route, fields.raw.get("keep_alive"), unload=action == "unload")
        return Reply(done(model, action, generate=generated))

    async def _ollama_embed(self, incoming: Incoming) -> Reply:
        began, fields = time.perf_counter_ns(), document(incoming.body)
        options = options_for(fields.need("model", str), self._chats.options(incoming))
        texts = ollama_embeddings.texts(fields)
        embeddings = await self._core.embed(texts, options, ollama_embeddings.dimensions(fields))
        if incoming.route == "/api/embeddings":
            return vectors(embeddings, ollama_embeddings.single_response(embeddings))
        return vectors(embeddings, ollama_embeddings.response(embeddings, fields, time.perf_counter_ns() - began))

    async def _ollama_tags(self, incoming: Incoming) -> Reply:
        return Reply(ollama_catalog.tags(Known(name=name) for name in await self._ollama_names(incoming)))

    async def _ollama_ps(self, _: Incoming) -> Reply:
        route = self._core.routes(Request(messages=()), Options(provider="ollama"))[0]
        return Reply(ollama_catalog.running(Known(name=name) for name in await daemon.loaded(route)))

    async def _ollama_show(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        name = fields.get("model", str) or fields.need("name", str)
        names = await self._ollama_names(incoming)
        own = name.removeprefix(f"{Provider.OLLAMA}/")
        known = next((one for one in (name, f"{name}:latest", own, f"{own}:latest") if one in names), None)
        if known is None:
            raise HttpError(404, f"model '{name[:200]}' not found", "model_not_found")
        return Reply(ollama_catalog.show(Known(name=known)))

    async def _ollama_names(self, incoming: Incoming) -> list[str]:
        """Ollama's own models by their names, the others as PROVIDER/MODEL."""
        own = f"{Provider.OLLAMA}/"
        return [name.removeprefix(own) for name in await self._chats.models(incoming)]


def _gemini_fields(incoming: Incoming, fields: Fields) -> Fields:
    """The body with the path's parameters."""
    return gemini.located(fields, incoming.params[0], "generateContent", "")


def _gemini_streamed(incoming: Incoming, fields: Fields) -> Fields:
    alt = "sse" if "alt=sse" in incoming.query.lower().split("&") else ""
    return gemini.located(fields, incoming.params[0], "streamGenerateContent", alt)


def vectors(embeddings: Embeddings, body: bytes) -> Reply:
    """The response with embeddings in a format's `body`, with their provenance."""
    provider, model, tier = embeddings.provider, embeddings.model, embeddings.cached or "miss"
    outcome = Outcome(provider, model, tier, input_tokens=0 if embeddings.cached else embeddings.tokens or 0)
    return Reply(body, headers=provenance.headers(provider, model, tier), outcome=outcome)


def _absent(path: str, why: str, error: ErrorShape) -> Iterator[Operation]:
    """What a format's clients may ask for and is not offered: a 404 that says so, since clients try a 501 again."""

    async def refuse(_: Incoming) -> Reply:
        raise HttpError(404, why, "not_found")

    yield from (Operation(method, path, refuse, error, media="") for method in ("GET", "POST", "DELETE"))


async def _not_here(incoming: Incoming) -> Reply:
    raise HttpError(
        501,
        f"{incoming.route} is handled only by the daemon: send it there, or: samplemind serve --manage",
        "not_implemented",
    )


async def _alive(_: Incoming) -> Reply:
    return Reply(ollama_catalog.ALIVE, kind=TEXT)


async def _ollama_version(_: Incoming) -> Reply:
    return Reply(ollama_catalog.version())
