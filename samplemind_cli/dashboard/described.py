"""The dashboard's part of /openapi.json: what each operation takes and gives."""

from typing import Any

JSON, EVENTS = "application/json", "text/event-stream"
TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
WHOLE: dict[str, Any] = {"type": "integer"}
FLAG: dict[str, Any] = {"type": "boolean"}
EVENT = {"type": "object", "properties": {"event": TEXT, "data": TEXT}}


def obj(*required: str, **properties: Any) -> dict[str, Any]:
    """An object; what is not required may be null."""
    kinds = {name: kind if name in required else or_null(kind) for name, kind in properties.items()}
    return {"type": "object", "required": list(required), "properties": kinds}


def many(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": items, **more}


def or_null(kind: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    return {"anyOf": [kind, {"type": "null"}]}


ERROR = obj("error", error=obj("message", message=TEXT, type=TEXT, param=TEXT, code=TEXT, hint=TEXT))
TROUBLE = obj("message", message=TEXT, hint=TEXT)  # why a part of the machine cannot be looked at, and what helps
REFUSALS = {"400": "wrong", "401": "no session", "403": "not from the dashboard's page", "502": "it failed"}


def get(told: str, answer: dict[str, Any], query: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Something to read. `query`: each part's schema."""
    parts = [{"name": name, "in": "query", "schema": kind} for name, kind in (query or {}).items()]
    parts += [{"name": name, "in": "path", "required": True, "schema": kind} for name, kind in more.items()]
    missing = {"404": "there is none"} if more else {}
    return {"get": {"summary": told, "parameters": parts, "responses": _responses(answer, JSON, missing)}}


def post(told: str, body: dict[str, Any], answer: dict[str, Any], kind: str = JSON) -> dict[str, Any]:
    """Something that changes what is; only the dashboard's own page may ask for it."""
    content = {JSON: {"schema": body}}
    more = {"413": "too large", "415": "not JSON", "500": "it failed", "503": "not now"}
    asked = {"summary": told, "requestBody": {"required": True, "content": content}}
    return {"post": {**asked, "responses": _responses(answer, kind, more)}}


def _responses(answer: dict[str, Any], kind: str, more: dict[str, str]) -> dict[str, Any]:
    wrong = {JSON: {"schema": ERROR}}
    refused = {status: {"description": why, "content": wrong} for status, why in {**REFUSALS, **more}.items()}
    return {"200": {"description": "so it is", "content": {kind: {"schema": answer}}}, **refused}
