"""Citations in an answer: read from one format, written in another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.parts import Format, Opaque


@dataclass(frozen=True, slots=True)
class Citation:
    """A source, and the characters of the answer from `start` to `end` that it supports; `quote`: the source's text."""

    url: str
    title: str = ""
    start: int = 0
    end: int = 0
    quote: str = ""


def read(block: Opaque, text: str, since: int) -> list[Citation]:
    """The citations in a block of an answer whose text so far is `text`; Claude's refer to its text from `since` on."""
    match block.origin:
        case "anthropic_messages" if block.value.get("type") == "citations_delta":
            return list(_of_claude(reading.mapping(block.value.get("citation")), since, len(text)))
        case "openai_chat":
            return [each for one in reading.mappings(block.value.get("annotations")) for each in _of_openai(one)]
        case "openai_responses":
            return list(_of_openai(reading.mapping(block.value.get("annotation"))))
        case "gemini":
            beside = reading.mapping(block.value.get("candidate"))
            return [*_grounded(reading.mapping(beside.get("groundingMetadata")), text), *_of_gemini(beside)]
    return []


def written(citations: Sequence[Citation], own: Format, text: str) -> list[Opaque]:
    """Citations as blocks of a format; none if it has no citations. Gemini's block must have all of an answer's."""
    match own:
        case "openai_chat":
            notes = [{"type": "url_citation", "url_citation": _plain(each)} for each in citations]
            return [Opaque(own, {"annotations": notes})]
        case "openai_responses":
            plain = ({"type": "url_citation", **_plain(each)} for each in citations)
            return [Opaque(own, {"type": "annotation", "annotation": each}) for each in plain]
        case "gemini":
            return [Opaque(own, {"candidate": {"groundingMetadata": _grounding(citations, text)}})]
        case "anthropic_messages":
            return [Opaque(own, {"type": "citations_delta", "citation": _for_claude(each)}) for each in citations]
    return []


def _for_claude(citation: Citation) -> dict[str, Any]:
    """A citation for Claude's clients; without the encrypted index of Claude's own it cannot be sent back to Claude."""
    fields = {"url": citation.url, "title": citation.title or None, "cited_text": citation.quote, "encrypted_index": ""}
    return {"type": "web_search_result_location", **fields}


def _of_claude(citation: Mapping[str, Any], start: int, end: int) -> Iterator[Citation]:
    if url := reading.text(citation.get("url")) or reading.text(citation.get("source")):
        yield Citation(url, reading.text(citation.get("title")), start, end, reading.text(citation.get("cited_text")))


def _of_openai(note: Mapping[str, Any]) -> Iterator[Citation]:
    """An annotation, whose fields may stand beside its type."""
    fields = reading.mapping(note.get("url_citation")) or note
    if url := reading.text(fields.get("url")):
        start, end = (reading.count(fields.get(f"{name}_index")) or 0 for name in ("start", "end"))
        yield Citation(url, reading.text(fields.get("title")), start, end, reading.text(fields.get("content")))


def _of_gemini(candidate: Mapping[str, Any]) -> Iterator[Citation]:
    cited = reading.mapping(candidate.get("citationMetadata"))
    for one in reading.mappings(cited.get("citationSources", cited.get("citations"))):
        if url := reading.text(one.get("uri")):
            start, end = (reading.count(one.get(f"{name}Index")) or 0 for name in ("start", "end"))
            yield Citation(url, reading.text(one.get("title")), start, end)


def _grounded(grounding: Mapping[str, Any], text: str) -> Iterator[Citation]:
    """A search's sources; their positions are in bytes, so the cited text itself is searched."""
    chunks = [reading.mapping(chunk.get("web")) for chunk in reading.mappings(grounding.get("groundingChunks"))]
    used = set()
    for support in reading.mappings(grounding.get("groundingSupports")):
        words = reading.text(reading.mapping(support.get("segment")).get("text"))
        start = max(0, text.find(words))
        places = support.get("groundingChunkIndices")
        for place in places if isinstance(places, list) else []:
            number = reading.count(place)
            if number is not None and number < len(chunks) and (url := reading.text(chunks[number].get("uri"))):
                used.add(number)
                yield Citation(url, reading.text(chunks[number].get("title")), start, start + len(words))
    for number, chunk in enumerate(chunks):
        if number not in used and (url := reading.text(chunk.get("uri"))):
            yield Citation(url, reading.text(chunk.get("title")))


def _plain(citation: Citation) -> dict[str, Any]:
    place = {"start_index": citation.start, "end_index": citation.end}
    return {**place, "url": citation.url, "title": citation.title}


def _grounding(citations: Sequence[Citation], text: str) -> dict[str, Any]:
    supports = [
        {"segment": _segment(each, text), "groundingChunkIndices": [n]} for n, each in enumerate(citations) if each.end
    ]
    chunks = [{"web": {"uri": each.url, **({"title": each.title} if each.title else {})}} for each in citations]
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}


def _segment(citation: Citation, text: str) -> dict[str, Any]:
    before, words = text[: citation.start], text[citation.start : citation.end]
    start = len(before.encode("utf-8", "replace"))
    return {"startIndex": start, "endIndex": start + len(words.encode("utf-8", "replace")), "text": words}
