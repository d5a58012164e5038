"""Building blocks of /openapi.json."""

from typing import Any

JSON = "application/json"


def obj(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object; null counts as absent, as OpenAI's clients send it."""
    kinds = {name: kind if name in required else or_null(kind) for name, kind in properties.items()}
    return {"type": "object", "required": list(required), "properties": kinds}


def listed(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An array; `more` are further keywords of its schema."""
    return {"type": "array", "items": items, **more}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, or null."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {"anyOf": [schema, {"type": "null"}]}


TEXT: dict[str, Any] = {"type": "string"}
# One server-sent event; its data is a chunk as JSON, or [DONE].
EVENT = {"type": "object", "properties": {"data": TEXT}, "required": ["data"]}
MODEL = {
    **TEXT,
    "pattern": r"^[\x21-\x7e]{1,256}$",
    "description": "auto, auto:TASK, auto:TASK:PRIORITY or PROVIDER/MODEL",
}
COUNT = {"type": "integer", "minimum": 1, "maximum": 2147483647}
ERROR = obj(
    ("error",),
    error=obj(("message", "type", "param", "code"), message=TEXT, type=TEXT, param=or_null(TEXT), code=or_null(TEXT)),
)
REFUSALS = {
    "400": "invalid request",
    "401": "no token",
    "404": "no such model",
    "413": "too large",
    "415": "not JSON",
    "429": "rate limit exceeded",
}
FAILURES = {"502": "the provider failed", "503": "no provider is available", "504": "timeout"}


def answered(description: str, schema: dict[str, Any], kind: str = JSON) -> dict[str, Any]:
    """A response with a body."""
    return {"description": description, "content": {kind: {"schema": schema}}}


def errors(*families: dict[str, str], schema: dict[str, Any]) -> dict[str, Any]:
    """The error responses of each family, in a format's shape."""
    return {status: answered(description, schema) for family in families for status, description in family.items()}


def post(
    summary: str, body: dict[str, Any], answer: dict[str, Any], error: dict[str, Any] = ERROR, **more: Any
) -> dict[str, Any]:
    """An operation with a body; `more` are its responses of other media types."""
    content = {JSON: {"schema": answer}, **{kind: {"schema": schema} for kind, schema in more.items()}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
            "responses": {
                "200": {"description": "success", "content": content},
                **errors(REFUSALS, FAILURES, schema=error),
            },
        }
    }


def get(
    summary: str, answer: dict[str, Any], kind: str = JSON, *, public: bool = False, error: dict[str, Any] = ERROR
) -> dict[str, Any]:
    """An operation without a body; a public one needs no token."""
    refused = {} if public else errors({"401": "no token"}, schema=error)
    responses = {"200": answered("success", answer, kind), **refused}
    return {"get": {"summary": summary, "responses": responses, **({"security": []} if public else {})}}
