"""An answer in the making: chunks joined until they are whole, and what a stored answer looks like."""

from dataclasses import asdict, fields, replace
from typing import Any

from samplemind_cli.ai.types import COMPLETE, Answer, Chunk, Finish, ToolCall, Usage
from samplemind_cli.errors import CutStreamError, ProviderError


class Draft:
    """What has been heard so far of one answer."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._calls: list[ToolCall] = []
        self._finish: Finish | None = None
        self._usage = Usage()

    def add(self, chunk: Chunk) -> None:
        """Join a chunk."""
        if chunk.text:
            self._text.append(chunk.text)
        if chunk.thinking:
            self._thinking.append(chunk.thinking)
        for call in chunk.tool_calls:
            self._join(call)
        if self._finish not in ("refusal", "filtered"):  # a "stop" that follows one of these does not heal it
            self._finish = chunk.finish or self._finish
        self._usage = self._usage.updated(chunk.usage) if chunk.usage else self._usage

    def _join(self, piece: ToolCall) -> None:
        for i, call in enumerate(self._calls):
            if piece.index is not None and call.index == piece.index:
                arguments = call.arguments + piece.arguments
                self._calls[i] = replace(
                    call, name=call.name or piece.name, id=call.id or piece.id, arguments=arguments
                )
                return
        self._calls.append(piece)

    def answer(self, provider: str, model: str, key: str) -> Answer:
        """The whole answer. Raises CutStreamError when its end was never heard, ProviderError when it is empty."""
        text, thinking = "".join(self._text), "".join(self._thinking)
        if self._finish is None:
            raise CutStreamError(f"{provider}: the answer broke off before its end", "ask again")
        if not text and not self._calls and self._finish in ("stop", "length", "tool_calls"):
            why = "spent all its tokens on thinking" if thinking else "gave an empty answer"
            raise ProviderError(f"{provider}: {model} {why}", "raise --max-tokens, or choose another --model")
        if any(not call.name for call in self._calls):
            raise ProviderError(f"{provider}: {model} called a tool and did not say which", "ask again")
        finish: Finish = "tool_calls" if self._calls and self._finish == "stop" else self._finish
        return Answer(
            text=text,
            thinking=thinking,
            tool_calls=tuple(replace(c, index=None, arguments=c.arguments or "{}") for c in self._calls),
            provider=provider,
            model=model,
            key=key,
            finish_reason=finish,
            usage=self._usage,
        )


USAGE = tuple(part.name for part in fields(Usage))
STORED = ("text", "thinking", "provider", "model", "finish_reason", "usage", "tool_calls")


def to_json(answer: Answer) -> dict[str, Any]:
    """An answer as it is stored."""
    texts = {name: getattr(answer, name) for name in STORED}
    usage = {name: getattr(answer.usage, name) for name in USAGE}  # a tenth of the time of asdict
    return texts | {"usage": usage, "tool_calls": [asdict(call) for call in answer.tool_calls]}


def from_json(value: Any, key: str) -> Answer | None:
    """A stored answer, or None when the value is not one."""
    try:
        texts = {name: value[name] for name in STORED if name not in ("usage", "tool_calls")}
        usage, calls = value["usage"], [ToolCall(**call) for call in value["tool_calls"]]
        counted = all(count is None or type(count) is int for count in usage.values())
        written = all(isinstance(text, str) for text in (*texts.values(), *(c.arguments for c in calls)))
        if not counted or not written or value["finish_reason"] not in COMPLETE:
            return None
        return Answer(**texts, usage=Usage(**usage), tool_calls=tuple(calls), key=key)
    except (TypeError, KeyError, AttributeError):
        return None
