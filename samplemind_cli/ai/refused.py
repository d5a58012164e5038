"""Remembers for a while which fields a model refuses, so that they are not sent again."""

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic

from samplemind_cli.ai.types import Call, Fault, Request
from samplemind_cli.formats.openai_responses.fields import SEALED
from samplemind_cli.formats.refused_fields import field_in, is_hint, without

LIFE = 600.0  # seconds that a refusal is remembered: a model may be replaced under its name
_ADDED = frozenset({"stream_options", "include"})  # to a call, and in no request


class Refused:
    """The fields that each model has refused."""

    def __init__(self) -> None:
        self._until: dict[str, dict[str, float]] = {}

    def of(self, model: str) -> frozenset[str]:
        """The fields that are not sent to a model."""
        now = monotonic()
        return frozenset(name for name, until in self._until.get(model, {}).items() if until > now)

    def learns(self, model: str, fault: Fault | None, request: Request, *, strict: bool) -> bool:
        """Whether to retry without a hint that the fault refuses; with `strict`, never."""
        name = field_in(fault, request) if fault else ""
        known = self.of(model)
        if not name or name in known or not is_hint(name, request) or (strict and name in request.wishes):
            return False
        if name not in _ADDED and without(request, known | {name}) == request:
            return False
        self._until.setdefault(model, {})[name] = monotonic() + LIFE
        return True


def cleared(call: Call, names: frozenset[str]) -> Call:
    """The call without those of the fields that only a call has."""
    gone = names & _ADDED
    if not gone or not isinstance(call.json, Mapping):
        return call
    body = {name: value for name, value in call.json.items() if name not in gone}
    if kept := [name for name in call.json.get("include") or () if name != SEALED]:  # what a client asked for
        body["include"] = kept
    return replace(call, json=body)
