"""A required tool call, for which the API has no option: it is requested by the schema of the answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import Chunk, Request, ToolCall


def candidates(request: Request) -> list[dict[str, Any]]:
    """The functions of which one must be called; none if no call is required."""
    request = request.narrowed()
    choice = request.tool_choice
    functions = [reading.mapping(tool.get("function")) for tool in request.tools if "function" in tool]
    if choice == "required":
        return functions
    if isinstance(choice, Mapping):
        name = reading.mapping(choice.get("function")).get("name")
        return [function for function in functions if function.get("name") == name]
    return []


def call_schema(functions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON Schema of a call of one of them."""
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": function.get("name"), "type": "string", "enum": [function.get("name")]},
                "arguments": {"type": "object", **reading.mapping(function.get("parameters"))},
            },
            "required": ["name", "arguments"],
        }
        for function in functions
    ]
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def instruction(functions: Sequence[Mapping[str, Any]]) -> str:
    """The instruction for the model to call one of them."""
    listed = "\n".join(reading.dumps(dict(function)) for function in functions)
    return (
        'Call one of these functions. Answer with one JSON object, {"name": …, "arguments": {…}}, and nothing else.\n'
        + listed
    )


class Reading:
    """Reads an answer whose text is the call; any other text stays text. `read` reads each line."""

    def __init__(self, request: Request, read: Callable[[Any], Chunk]) -> None:
        self._names = {function.get("name") for function in candidates(request)}
        self._read = read
        self._texts: list[str] = []
        self._called = False  # the model made a proper tool call

    def __call__(self, event: Any) -> Chunk:
        """What one line adds; the last one has the call, or the text."""
        chunk = self._read(event)
        self._texts.append(chunk.text)
        self._called = self._called or bool(chunk.tool_calls)
        if chunk.finish is None:
            return replace(chunk, text="")
        text = "".join(self._texts)
        if self._called or chunk.finish != "stop":  # it was cut off
            return replace(chunk, text=text)
        fields = reading.mapping(reading.parsed(reading.unfenced(text)))
        call = ToolCall(reading.text(fields.get("name")), reading.arguments(fields.get("arguments")))
        if call.name not in self._names:
            return replace(chunk, text=text, finish="unknown")
        return replace(chunk, text="", tool_calls=(call,), finish="tool_calls")
