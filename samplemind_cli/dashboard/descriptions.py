"""Builds OpenAPI descriptions of operations and JSON schemas."""

from typing import Any

JSON, EVENTS = "application/json", "text/event-stream"
TEXT: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
WHOLE: dict[str, Any] = {"type": "integer"}
FLAG: dict[str, Any] = {"type": "boolean"}
EVENT = {"type": "object", "properties": {"event": TEXT, "data": TEXT}}


def obj(*required: str, **properties: Any) -> dict[str, Any]:
    """The schema of an object; a property that is not required may be null."""
    kinds = {name: kind if name in required else or_null(kind) for name, kind in properties.items()}
    return {"type": "object", "required": list(required), "properties": kinds}


def many(items: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list."""
    return {"type": "array", "items": items}


def or_null(kind: dict[str, Any]) -> dict[str, Any]:
    """A schema that also allows null."""
    return {"anyOf": [kind, {"type": "null"}]}


ERROR = obj("error", error=obj("message", message=TEXT, type=TEXT, param=TEXT, code=TEXT, hint=TEXT))
TROUBLE = obj("message", message=TEXT, hint=TEXT)
REFUSALS = {
    "400": "invalid request", "401": "no session", "403": "not from the dashboard's page", "502": "a provider failed",
}  # fmt: skip


def get(summary: str, answer: dict[str, Any], query: dict[str, Any] | None = None, **path: Any) -> dict[str, Any]:
    """An operation that reads. `query` and `path`: the schemas of its parameters."""
    parts = [{"name": name, "in": "query", "schema": kind} for name, kind in (query or {}).items()]
    parts += [{"name": name, "in": "path", "required": True, "schema": kind} for name, kind in path.items()]
    missing = {"404": "not found"} if path else {}
    return {"get": {"summary": summary, "parameters": parts, "responses": _responses(answer, JSON, missing)}}


def post(summary: str, body: dict[str, Any], answer: dict[str, Any], kind: str = JSON) -> dict[str, Any]:
    """An operation that acts; only the dashboard's own page may call it. `kind`: the answer's media type."""
    content = {JSON: {"schema": body}}
    errors = {"413": "too large", "415": "not JSON", "500": "internal error", "503": "overloaded or shutting down"}
    request = {"summary": summary, "requestBody": {"required": True, "content": content}}
    return {"post": {**request, "responses": _responses(answer, kind, errors)}}


def _responses(answer: dict[str, Any], kind: str, errors: dict[str, str]) -> dict[str, Any]:
    content = {JSON: {"schema": ERROR}}
    refused = {status: {"description": why, "content": content} for status, why in {**REFUSALS, **errors}.items()}
    return {"200": {"description": "success", "content": {kind: {"schema": answer}}}, **refused}
