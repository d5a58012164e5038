"""Answers one line of a batch: a result or a failure in the format of OpenAI's Batch API."""

import os
from dataclasses import dataclass
from typing import Any

import orjson

from samplemind_cli.ai import costs, problems
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.model_names import options_for
from samplemind_cli.ai.types import Options, Request
from samplemind_cli.batch.lines import BatchLine
from samplemind_cli.errors import BudgetError, SamplemindError, UsageError
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.openai_chat import answers, completions, embeddings, server
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Problem, Server
from samplemind_cli.ledger.prices import Tokens
from samplemind_cli.settings import Settings

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
ROOMS: dict[str, Server] = {CHAT: server, "/v1/responses": responses, "/v1/completions": completions}
ENDPOINTS = (*ROOMS, EMBEDDINGS)  # those of OpenAI's Batch API that answer in text
NONE = Tokens()


@dataclass(frozen=True, slots=True)
class LineResult:
    """A line of answers without its line end, and what it cost. `cached`: nothing."""

    line: bytes
    failed: bool = False
    cached: bool = False
    provider: str = ""
    model: str = ""
    tokens: Tokens = NONE


class Asker:
    """Answers lines with one core. `model`, if given, replaces the models that the lines name."""

    def __init__(self, core: AICore, options: Options, model: str = "") -> None:
        self._core = core
        self._options = options
        self._model = model

    async def answer(self, line: BatchLine) -> LineResult:
        """The line's result, also of a failure. Raises BudgetError, as the next lines would fail too."""
        number = os.urandom(12).hex()
        try:
            if line.wrong:
                raise line.wrong
            return await self._answer(line, number)
        except BadRequestError as error:
            return _failure(line, number, Problem(error.status, str(error), error.code, error.param))
        except BudgetError:
            raise
        except SamplemindError as error:
            return _failure(line, number, problems.problem(error))
        except RecursionError:
            return _failure(line, number, Problem(400, "the body is nested too deeply", "invalid_value"))

    async def _answer(self, line: BatchLine, number: str) -> LineResult:
        url, body = _url_and_body(line.fields)
        options = options_for(self._model or body.get("model", str) or "auto", self._options)
        if url == EMBEDDINGS:
            return await self._embed(line, number, body, options)
        room = ROOMS[url]
        answer = await self._core.ask(room.read(body), options)
        return LineResult(
            _encode(line, number, 200, orjson.Fragment(room.whole(answer, number, body))),
            cached=bool(answer.cached),
            provider=answer.provider,
            model=answer.model,
            tokens=costs.tokens(answer.usage),
        )

    async def _embed(self, line: BatchLine, number: str, body: Fields, options: Options) -> LineResult:
        texts, form = embeddings.texts(body), body.one_of("encoding_format", embeddings.FORMATS, "float")
        if not options.model:
            raise body.wrong("model", "must name a model: vectors of different models cannot be compared")
        vectors = await self._core.embed(texts, options, body.whole("dimensions"))
        return LineResult(
            _encode(line, number, 200, orjson.Fragment(embeddings.response(vectors, form))),
            cached=bool(vectors.cached),
            provider=vectors.provider,
            model=vectors.model,
            tokens=Tokens(vectors.tokens or 0),
        )


def check(settings: Settings, options: Options, model: str | None) -> None:
    """Raise UsageError for an unknown model, once before the batch instead of in every line."""
    try:
        AICore(settings).routes(Request(messages=()), options_for(model or "auto", options))
    except BadRequestError as error:
        raise UsageError(f"--model: {error}", "samplemind models") from error


def _url_and_body(fields: Fields) -> tuple[str, Fields]:
    """A line's endpoint and body; a prompt becomes the body of a chat."""
    if "body" not in fields.raw and "prompt" in fields.raw:
        prompt, system = fields.need("prompt", str), fields.get("system", str)
        if not prompt.strip():
            raise fields.wrong("prompt", "is empty")
        messages = [{"role": "system", "content": system}] if system else []
        rest = {name: value for name, value in fields.raw.items() if name not in ("prompt", "system", "custom_id")}
        return CHAT, Fields({**rest, "messages": [*messages, {"role": "user", "content": prompt}]})
    if fields.raw.get("body") is None:
        raise fields.wrong("body", 'is required, or a "prompt"')
    fields.one_of("method", ("POST",), "POST")
    url = fields.one_of("url", ENDPOINTS, CHAT)
    return url, Fields(fields.need("body", dict))


def _failure(line: BatchLine, number: str, problem: Problem) -> LineResult:
    body = answers.error(problem)
    code = problem.code or answers.error_type(problem.status)
    error = {"code": code, "message": problem.message, "param": problem.param, "line": line.number}
    return LineResult(_encode(line, number, problem.status, body, error), failed=True)


def _encode(line: BatchLine, number: str, status: int, body: Any, error: dict[str, Any] | None = None) -> bytes:
    response = {"status_code": status, "request_id": f"req_{number}", "body": body}
    return orjson.dumps({"id": line.id, "custom_id": line.custom_id, "response": response, "error": error})
