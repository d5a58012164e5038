"""The API's description, OpenAPI 3.1: what /openapi.json says and tests hold the server to."""

from typing import Any

from samplemind_cli import __version__
from samplemind_cli.ai.model_names import TASKS
from samplemind_cli.ai.types import PRIORITIES
from samplemind_cli.formats.openai_chat.server import CHOICES, STOPS

JSON = "application/json"


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """An object; null counts as absent, as OpenAI's clients send it."""
    kinds = {name: kind if name in required else _or_null(kind) for name, kind in properties.items()}
    return {"type": "object", "required": list(required), "properties": kinds}


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
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
PENALTY = {"type": "number", "minimum": -2, "maximum": 2}
FUNCTION = _object(("name",), name=TEXT, description=TEXT, parameters={"type": "object"})
CALL = _object(
    ("id", "function"), id=TEXT, type={"const": "function"}, function=_object(("name",), name=TEXT, arguments=TEXT)
)
PART = {
    "anyOf": [
        _object(("type", "text"), type={"const": "text"}, text=TEXT),
        _object(
            ("type", "image_url"),
            type={"const": "image_url"},
            image_url=_object(("url",), url={**TEXT, "pattern": "^data:image/[a-z0-9.+-]+;base64,"}),
        ),
        _object(
            ("type", "input_audio"),
            type={"const": "input_audio"},
            input_audio=_object(("data", "format"), data=TEXT, format={"enum": ["mp3", "wav"]}),
        ),
    ]
}
CONTENT = {"anyOf": [TEXT, _list(PART)]}
MESSAGE = {
    "anyOf": [
        _object(("role", "content"), role={"enum": ["system", "developer", "user"]}, content=CONTENT),
        _object(("role",), role={"const": "assistant"}, content=CONTENT, tool_calls=_list(CALL)),
        _object(("role", "content", "tool_call_id"), role={"const": "tool"}, content=CONTENT, tool_call_id=TEXT),
    ]
}
CHAT = _object(
    ("model", "messages"),
    model=MODEL,
    messages=_list(MESSAGE, minItems=1),
    stream={"type": "boolean"},
    stream_options=_object(include_usage={"type": "boolean"}),
    temperature={"type": "number", "minimum": 0, "maximum": 2},
    top_p={"type": "number", "minimum": 0, "maximum": 1},
    presence_penalty=PENALTY,
    frequency_penalty=PENALTY,
    stop={"anyOf": [TEXT, _list({**TEXT, "minLength": 1}, maxItems=STOPS)]},
    seed={**COUNT, "minimum": 0},
    parallel_tool_calls={"type": "boolean"},
    max_tokens=COUNT,
    max_completion_tokens=COUNT,
    tools=_list(_object(("function",), type={"const": "function"}, function=FUNCTION)),
    tool_choice={"anyOf": [{"enum": list(CHOICES)}, {"type": "object"}]},
    response_format=_object(
        ("type",), type={"enum": ["text", "json_object", "json_schema"]}, json_schema={"type": "object"}
    ),
)
ASK = _object(
    ("prompt",),
    prompt=TEXT,
    system=TEXT,
    model=MODEL,
    task={"enum": list(TASKS)},
    priority={"enum": list(PRIORITIES)},
)
USAGE = _object(
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    prompt_tokens={"type": "integer"},
    completion_tokens={"type": "integer"},
    total_tokens={"type": "integer"},
)
COMPLETION = _object(
    ("id", "object", "created", "model", "choices", "usage"),
    id=TEXT,
    object={"const": "chat.completion"},
    created={"type": "integer"},
    model=TEXT,
    choices=_list(_object(("index", "message", "finish_reason"))),
    usage=USAGE,
)
PROVENANCE = _object(
    ("text", "provider", "model", "cached", "finish_reason", "usage", "latency_ms", "key"),
    text=TEXT,
    provider=TEXT,
    model=TEXT,
    cached={"enum": [False, "local", "redis"]},
    latency_ms={"type": "number"},
)
EMBED = _object(
    ("model", "input"),
    model={**MODEL, "description": "ollama/NAME, openai/NAME or embedded/NAME"},
    input={"anyOf": [{**TEXT, "minLength": 1}, _list({**TEXT, "minLength": 1}, minItems=1, maxItems=2048)]},
    dimensions=COUNT,
    encoding_format={"enum": ["float", "base64"]},
)
VECTORS = _object(
    ("object", "data", "model", "usage"),
    object={"const": "list"},
    data=_list(_object(("object", "index", "embedding"), index={"type": "integer"})),
)
ERROR = _object(
    ("error",),
    error=_object(
        ("message", "type", "param", "code"), message=TEXT, type=TEXT, param=_or_null(TEXT), code=_or_null(TEXT)
    ),
)
MODELS = _object(
    ("object", "data"), object={"const": "list"}, data=_list(_object(("id", "object", "owned_by"), id=TEXT))
)
READY = _object(("status",), status={"enum": ["ready", "unready"]}, checks={"type": "object"})
REFUSALS = {
    "400": "wrong",
    "401": "no token",
    "404": "no such model",
    "413": "too large",
    "415": "not JSON",
    "429": "too often",
}
FAILURES = {"502": "the provider failed", "503": "nobody can answer now", "504": "too late"}


def _answered(told: str, schema: dict[str, Any], kind: str = JSON) -> dict[str, Any]:
    return {"description": told, "content": {kind: {"schema": schema}}}


def _errors(*families: dict[str, str]) -> dict[str, Any]:
    return {status: _answered(told, ERROR) for family in families for status, told in family.items()}


def _post(told: str, asked: dict[str, Any], answer: dict[str, Any], **more: Any) -> dict[str, Any]:
    content = {JSON: {"schema": answer}, **{kind: {"schema": schema} for kind, schema in more.items()}}
    return {
        "post": {
            "summary": told,
            "requestBody": {"required": True, "content": {JSON: {"schema": asked}}},
            "responses": {"200": {"description": "answered", "content": content}, **_errors(REFUSALS, FAILURES)},
        }
    }


def _get(
    told: str, answer: dict[str, Any], kind: str = JSON, *, public: bool = False, unready: dict[str, Any] | None = None
) -> dict[str, Any]:
    refused = {} if public else _errors({"401": "no token"})
    responses = {"200": _answered("so it is", answer, kind), **refused, **({"503": unready} if unready else {})}
    return {"get": {"summary": told, "responses": responses, **({"security": []} if public else {})}}


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "samplemind", "version": __version__, "description": "One cached, routed AI core over HTTP."},
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "security": [{"token": []}],
    "paths": {
        "/v1/chat/completions": _post(
            "A chat completion, as OpenAI's clients ask for it", CHAT, COMPLETION, **{"text/event-stream": EVENT}
        ),
        "/v1/embeddings": _post("Texts as vectors", EMBED, VECTORS),
        "/v1/ask": _post("A prompt, and an answer with its provenance", ASK, PROVENANCE),
        "/v1/models": _get("What can be asked", MODELS),
        "/v1/models/{model}": {
            "get": {
                "summary": "One of them",
                "responses": {
                    "200": _answered("so it is", _object(("id", "object"), id=TEXT, object={"const": "model"})),
                    **_errors({"401": "no token", "404": "there is none"}),
                },
            },
            "parameters": [{"name": "model", "in": "path", "required": True, "schema": TEXT}],
        },
        "/metrics": _get("Counts for Prometheus", TEXT, "text/plain"),
        "/openapi.json": _get("This document", {"type": "object"}),
        "/healthz": _get("Whether this process is alive", _object(("status",), status=TEXT), public=True),
        "/readyz": _get(
            "Whether a provider can be asked",
            READY,
            public=True,
            unready=_answered("not now", {"anyOf": [READY, ERROR]}),
        ),
    },
}
