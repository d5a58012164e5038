"""What only one format has a word for in an answer, told to clients of the others; what cannot be told is named."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import citations, reading
from samplemind_cli.formats.citations import Citation
from samplemind_cli.formats.parts import Format, Opaque, Part, Text
from samplemind_cli.formats.types import Answer, Chunk

# Where Claude's own tools hold the code that they ran, and in which language.
_CODE = {"code_execution": ("code", "python"), "bash_code_execution": ("command", "bash")}
_RAN = ("code_execution_tool_result", "bash_code_execution_tool_result")


class Interpreter:
    """Tells one answer to a client of the `own` format. `json`: its text must stay the JSON that it is.

    `left`: what it had no word for, as "FORMAT NAME".
    """

    def __init__(self, own: Format, *, json: bool = False) -> None:
        self._own: Format = own
        self._json = json
        self._text = ""
        self._quoted = (0, 0)  # what Claude's last citation is of
        self._cited: list[Citation] = []
        self._left: dict[str, None] = {}

    @property
    def left(self) -> tuple[str, ...]:
        """What could not be told, in order."""
        return tuple(self._left)

    def chunks(self, chunk: Chunk) -> Iterator[Chunk]:
        """A chunk of the answer as those that this client is told."""
        if chunk.answer and chunk.answer.cached:
            yield replace(chunk, answer=self.answer(chunk.answer))
            return
        self._text += chunk.text
        others = tuple((number, self._without(other)) for number, other in chunk.others)
        if not isinstance(chunk.block, Opaque) or chunk.block.origin == self._own:
            yield replace(chunk, others=others) if others else chunk
            return
        told = list(self._opaque(chunk.block))
        words = "".join(part.text for part in told if isinstance(part, Text))
        yield replace(chunk, block=None, text=chunk.text + words, others=others)
        yield from (Chunk(block=part) for part in told if isinstance(part, Opaque))

    def answer(self, answer: Answer) -> Answer:
        """A whole answer."""
        if not any(isinstance(part, Opaque) for one in (answer, *answer.others) for part in one.parts):
            return answer
        parts = tuple(told for part in answer.parts for told in self._part(part))
        return replace(answer, parts=parts, others=tuple(map(self._other, answer.others)))

    def _other(self, answer: Answer) -> Answer:
        inner = Interpreter(self._own, json=self._json)
        found = inner.answer(answer)
        self._left |= dict.fromkeys(inner.left)
        return found

    def _without(self, chunk: Chunk) -> Chunk:
        """A further choice's chunk: of its block only words are told."""
        if not isinstance(chunk.block, Opaque) or chunk.block.origin == self._own:
            return chunk
        inner = Interpreter(self._own, json=self._json)
        told = list(inner.chunks(chunk))
        self._left |= dict.fromkeys([*inner.left, *(_name(chunk.block) if len(told) > 1 else ())])
        return told[0]

    def _part(self, part: Part) -> Iterator[Part]:
        if isinstance(part, Opaque) and part.origin != self._own:
            yield from self._opaque(part)
            return
        if isinstance(part, Text):
            self._text += part.text
        yield part

    def _opaque(self, block: Opaque) -> Iterator[Part]:
        """A block in this client's words."""
        if len(self._text) > self._quoted[1]:
            self._quoted = (self._quoted[1], len(self._text))
        if found := citations.read(block, self._text, self._quoted[0]):
            yield from self._cite(found)
        for kind, value in _pieces(block):
            words = "" if self._json else _words(kind, value)
            image = _image(kind, value, self._own)
            if words:
                self._text += words
                yield Text(words)
            elif image:
                yield image
            elif not (found and kind in _CITING):
                self._left[f"{block.origin} {kind}"] = None

    def _cite(self, found: list[Citation]) -> Iterator[Part]:
        self._cited += found
        if self._own == "anthropic_messages":
            yield from map(citations.for_claude, found)
        elif told := citations.told(self._cited if self._own == "gemini" else found, self._own, self._text):
            yield told
        else:
            self._left["citations"] = None


_CITING = ("citations_delta", "annotations", "groundingMetadata", "citationMetadata")


def _name(block: Opaque) -> list[str]:
    return [f"{block.origin} {kind}" for kind, _ in _pieces(block)]


def _pieces(block: Opaque) -> Iterator[tuple[str, Any]]:
    """What a block holds, by the names that its format has for it."""
    if kind := reading.text(block.value.get("type")):
        yield kind, block.value
        return
    for part in reading.mappings(block.value.get("parts")):
        yield from ((name, value) for name, value in part.items() if name not in ("text", "thoughtSignature"))
    yield from reading.mapping(block.value.get("candidate")).items()
    yield from ((name, value) for name, value in block.value.items() if name not in ("parts", "candidate"))


def _words(kind: str, value: Any) -> str:
    """Code that was run, and what came of it, as blocks of code; the words of a sound."""
    found = reading.mapping(value)
    match kind:
        case "executableCode":
            return _fenced(reading.text(found.get("code")), reading.text(found.get("language")).lower())
        case "codeExecutionResult":
            return _fenced(reading.text(found.get("output")))
        case "server_tool_use":
            field, language = _CODE.get(reading.text(found.get("name")), ("", ""))
            return _fenced(reading.text(reading.mapping(found.get("input")).get(field)), language)
        case "audio":
            return reading.text(found.get("transcript"))
    if kind in _RAN:
        content = reading.mapping(found.get("content"))
        return _fenced("\n".join(filter(None, (reading.text(content.get(name)) for name in ("stdout", "stderr")))))
    return ""


def _fenced(code: str, language: str = "") -> str:
    if not code:
        return ""
    fence = "````" if "```" in code else "```"
    return f"\n{fence}{'' if language == 'language_unspecified' else language}\n{code.rstrip()}\n{fence}\n"


def _image(kind: str, value: Any, own: Format) -> Opaque | None:
    """An image that the model made, as this format has it."""
    found: Mapping[str, Any] = reading.mapping(value)
    if kind == "images":
        urls = [reading.text(reading.mapping(one.get("image_url")).get("url")) for one in reading.mappings(value)]
    elif kind == "inlineData" and reading.text(found.get("mimeType")).startswith("image/"):
        urls = [f"data:{found['mimeType']};base64,{reading.text(found.get('data'))}"]
    else:
        return None
    return _pictured(urls, own)


def _pictured(urls: list[str], own: Format) -> Opaque | None:
    blobs = [url.removeprefix("data:").split(";base64,", 1) for url in urls if ";base64," in url]
    if own == "openai_chat":
        return Opaque(own, {"images": [{"type": "image_url", "image_url": {"url": url}} for url in urls]})
    if not blobs or len(blobs) < len(urls):  # an address: nobody else hands one out
        return None
    match own:
        case "gemini":
            return Opaque(own, {"parts": [{"inlineData": {"mimeType": kind, "data": data}} for kind, data in blobs]})
        case "ollama":
            return Opaque(own, {"images": [data for _, data in blobs]})
    return None
