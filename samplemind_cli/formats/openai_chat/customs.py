"""Custom tools in chat completions: in requests of clients, and in calls to OpenAI, which alone has them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Chunk, ToolCall

KIND = "custom"
_CALLS = "tool_calls"


def tool(fields: Fields) -> dict[str, Any]:
    """The function for a custom tool that a client declares. Raises BadRequestError."""
    holder = fields.inner(KIND)
    form = holder.inner("format")
    grammar = form.inner("grammar") if form.one_of("type", ("text", "grammar"), "text") == "grammar" else None
    syntax = {name: grammar.need(name, str) for name in ("syntax", "definition")} if grammar else {}
    function = custom_tools.function(holder.get("description", str) or "", syntax)
    hints = fields.others(("type", KIND)) | holder.others(("name", "description", "format"), KIND)
    return {"type": "function", "function": {**function, "name": holder.need("name", str)}, **hints}


def call(fields: Fields) -> ToolCall:
    """A call that a client sends back. Raises BadRequestError."""
    holder = fields.inner(KIND)
    hints = fields.others(("id", "type", KIND, "index")) | holder.others(("name", "input"), KIND)
    arguments = custom_tools.arguments(holder.get("input", str) or "")
    return ToolCall(holder.need("name", str), arguments, fields.need("id", str), hints=hints)


def are_in(body: Mapping[str, Any]) -> bool:
    """Whether a client's body has custom tools or calls of them."""
    messages = reading.mappings(body.get("messages"))
    calls = [each for message in messages for each in reading.mappings(message.get(_CALLS))]
    return any(each.get("type") == KIND for each in (*reading.mappings(body.get("tools")), *calls))


def declared(offered: dict[str, Any]) -> dict[str, Any]:
    """A tool for OpenAI: the function for a custom tool becomes that tool again."""
    if (custom := custom_tools.described(reading.mapping(offered.get("function")))) is None:
        return offered
    described, grammar = custom
    form = {"format": {"type": "grammar", "grammar": grammar}} if grammar else {}
    more = {name: value for name, value in offered.items() if name not in ("type", "function")}
    return reading.beside({"type": KIND, KIND: {**described, **form}}, more)


def choice(chosen: Any, customs: Collection[str]) -> Any:
    """A tool choice for OpenAI, in which custom tools have their own type."""
    if not isinstance(chosen, Mapping):
        return chosen
    if some := chosen.get("allowed_tools"):
        return {**chosen, "allowed_tools": {**some, "tools": [choice(one, customs) for one in some["tools"]]}}
    name = reading.mapping(chosen.get("function")).get("name")
    return {"type": KIND, KIND: {"name": name}} if name in customs else dict(chosen)


class CustomReader:
    """Reads events by `read`, after their custom calls have become function calls.

    `names`: of custom tools. A host to which they are functions calls them so: no client of ours could read that event.
    """

    def __init__(self, read: Callable[[Any], Chunk], names: Collection[str]) -> None:
        self._read = read
        self._names = names
        self._open: dict[tuple[int, int], None] = {}  # calls, by choice and index

    def __call__(self, event: Any) -> Chunk:
        """What one event adds."""
        if event is reading.OVER:
            pieces = [ToolCall(arguments=custom_tools.CLOSING, index=call) for choice, call in self._open if not choice]
            return replace(self._read(event), tool_calls=tuple(pieces))
        if not (choices := reading.mappings(reading.mapping(event).get("choices"))):
            return self._read(event)
        chunk = self._read({**event, "choices": list(map(self._with_functions, choices))})
        return replace(chunk, late=True) if any(map(self._is_disguised, choices)) else chunk

    def _is_disguised(self, choice: dict[str, Any]) -> bool:
        calls = reading.mappings(reading.mapping(choice.get("delta")).get(_CALLS))
        return any(reading.mapping(call.get("function")).get("name") in self._names for call in calls)

    def _with_functions(self, choice: dict[str, Any]) -> dict[str, Any]:
        """A choice with function calls instead of custom calls."""
        for name, converted in (("delta", self._pieces), ("message", _wholes)):
            if isinstance(holder := choice.get(name), dict):
                calls = list(converted(choice, reading.mappings(holder.get(_CALLS))))
                return {**choice, name: {**holder, _CALLS: calls}} if calls else choice
        return choice

    def _pieces(self, choice: dict[str, Any], calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        place = _index(choice)
        for each in calls:
            if isinstance(custom := each.get(KIND), dict):
                first = (place, _index(each)) not in self._open
                self._open[place, _index(each)] = None
                words = custom_tools.piece(reading.piece(custom.get("input")), first=first)
                yield {**each, "function": {"name": custom.get("name"), "arguments": words}}
            else:
                yield each
        ended = [key for key in self._open if key[0] == place] if reading.finish(choice.get("finish_reason")) else []
        for key in ended:
            del self._open[key]
            yield {"index": key[1], "function": {"arguments": custom_tools.CLOSING}}


def _wholes(_: dict[str, Any], calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in calls:
        if isinstance(custom := each.get(KIND), dict):
            arguments = custom_tools.arguments(reading.piece(custom.get("input")))
            yield {**each, "function": {"name": custom.get("name"), "arguments": arguments}}
        else:
            yield each


def _index(fields: dict[str, Any]) -> int:
    return reading.count(fields.get("index")) or 0
