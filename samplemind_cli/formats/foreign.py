"""Translates the parts of an answer that only one format has for clients of the others; lists what it cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import citations, reading
from samplemind_cli.formats.citations import Citation
from samplemind_cli.formats.parts import Format, Opaque, Part, Text
from samplemind_cli.formats.types import Answer, Chunk

# The field of the code that Claude's own tools ran, and its language.
_CODE = {"code_execution": ("code", "python"), "bash_code_execution": ("command", "bash")}


class Interpreter:
    """Translates one answer for a client of the `own` format. `json`: its text is JSON and must stay valid."""

    def __init__(self, own: Format, *, json: bool = False) -> None:
        self._own: Format = own
        self._json = json
        self._texts: list[str] = []
        self._quoted = (0, 0)  # the range that Claude's last citation refers to
        self._cited: list[Citation] = []
        self._left: dict[str, None] = {}

    @property
    def left(self) -> tuple[str, ...]:
        """What was left out, in order, as "FORMAT NAME"."""
        return tuple(self._left)

    def chunks(self, chunk: Chunk) -> Iterator[Chunk]:
        """The chunks for this client, of a chunk of the answer."""
        if chunk.answer and chunk.answer.cached:
            answer = self.answer(chunk.answer)
            yield replace(chunk, text=answer.text, answer=answer)
            return
        self._texts.append(chunk.text)
        if not (chunk.block or chunk.others):
            yield chunk
            return
        others = tuple((number, self._without(other)) for number, other in chunk.others)
        if not isinstance(chunk.block, Opaque) or chunk.block.origin == self._own:
            yield replace(chunk, others=others) if others else chunk
            return
        parts = list(self._opaque(chunk.block))
        words = "".join(part.text for part in parts if isinstance(part, Text))
        yield replace(chunk, block=None, text=chunk.text + words, others=others)
        yield from (Chunk(block=part) for part in parts if isinstance(part, Opaque))

    def answer(self, answer: Answer) -> Answer:
        """The answer for this client."""
        if not any(isinstance(part, Opaque) for one in (answer, *answer.others) for part in one.parts):
            return answer
        parts = tuple(translated for part in answer.parts for translated in self._part(part))
        return replace(answer, parts=parts, others=tuple(map(self._other, answer.others)))

    def _other(self, answer: Answer) -> Answer:
        inner = Interpreter(self._own, json=self._json)
        translated = inner.answer(answer)
        self._left |= dict.fromkeys(inner.left)
        return translated

    def _without(self, chunk: Chunk) -> Chunk:
        """A further choice's chunk, with only the text of its block."""
        if not isinstance(chunk.block, Opaque) or chunk.block.origin == self._own:
            return chunk
        inner = Interpreter(self._own, json=self._json)
        first, *blocks = inner.chunks(chunk)
        self._left |= dict.fromkeys([*inner.left, *(_name(chunk.block) if blocks else ())])
        return first

    def _part(self, part: Part) -> Iterator[Part]:
        if isinstance(part, Opaque) and part.origin != self._own:
            yield from self._opaque(part)
            return
        if isinstance(part, Text):
            self._texts.append(part.text)
        yield part

    def _opaque(self, block: Opaque) -> Iterator[Part]:
        """A block translated into this client's format."""
        text = "".join(self._texts)
        self._texts = [text]
        if len(text) > self._quoted[1]:
            self._quoted = (self._quoted[1], len(text))
        if cited := citations.read(block, text, self._quoted[0]):
            yield from self._cite(cited, text)
        for kind, value in _pieces(block):
            words = "" if self._json else _words(kind, value)
            image = _image(kind, value, self._own)
            if words:
                self._texts.append(words)
                yield Text(words)
            elif image:
                yield image
            elif not (cited and kind in _CITING):
                self._left[f"{block.origin} {kind}"] = None

    def _cite(self, cited: list[Citation], text: str) -> Iterator[Part]:
        self._cited += cited
        blocks = citations.written(self._cited if self._own == "gemini" else cited, self._own, text)
        yield from blocks
        if not blocks:
            self._left["citations"] = None


_CITING = ("citations_delta", "annotation", "annotations", "groundingMetadata", "citationMetadata")


def _name(block: Opaque) -> list[str]:
    return [f"{block.origin} {kind}" for kind, _ in _pieces(block)]


def _pieces(block: Opaque) -> Iterator[tuple[str, Any]]:
    """The contents of a block, by their names in its format."""
    if kind := reading.text(block.value.get("type")):
        yield kind, block.value
        return
    for part in reading.mappings(block.value.get("parts")):
        yield from ((name, value) for name, value in part.items() if name not in ("text", "thoughtSignature"))
    yield from reading.mapping(block.value.get("candidate")).items()
    yield from ((name, value) for name, value in block.value.items() if name not in ("parts", "candidate"))


def _words(kind: str, value: Any) -> str:
    """Code that was run, and its output, as code blocks; the transcript of audio."""
    fields, words = reading.mapping(value), ""
    match kind:
        case "executableCode":
            words = _fenced(reading.text(fields.get("code")), reading.text(fields.get("language")).lower())
        case "codeExecutionResult":
            words = _fenced(reading.text(fields.get("output")))
        case "server_tool_use":
            field, language = _CODE.get(reading.text(fields.get("name")), ("", ""))
            words = _fenced(reading.text(reading.mapping(fields.get("input")).get(field)), language)
        case "code_execution_tool_result" | "bash_code_execution_tool_result":
            content = reading.mapping(fields.get("content"))
            words = _fenced("\n".join(filter(None, (reading.text(content.get(name)) for name in ("stdout", "stderr")))))
        case "code_interpreter_call":
            logs = [reading.text(each.get("logs")) for each in reading.mappings(fields.get("outputs"))]
            words = _fenced(reading.text(fields.get("code")), "python") + _fenced("\n".join(filter(None, logs)))
        case "audio":
            words = reading.text(fields.get("transcript"))
    return words


def _fenced(code: str, language: str = "") -> str:
    if not code:
        return ""
    fence = "````" if "```" in code else "```"
    return f"\n{fence}{'' if language == 'language_unspecified' else language}\n{code.rstrip()}\n{fence}\n"


def _image(kind: str, value: Any, own: Format) -> Opaque | None:
    """An image that the model generated, as a block of the `own` format; None if it cannot be."""
    fields: Mapping[str, Any] = reading.mapping(value)
    if kind == "images":
        urls = [reading.text(reading.mapping(one.get("image_url")).get("url")) for one in reading.mappings(value)]
    elif kind == "inlineData" and reading.text(fields.get("mimeType")).startswith("image/"):
        urls = [f"data:{fields['mimeType']};base64,{reading.text(fields.get('data'))}"]
    elif kind == "image_generation_call" and reading.text(fields.get("result")):
        urls = [f"data:image/{fields.get('output_format') or 'png'};base64,{fields['result']}"]
    else:
        return None
    return _images(urls, own)


def _images(urls: list[str], own: Format) -> Opaque | None:
    blobs = [url.removeprefix("data:").split(";base64,", 1) for url in urls if ";base64," in url]
    if own == "openai_chat":
        return Opaque(own, {"images": [{"type": "image_url", "image_url": {"url": url}} for url in urls]})
    if not blobs or len(blobs) < len(urls):  # a URL, which no other format has
        return None
    match own:
        case "gemini":
            return Opaque(own, {"parts": [{"inlineData": {"mimeType": kind, "data": data}} for kind, data in blobs]})
        case "ollama":
            return Opaque(own, {"images": [data for _, data in blobs]})
        case "openai_responses" if len(blobs) == 1:
            return Opaque(own, {"type": "image_generation_call", "status": "completed", "result": blobs[0][1]})
    return None
