"""The formats other than OpenAI's chat in /openapi.json: the parts of each body that the server checks."""

from typing import Any

from samplemind_cli.formats.anthropic_messages.content import ROLES as ANTHROPIC_ROLES
from samplemind_cli.formats.gemini.content import ROLES as GEMINI_ROLES
from samplemind_cli.formats.ollama.server import ROLES as OLLAMA_ROLES
from samplemind_cli.server.openapi_parts import COUNT, ERROR, EVENT, MODEL, TEXT, get, listed, obj, post

NONEMPTY = {**TEXT, "minLength": 1}
FLAG = {"type": "boolean"}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
WARMTH = {"type": "number", "minimum": 0, "maximum": 2}
FREE = {"type": "object"}
NDJSON = {"application/x-ndjson": FREE}
SSE = {"text/event-stream": EVENT}
ANTHROPIC_ERROR = obj(
    ("type", "error"), type={"const": "error"}, error=obj(("type", "message"), type=TEXT, message=TEXT)
)
GEMINI_ERROR = obj(
    ("error",), error=obj(("code", "message", "status"), code={"type": "integer"}, message=TEXT, status=TEXT)
)
OLLAMA_ERROR = obj(("error",), error=TEXT)
TOOL = obj(("name",), name=TEXT, description=TEXT, input_schema=FREE)
BLOCK = obj(("type",), type=TEXT)
SAID = {"anyOf": [TEXT, BLOCK, listed({"anyOf": [TEXT, BLOCK]})]}
TURN = obj(("role", "content"), role={"enum": list(ANTHROPIC_ROLES)}, content=SAID)
PROMPT = {"messages": listed(TURN, minItems=1), "system": SAID, "tools": listed(TOOL)}
MESSAGES = obj(
    ("model", "messages"),
    model=MODEL,
    max_tokens=COUNT,
    stream=FLAG,
    temperature=SHARE,
    top_p=SHARE,
    stop_sequences=listed(NONEMPTY),
    **PROMPT,
)
MESSAGE = obj(("id", "type", "role", "content", "model", "usage"), type={"const": "message"}, content={"type": "array"})
RESPONSES = obj(
    ("model", "input"),
    model=MODEL,
    input=NONEMPTY,
    instructions=TEXT,
    stream=FLAG,
    temperature=WARMTH,
    top_p=SHARE,
    max_output_tokens=COUNT,
    metadata=FREE,
)
RESPONSE = obj(("id", "object", "status", "output"), object={"const": "response"}, output={"type": "array"})
COMPLETIONS = obj(
    ("model", "prompt"), model=MODEL, prompt=NONEMPTY, stream=FLAG, temperature=WARMTH, top_p=SHARE, max_tokens=COUNT
)
COMPLETION = obj(("id", "object", "choices", "usage"), object={"const": "text_completion"})
# Unknown kinds of parts are passed on; turns without parts occur in Gemini's own answers.
PART = obj((), text=NONEMPTY) | {"minProperties": 1}
PARTS = {"anyOf": [listed(PART), PART]}
CONTENT = obj((), role={"enum": list(GEMINI_ROLES)}, parts=PARTS)
CONTENTS = {"contents": {"anyOf": [listed(CONTENT, minItems=1), CONTENT]}}
GENERATE = obj(
    ("contents",),
    systemInstruction=obj((), parts=PARTS),
    generationConfig=obj((), temperature=WARMTH, topP=SHARE, stopSequences=listed(NONEMPTY)),
    **CONTENTS,
)
CHAT = obj(
    ("model",),
    model=MODEL,
    messages=listed(obj(("role", "content"), role={"enum": list(OLLAMA_ROLES)}, content=TEXT)),
    stream=FLAG,
    options=obj((), temperature=WARMTH, top_p=SHARE),
)
PROMPTED = obj(("model",), model=MODEL, prompt=TEXT, system=TEXT, stream=FLAG)
DONE = obj(("model", "done"), model=TEXT, done=FLAG)
NAMED = {"name": "model", "in": "path", "required": True, "schema": TEXT}


def _gemini(summary: str, body: dict[str, Any], answer: dict[str, Any], **kinds: Any) -> dict[str, Any]:
    return {**post(summary, body, answer, GEMINI_ERROR, **kinds), "parameters": [NAMED]}


def _ollama(summary: str, body: dict[str, Any], answer: dict[str, Any], **kinds: Any) -> dict[str, Any]:
    return post(summary, body, answer, OLLAMA_ERROR, **kinds)


MODELS = obj(("models",), models={"type": "array"})
PATHS: dict[str, Any] = {
    "/v1/responses": post("Create a response (OpenAI's format)", RESPONSES, RESPONSE, ERROR, **SSE),
    "/v1/responses/input_tokens": post(
        "Count a prompt's tokens (OpenAI's format)",
        obj(("input",), model=MODEL, input=NONEMPTY, instructions=TEXT),
        obj(("object", "input_tokens"), input_tokens={"type": "integer"}),
        ERROR,
    ),
    "/v1/responses/compact": post(
        "Replace a conversation by one item (OpenAI's format)",
        obj(("model", "input"), model=MODEL, input=NONEMPTY, instructions=TEXT),
        obj(("id", "object", "output"), object={"const": "response.compaction"}, output={"type": "array"}),
        ERROR,
    ),
    "/v1/completions": post("Create a completion (OpenAI's format)", COMPLETIONS, COMPLETION, ERROR, **SSE),
    "/v1/messages": post("Create a message (Anthropic's format)", MESSAGES, MESSAGE, ANTHROPIC_ERROR, **SSE),
    "/v1/messages/count_tokens": post(
        "Count a prompt's tokens",
        obj(("model", "messages"), model=MODEL, **PROMPT),
        obj(("input_tokens",), input_tokens={"type": "integer"}),
        ANTHROPIC_ERROR,
    ),
    "/v1beta/models/{model}:generateContent": _gemini(
        "Generate content (Gemini's format)", GENERATE, obj(("candidates",), candidates={"type": "array"})
    ),
    "/v1beta/models/{model}:streamGenerateContent": _gemini(
        "The same, streamed: an array, or server-sent events with alt=sse", GENERATE, {"type": "array"}, **SSE
    ),
    "/v1beta/models/{model}:countTokens": _gemini(
        "Count a prompt's tokens", obj(("contents",), **CONTENTS), obj(("totalTokens",), totalTokens=COUNT)
    ),
    "/v1beta/models": get("List the models", MODELS, error=GEMINI_ERROR),
    "/api/chat": _ollama("Answer a chat (Ollama's format)", CHAT, DONE, **NDJSON),
    "/api/generate": _ollama("Answer a prompt (Ollama's format)", PROMPTED, DONE, **NDJSON),
    "/api/embed": _ollama("Create embeddings", obj(("model", "input"), model=MODEL, input=NONEMPTY), FREE),
    "/api/tags": get("List the models", MODELS, error=OLLAMA_ERROR),
    "/api/ps": get("List the models in memory", MODELS, error=OLLAMA_ERROR),
    "/api/version": get("The version of Ollama's API", obj(("version",), version=TEXT), error=OLLAMA_ERROR),
}
