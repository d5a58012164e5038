"""The tools at the end of a conversation: agents add and remove some between turns."""

from collections.abc import Iterator, Sequence

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields

# What Claude's Agent SDK (0.3) puts among the tools for Anthropic's server alone: "never call this tool".
PLACEHOLDER = "DeferredToolPlaceholder"


def tools(fields: Fields, turns: Sequence[Fields]) -> list[Fields]:
    """The tools of the body and of its turns, without those that a turn has removed. Raises BadRequestError."""
    declared = [tool for tool in fields.items("tools") if tool.raw.get("name") != PLACEHOLDER]
    offered = {reading.text(tool.raw.get("name")) or str(n): tool for n, tool in enumerate(declared)}
    known = dict(offered)
    for added, change in _changes(turns):
        name = reading.text(change.raw.get("name"))
        if change.raw.get("type") == "tool_definition":
            tool = change.inner("definition")
            name = tool.need("name", str)
            known[name] = tool
        if added and name in known:
            offered[name] = known[name]
        elif not added:
            offered.pop(name, None)
    return list(offered.values())


def _changes(turns: Sequence[Fields]) -> Iterator[tuple[bool, Fields]]:
    """Each change, and whether it adds."""
    for turn in turns:
        for n, block in enumerate(reading.mappings(turn.raw.get("content"))):
            if block.get("type") in ("tool_addition", "tool_removal"):
                yield block["type"] == "tool_addition", Fields(block, turn.name(f"content[{n}]")).inner("tool")
