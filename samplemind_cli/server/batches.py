"""The routes of OpenAI's files and batches."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson

from samplemind_cli.ai.core import AICore
from samplemind_cli.batch.answering import ENDPOINTS
from samplemind_cli.formats.fields import BadRequestError, Fields, document
from samplemind_cli.formats.headers import of_anthropics_client
from samplemind_cli.server import upload
from samplemind_cli.server.batch_jobs import Jobs
from samplemind_cli.server.chats import Chats
from samplemind_cli.server.keeping import DAY, UNFINISHED, Keeping, Record, owner
from samplemind_cli.server.message import Handler, HttpError, Incoming, Outcome, Reply, Stream
from samplemind_cli.server.routes import Operation

PIECE = 64 * 1024
JSON_LINES = "application/jsonl"
LEAST, MOST = 3600, 30 * DAY  # seconds for which a client may store a file
QUEUE = 50  # batches of one owner that are not finished
MOST_LISTED = 100
NO_FILES = "Anthropic's Files API is not offered here: send the file inside the message, as base64"
_HIDDEN = ("owner", "window_ends_at", "origin", "models", "limits")


class Batches:
    """Handlers; only its owner sees a file or batch. `keep`: prompts and answers go into the ledger."""

    def __init__(self, core: AICore, chats: Chats, *, keep: bool = False) -> None:
        self._chats = chats
        self._kept = Keeping(core.settings)
        self.jobs = Jobs(core, self._kept, keep=keep)

    def operations(self) -> tuple[Operation, ...]:
        """The routes."""
        return (
            Operation("POST", "/v1/files", _openais(self._upload), media=upload.KIND),
            Operation("GET", "/v1/files", _openais(self._files)),
            Operation("GET", "/v1/files/{file}", _openais(self._file)),
            Operation("DELETE", "/v1/files/{file}", _openais(self._delete)),
            Operation("GET", "/v1/files/{file}/content", _openais(self._content)),
            Operation("POST", "/v1/batches", self._create),
            Operation("GET", "/v1/batches", self._batches),
            Operation("GET", "/v1/batches/{batch}", self._batch),
            Operation("POST", "/v1/batches/{batch}/cancel", self._cancel),
        )

    async def _upload(self, incoming: Incoming) -> Reply:
        form = upload.read(incoming.body, incoming.headers.get("content-type", ""))
        if form.data is None:
            raise BadRequestError("file is required", "missing_field", "file")
        if form.fields.get("purpose") != "batch":
            raise BadRequestError("purpose must be batch", param="purpose")
        record: Record = {
            "object": "file",
            "bytes": len(form.data),
            "filename": form.name[:200],
            "purpose": "batch",
            "status": "processed",
        }
        if seconds := form.fields.get("expires_after[seconds]"):
            record["expires_at"] = int(time.time()) + _seconds(seconds)
        return _reply(await asyncio.to_thread(self._kept.add, "files", owner(incoming), record, form.data))

    async def _files(self, incoming: Incoming) -> Reply:
        return _list(self._kept.all("files", owner(incoming)), incoming.query)

    async def _file(self, incoming: Incoming) -> Reply:
        return _reply(self._kept.get("files", incoming.params[0], owner(incoming)))

    async def _delete(self, incoming: Incoming) -> Reply:
        number = self._kept.get("files", incoming.params[0], owner(incoming))["id"]
        self._kept.remove("files", number)
        return Reply(orjson.dumps({"id": number, "object": "file", "deleted": True}))

    async def _content(self, incoming: Incoming) -> Stream:
        number = self._kept.get("files", incoming.params[0], owner(incoming))["id"]
        return Stream(_pieces(self._kept.data(number)), {}, Outcome(), JSON_LINES)

    async def _create(self, incoming: Incoming) -> Reply:
        fields, whose = document(incoming.body), owner(incoming)
        source = self._kept.get("files", fields.need("input_file_id", str), whose)
        endpoint = fields.one_of("endpoint", ENDPOINTS, "")
        if not endpoint:
            raise fields.wrong("endpoint", "is required", "missing_field")
        fields.one_of("completion_window", ("24h",), "24h")
        waiting = [batch for batch in self._kept.all("batches", whose) if batch["status"] in UNFINISHED]
        if len(waiting) >= QUEUE:
            raise HttpError(429, f"{QUEUE} batches are not finished yet", "rate_limit_exceeded", wait=60)
        options = self._chats.options(incoming)
        origin = {name: getattr(options.origin, name) for name in ("client", "session", "agent")}
        key = incoming.key
        limits = {"name": key.name, "digest": key.digest, "rpm": key.rpm, "tpm": key.tpm} if key else {}
        hidden = {"origin": origin, "models": list(options.models), "limits": limits}
        batch = self._kept.add("batches", whose, {**_new(source["id"], endpoint, fields), **hidden})
        self.jobs.start(batch["id"])
        return _reply(batch)

    async def _batches(self, incoming: Incoming) -> Reply:
        return _list([self._seen(batch) for batch in self._kept.all("batches", owner(incoming))], incoming.query)

    async def _batch(self, incoming: Incoming) -> Reply:
        return _reply(self._seen(self._kept.get("batches", incoming.params[0], owner(incoming))))

    async def _cancel(self, incoming: Incoming) -> Reply:
        batch = self._kept.get("batches", incoming.params[0], owner(incoming))
        if batch["status"] not in UNFINISHED:
            raise HttpError(409, f"the batch is already {batch['status']}", "conflict")
        self._kept.cancel(batch["id"])
        return _reply(self._seen(batch))

    def _seen(self, batch: Record) -> Record:
        """The batch as its client sees it: a cancelled one that still runs is `cancelling`."""
        if batch["status"] in ("validating", "in_progress") and self._kept.is_cancelled(batch["id"]):
            return batch | {"status": "cancelling", "cancelling_at": batch["cancelling_at"] or int(time.time())}
        return batch


def _openais(handler: Handler) -> Handler:
    """A handler of OpenAI's files; Anthropic's clients ask these paths too, for files to name in messages."""

    async def handle(incoming: Incoming) -> Reply | Stream:
        if of_anthropics_client(incoming.headers):
            raise HttpError(404, NO_FILES, "not_found")
        return await handler(incoming)

    return handle


def _new(source: str, endpoint: str, fields: Fields) -> Record:
    named = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
    ends = int(time.time()) + DAY
    return {
        "object": "batch",
        "endpoint": endpoint,
        "errors": None,
        "input_file_id": source,
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "window_ends_at": ends,
        "expires_at": ends,
        **{f"{name}_at": None for name in named},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": fields.get("metadata", dict),
    }


async def _pieces(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _shown(record: Record) -> Record:
    return {name: value for name, value in record.items() if name not in _HIDDEN}


def _reply(record: Record) -> Reply:
    return Reply(orjson.dumps(_shown(record)))


def _list(records: list[Record], query: str) -> Reply:
    """One page of a list, selected by `limit`, `after`, `order` and `purpose`."""
    parameters = {name: values[-1] for name, values in parse_qs(query).items()}
    if purpose := parameters.get("purpose"):
        records = [record for record in records if record.get("purpose") == purpose]
    if parameters.get("order") == "asc":
        records = records[::-1]
    numbers = [record["id"] for record in records]
    start = numbers.index(parameters["after"]) + 1 if parameters.get("after") in numbers else 0
    limit = parameters.get("limit", "")
    size = min(int(limit), MOST_LISTED) if limit.isdecimal() and len(limit) < 9 and int(limit) else MOST_LISTED  # noqa: PLR2004
    page = records[start : start + size]
    ends: dict[str, Any] = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
    more = start + size < len(records)
    return Reply(orjson.dumps({"object": "list", "data": list(map(_shown, page)), "has_more": more, **ends}))


def _seconds(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or not LEAST <= int(text) <= MOST:  # noqa: PLR2004 - digits
        raise BadRequestError(f"expires_after[seconds] is {LEAST} to {MOST}", param="expires_after")
    return int(text)
