"""/openapi.json, the API's description in OpenAPI 3.1; tests compare the server with it."""

from typing import Any

from samplemind_cli import __version__
from samplemind_cli.ai.model_names import TASKS
from samplemind_cli.ai.types import PRIORITIES
from samplemind_cli.formats.attached import SOUNDS
from samplemind_cli.formats.openai_chat.choices import CHOICES
from samplemind_cli.formats.openai_chat.forms import GRAMMARS, TYPES
from samplemind_cli.formats.openai_chat.messages import OTHERS, PARTS
from samplemind_cli.formats.openai_chat.server import STOPS
from samplemind_cli.server.openapi_clients import PATHS
from samplemind_cli.server.openapi_parts import (
    COUNT,
    ERROR,
    EVENT,
    MODEL,
    TEXT,
    answered,
    errors,
    get,
    listed,
    obj,
    post,
)

OTHER_PARTS = sorted({*PARTS, *OTHERS} - {"text", "image_url", "input_audio"})
PENALTY = {"type": "number", "minimum": -2, "maximum": 2}
FUNCTION = obj(("name",), name=TEXT, description=TEXT, parameters={"type": "object"})
ID = {"type": ["string", "integer", "null"]}
CALLED = obj(("name",), name=TEXT, arguments={"anyOf": [TEXT, {"type": "object"}]})
CALL = {
    "anyOf": [
        obj(("function",), id=ID, type={"const": "function"}, function=CALLED),
        obj(("id", "type", "custom"), id=TEXT, type={"const": "custom"}, custom=obj(("name",), name=TEXT, input=TEXT)),
    ]
}
TOOL = {
    "anyOf": [
        obj(("function",), type={"const": "function"}, function=FUNCTION),
        obj(("name",), type={"const": "function"}, name=TEXT, description=TEXT, parameters={"type": "object"}),
        obj(("type", "custom"), type={"const": "custom"}, custom=obj(("name",), name=TEXT, description=TEXT)),
        obj(("type",), type=TEXT),  # a host's own
        {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": {"type": "object"}},
    ]
}
PART = {
    "anyOf": [
        obj(("type", "text"), type={"const": "text"}, text=TEXT),
        obj(
            ("type", "image_url"),
            type={"const": "image_url"},
            image_url=obj(("url",), url={**TEXT, "pattern": "^data:image/[a-z0-9.+-]+;base64,"}),
        ),
        obj(
            ("type", "input_audio"),
            type={"const": "input_audio"},
            input_audio=obj(("data", "format"), data=TEXT, format={"enum": list(SOUNDS)}),
        ),
        obj(("type",), type={"enum": list(OTHER_PARTS)}),
    ]
}
CONTENT = {"anyOf": [TEXT, PART, listed({"anyOf": [TEXT, PART]})]}
RESULT = {"anyOf": [CONTENT, {"type": ["object", "null"]}]}
MESSAGE = {
    "anyOf": [
        obj(("role", "content"), role={"enum": ["system", "developer", "user"]}, content=CONTENT),
        obj(("role",), role={"const": "assistant"}, content=CONTENT, tool_calls=listed(CALL)),
        obj(("role", "content"), role={"const": "tool"}, content=RESULT, tool_call_id=ID),
    ]
}
CHAT = obj(
    ("model", "messages"),
    model=MODEL,
    messages=listed(MESSAGE, minItems=1),
    stream={"type": "boolean"},
    stream_options=obj(include_usage={"type": "boolean"}),
    temperature={"type": "number", "minimum": 0, "maximum": 2},
    top_p={"type": "number", "minimum": 0, "maximum": 1},
    presence_penalty=PENALTY,
    frequency_penalty=PENALTY,
    stop={"anyOf": [TEXT, listed({**TEXT, "minLength": 1}, maxItems=STOPS)]},
    seed={"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    parallel_tool_calls={"type": "boolean"},
    max_tokens={"anyOf": [COUNT, {"const": -1}]},
    max_completion_tokens=COUNT,
    tools=listed(TOOL),
    tool_choice={"anyOf": [{"enum": list(CHOICES)}, {"type": "object"}]},
    response_format=obj(("type",), type={"enum": [*TYPES, *GRAMMARS]}, json_schema={"type": "object"}),
)
ASK = obj(
    ("prompt",),
    prompt=TEXT,
    system=TEXT,
    model=MODEL,
    task={"enum": list(TASKS)},
    priority={"enum": list(PRIORITIES)},
)
USAGE = obj(
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    prompt_tokens={"type": "integer"},
    completion_tokens={"type": "integer"},
    total_tokens={"type": "integer"},
)
COMPLETION = obj(
    ("id", "object", "created", "model", "choices", "usage"),
    id=TEXT,
    object={"const": "chat.completion"},
    created={"type": "integer"},
    model=TEXT,
    choices=listed(obj(("index", "message", "finish_reason"))),
    usage=USAGE,
)
PROVENANCE = obj(
    ("text", "provider", "model", "cached", "finish_reason", "usage", "latency_ms", "key"),
    text=TEXT,
    provider=TEXT,
    model=TEXT,
    cached={"enum": [False, "local", "redis"]},
    latency_ms={"type": "number"},
)
EMBED = obj(
    ("model", "input"),
    model={**MODEL, "description": "ollama/NAME, openai/NAME or embedded/NAME"},
    input={"anyOf": [{**TEXT, "minLength": 1}, listed({**TEXT, "minLength": 1}, minItems=1, maxItems=2048)]},
    dimensions=COUNT,
    encoding_format={"enum": ["float", "base64"]},
)
VECTORS = obj(
    ("object", "data", "model", "usage"),
    object={"const": "list"},
    data=listed(obj(("object", "index", "embedding"), index={"type": "integer"})),
)
MODELS = obj(("object", "data"), object={"const": "list"}, data=listed(obj(("id", "object", "owned_by"), id=TEXT)))
READY = obj(("status",), status={"enum": ["ready", "unready"]}, checks={"type": "object"})
READINESS = get("Whether a provider is available", READY, public=True)
READINESS["get"]["responses"]["503"] = answered("not ready", {"anyOf": [READY, ERROR]})
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "samplemind", "version": __version__, "description": "One cached, routed AI core over HTTP."},
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "security": [{"token": []}],
    "paths": {
        "/v1/chat/completions": post(
            "Create a chat completion (OpenAI's format)", CHAT, COMPLETION, **{"text/event-stream": EVENT}
        ),
        "/v1/embeddings": post("Create embeddings", EMBED, VECTORS),
        "/v1/ask": post("Answer a prompt, with the answer's provenance", ASK, PROVENANCE),
        "/v1/models": get("List the models", MODELS),
        "/v1/models/{model}": {
            "get": {
                "summary": "Show a model",
                "responses": {
                    "200": answered("the model", obj(("id", "object"), id=TEXT, object={"const": "model"})),
                    **errors({"401": "no token", "404": "no such model"}, schema=ERROR),
                },
            },
            "parameters": [{"name": "model", "in": "path", "required": True, "schema": TEXT}],
        },
        **PATHS,
        "/metrics": get("Metrics for Prometheus", TEXT, "text/plain"),
        "/openapi.json": get("This document", {"type": "object"}),
        "/healthz": get("Whether this process is alive", obj(("status",), status=TEXT), public=True),
        "/readyz": READINESS,
    },
}
