"""The API's routes, and how the core answers them."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import orjson

from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.model_names import TASKS, options_for
from samplemind_cli.ai.types import PRIORITIES, Message, Priority, Request, Task
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import BadRequestError, document
from samplemind_cli.formats.openai_chat import embeddings
from samplemind_cli.formats.openai_chat import server as openai_chat
from samplemind_cli.server import metrics, openapi, provenance
from samplemind_cli.server.batches import Batches
from samplemind_cli.server.chats import Chats
from samplemind_cli.server.clients import Clients, vectors
from samplemind_cli.server.failure import problem
from samplemind_cli.server.memory import Memory
from samplemind_cli.server.message import HttpError, Incoming, Reply, Stream
from samplemind_cli.server.model_lists import ModelLists
from samplemind_cli.server.readiness import Readiness
from samplemind_cli.server.routes import Operation

log = logging.getLogger(__name__)


class Service:
    """Answers requests through the core; `measured` is the text of the metrics.

    `content`: the outcome holds the answer's text; `keep`: the ledger does, too.
    """

    def __init__(
        self, core: AICore, measured: Callable[[], bytes], *, content: bool = False, keep: bool = False
    ) -> None:
        self._core = core
        self._measured = measured
        self._ready = Readiness(core)
        self._memory = Memory()
        self._chats = Chats(core, self._memory, content=content, keep=keep)
        self.paths = dict(openapi.DOCUMENT["paths"])  # what /openapi.json describes
        self.at_once = self._memory.find  # a response that is ready at once
        batches = Batches(core, self._chats, keep=keep)
        self.jobs = batches.jobs
        self.operations = (
            Operation("POST", "/v1/chat/completions", self._chats.handler(openai_chat), openai_chat.error),
            Operation("POST", "/v1/embeddings", self._embeddings),
            Operation("POST", "/v1/ask", self._ask),
            *ModelLists(self._chats).operations(),
            *Clients(core, self._chats).operations(),
            *batches.operations(),
            Operation("GET", "/metrics", self._metrics, owner=True),
            Operation("GET", "/openapi.json", self._openapi),
            Operation("GET", "/healthz", self._healthz, public=True),
            Operation("GET", "/readyz", self._readyz, public=True),
        )

    async def reply(self, incoming: Incoming) -> Reply | Stream:
        """The response to any request. An internal error is logged, and is a 500."""
        try:
            return await incoming.handler(incoming)
        except HttpError as error:
            return incoming.problem(error)
        except BadRequestError as error:
            return incoming.problem(HttpError(error.status, str(error), error.code, param=error.param))
        except SamplemindError as error:
            return incoming.problem(problem(error, incoming.format))
        except RecursionError:
            return incoming.problem(HttpError(400, "the body is nested too deeply", "invalid_value"))
        except Exception:
            log.exception("request %s", incoming.id)
            ours = f"an internal error; this server's log has {incoming.id}"
            return incoming.problem(HttpError(500, ours, "internal_error"))

    async def _ask(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        system = fields.get("system", str)
        messages = [Message("system", system)] if system else []
        options = replace(
            options_for(fields.get("model", str) or "auto", self._chats.options(incoming)),
            task=cast("Task", fields.one_of("task", TASKS, "factual")),
            priority=cast("Priority", fields.one_of("priority", PRIORITIES, "speed")),
        )
        request = Request(messages=(*messages, Message("user", fields.need("prompt", str))))
        answer, headers, outcome = await self._chats.whole(incoming, request, options)
        return Reply(provenance.whole(answer), headers=headers, outcome=outcome)

    async def _embeddings(self, incoming: Incoming) -> Reply:
        fields = document(incoming.body)
        texts, form = embeddings.texts(fields), fields.one_of("encoding_format", embeddings.FORMATS, "float")
        options = options_for(fields.need("model", str), self._chats.options(incoming))
        if not options.model:
            raise fields.wrong("model", "must name a model: vectors of different models cannot be compared")
        result = await self._core.embed(texts, options, fields.whole("dimensions"))
        return vectors(result, embeddings.response(result, form))

    async def _metrics(self, _: Incoming) -> Reply:
        return Reply(self._measured(), kind=metrics.KIND)

    async def _openapi(self, _: Incoming) -> Reply:
        return Reply(orjson.dumps({**openapi.DOCUMENT, "paths": self.paths}))

    async def _healthz(self, _: Incoming) -> Reply:
        return Reply(b'{"status":"ok"}')

    async def _readyz(self, incoming: Incoming) -> Reply:
        state = await self._ready.look()
        shown = state if incoming.trusted else {"status": state["status"]}
        return Reply(orjson.dumps(shown), 200 if state["status"] == "ready" else 503)
