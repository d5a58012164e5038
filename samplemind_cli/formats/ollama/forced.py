"""A call that must be made, which the API has no word for: asked for as the form of the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.types import Request


def wanted(request: Request) -> list[dict[str, Any]]:
    """The functions of which one must be called; none where the model may do as it likes."""
    choice = request.tool_choice
    functions = [reading.mapping(tool.get("function")) for tool in request.tools if "function" in tool]
    if choice == "required":
        return functions
    if isinstance(choice, Mapping):
        name = reading.mapping(choice.get("function")).get("name")
        return [function for function in functions if function.get("name") == name]
    return []


def form(functions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The schema of a call of one of them."""
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


def described(functions: Sequence[Mapping[str, Any]]) -> str:
    """What the model is told of them."""
    listed = "\n".join(reading.dumps(dict(function)) for function in functions)
    return (
        'Call one of these functions. Answer with one JSON object, {"name": …, "arguments": {…}}, and nothing else.\n'
        + listed
    )
