"""Citations in an answer: each format tells them in its own way; read from one, told in another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.parts import Format, Opaque


@dataclass(frozen=True, slots=True)
class Citation:
    """A source, and the characters of the answer that it stands behind; `quote`: its own words."""

    url: str
    title: str = ""
    start: int = 0
    end: int = 0
    quote: str = ""


def read(block: Opaque, text: str, since: int) -> list[Citation]:
    """The citations in a block of an answer that says `text` by now; Claude's are of what it said `since` there."""
    match block.origin:
        case "anthropic_messages" if block.value.get("type") == "citations_delta":
            return list(_of_claude(reading.mapping(block.value.get("citation")), since, len(text)))
        case "openai_chat":
            return [found for one in reading.mappings(block.value.get("annotations")) for found in _of_openai(one)]
        case "gemini":
            beside = reading.mapping(block.value.get("candidate"))
            return [*_grounded(reading.mapping(beside.get("groundingMetadata")), text), *_of_gemini(beside)]
    return []


def told(found: Sequence[Citation], own: Format, text: str) -> Opaque | None:
    """Citations as a block of a format; None where it has no word for them. Gemini is told all of an answer's anew."""
    match own:
        case "openai_chat":
            notes = [{"type": "url_citation", "url_citation": _plain(each)} for each in found]
            return Opaque(own, {"annotations": notes})
        case "gemini":
            return Opaque(own, {"candidate": {"groundingMetadata": _grounding(found, text)}})
    return None


def for_claude(citation: Citation) -> Opaque:
    """A citation of the text before it. Without the proof that Claude's own have it is no use to Claude again."""
    said = {"url": citation.url, "title": citation.title or None, "cited_text": citation.quote, "encrypted_index": ""}
    place = {"type": "web_search_result_location", **said}
    return Opaque("anthropic_messages", {"type": "citations_delta", "citation": place})


def _of_claude(citation: Mapping[str, Any], start: int, end: int) -> Iterator[Citation]:
    if url := reading.text(citation.get("url")) or reading.text(citation.get("source")):
        yield Citation(url, reading.text(citation.get("title")), start, end, reading.text(citation.get("cited_text")))


def _of_openai(note: Mapping[str, Any]) -> Iterator[Citation]:
    """An annotation, whose fields some put beside its type."""
    found = reading.mapping(note.get("url_citation")) or note
    if url := reading.text(found.get("url")):
        start, end = (reading.count(found.get(f"{name}_index")) or 0 for name in ("start", "end"))
        yield Citation(url, reading.text(found.get("title")), start, end, reading.text(found.get("content")))


def _of_gemini(candidate: Mapping[str, Any]) -> Iterator[Citation]:
    cited = reading.mapping(candidate.get("citationMetadata"))
    for one in reading.mappings(cited.get("citationSources", cited.get("citations"))):
        if url := reading.text(one.get("uri")):
            start, end = (reading.count(one.get(f"{name}Index")) or 0 for name in ("start", "end"))
            yield Citation(url, reading.text(one.get("title")), start, end)


def _grounded(grounding: Mapping[str, Any], text: str) -> Iterator[Citation]:
    """A search's sources; its places are counted in bytes, and named by their words besides."""
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


def _grounding(found: Sequence[Citation], text: str) -> dict[str, Any]:
    supports = [
        {"segment": _segment(each, text), "groundingChunkIndices": [n]} for n, each in enumerate(found) if each.end
    ]
    chunks = [{"web": {"uri": each.url, **({"title": each.title} if each.title else {})}} for each in found]
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}


def _segment(citation: Citation, text: str) -> dict[str, Any]:
    before, words = text[: citation.start], text[citation.start : citation.end]
    start = len(before.encode("utf-8", "replace"))
    return {"startIndex": start, "endIndex": start + len(words.encode("utf-8", "replace")), "text": words}
