"""Converts log probabilities between Gemini's shape and OpenAI's."""

from collections.abc import Sequence
from typing import Any

from samplemind_cli.formats import reading


def read(result: Any) -> tuple[dict[str, Any], ...]:
    """The entries of a `logprobsResult`, one per token."""
    fields = reading.mapping(result)
    tops = reading.mappings(fields.get("topCandidates"))
    chosen = reading.mappings(fields.get("chosenCandidates"))
    entries = []
    for n, token in enumerate(chosen):
        candidates = reading.mappings(tops[n].get("candidates")) if n < len(tops) else []
        entries.append({**_entry(token), "top_logprobs": [_entry(candidate) for candidate in candidates]})
    return tuple(entries)


def written(entries: Sequence[Any]) -> dict[str, Any]:
    """The `logprobsResult` of entries."""
    known = reading.mappings(list(entries))
    tops = [[_candidate(top) for top in reading.mappings(entry.get("top_logprobs"))] for entry in known]
    chosen = [_candidate(entry) for entry in known]
    result: dict[str, Any] = {"chosenCandidates": chosen}
    return result | ({"topCandidates": [{"candidates": top} for top in tops]} if any(tops) else {})


def _entry(candidate: dict[str, Any]) -> dict[str, Any]:
    token = reading.text(candidate.get("token"))
    number = candidate.get("tokenId")
    known = {} if number is None else {"token_id": number}
    return {"token": token, "logprob": candidate.get("logProbability", 0.0), "bytes": list(token.encode()), **known}


def _candidate(entry: dict[str, Any]) -> dict[str, Any]:
    number = entry.get("token_id")
    known = {} if number is None else {"tokenId": number}
    return {"token": reading.text(entry.get("token")), "logProbability": entry.get("logprob", 0.0), **known}
