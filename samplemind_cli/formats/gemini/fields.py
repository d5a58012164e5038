"""Every field of a generateContent body and of its parts, on exactly one list; a test compares them with the document.

Nested fields have dotted names. A field that is on no list is a hint, kept under such a name.
"""

from collections.abc import Mapping
from typing import Any

TRANSLATED = frozenset(
    {
        "contents",
        "generationConfig",
        "generationConfig.frequencyPenalty",
        "generationConfig.maxOutputTokens",
        "generationConfig.presencePenalty",
        "generationConfig.responseJsonSchema",
        "generationConfig.responseMimeType",
        "generationConfig.responseSchema",
        "generationConfig._responseJsonSchema",
        "generationConfig.seed",
        "generationConfig.stopSequences",
        "generationConfig.temperature",
        "generationConfig.thinkingConfig",
        "generationConfig.topP",
        "model",
        "systemInstruction",
        "toolConfig",
        "toolConfig.functionCallingConfig",
        "tools",
    }
)
# Our own: the handler puts the path and the query of a request into them.
PATH = frozenset({"stream", "alt"})
# By their names in a request's `extra`.
CANONICAL = {
    "generationConfig.candidateCount": "n",
    "generationConfig.logprobs": "top_logprobs",
    "generationConfig.responseLogprobs": "logprobs",
    "generationConfig.topK": "top_k",
}
# They change what counts as an answer: passed on to providers that support them, refused for others.
CONSTRAINTS = frozenset(
    {
        *CANONICAL,
        "cachedContent",
        "generationConfig.imageConfig",
        "generationConfig.responseModalities",
        "generationConfig.speechConfig",
    }
)
# Passed on to providers that support them, left out and reported for others.
HINTS = frozenset(
    {
        "generationConfig.enableEnhancedCivicAnswers",
        "generationConfig.mediaResolution",
        "safetySettings",
        "toolConfig.retrievalConfig",
    }
)
# They change no answer: passed on in this format, and not in the cache key.
IGNORED = frozenset({"labels"})
REFUSED: frozenset[str] = frozenset()
# Defaults, which clients may send without meaning anything.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "generationConfig.candidateCount": (1,),
    "generationConfig.responseLogprobs": (False,),
    "generationConfig.responseModalities": (["TEXT"], ["Text"], []),
    "safetySettings": ([],),
    "cachedContent": ("",),
    "generationConfig.thinkingConfig": ({},),
}
# The translated fields of a function declaration.
DECLARATION = frozenset({"name", "description", "parameters", "parametersJsonSchema"})


def camel(name: str) -> str:
    """A field's JSON name, of that or of its protobuf name."""
    head, *rest = name.lstrip("_").split("_")
    return "_" * (len(name) - len(name.lstrip("_"))) + head + "".join(word[:1].upper() + word[1:] for word in rest)


def renamed(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with the JSON names of its fields; if both names occur, the JSON one counts."""
    return {camel(name): inner for name, inner in value.items()} | {
        name: inner for name, inner in value.items() if "_" not in name
    }


# The nested messages of a body; everything else is the client's own JSON: arguments, results, schemas.
_PART: dict[str, Any] = {
    "inlineData": {},
    "fileData": {},
    "functionCall": {},
    "functionResponse": {"parts": {"inlineData": {}}},
}
_CONTENT = {"parts": _PART}
_REQUEST: dict[str, Any] = {
    "contents": _CONTENT,
    "generationConfig": {"thinkingConfig": {}},
    "systemInstruction": _CONTENT,
    "toolConfig": {"functionCallingConfig": {}, "retrievalConfig": {}},
    "tools": {"functionDeclarations": {}},
}
_SEVERAL = ("contents", "parts", "tools", "functionDeclarations")
GENERATE = _REQUEST
COUNT = {"contents": _CONTENT, "generateContentRequest": _REQUEST}
EMBED = {"content": _CONTENT}
EMBED_ALL = {"requests": EMBED}


def named(value: Any, shape: Mapping[str, Any]) -> Any:
    """A body with JSON names, as far as its shape is known."""
    if isinstance(value, list):
        return [named(item, shape) for item in value]
    if not isinstance(value, dict):
        return value
    found = renamed(value)
    # What may be several is a list; one alone may stand for it.
    found |= {name: [inner] for name, inner in found.items() if name in _SEVERAL and isinstance(inner, dict)}
    return {name: named(inner, shape[name]) if name in shape else inner for name, inner in found.items()}
