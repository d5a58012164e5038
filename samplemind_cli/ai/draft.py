"""An answer in the making: the chunks of a provider mended and joined until they are whole."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, Self

from samplemind_cli.ai.called_tools import CalledTools
from samplemind_cli.ai.growing import OpenCall, Words
from samplemind_cli.ai.passing import Passing
from samplemind_cli.errors import CutStreamError, ProviderError
from samplemind_cli.formats import reading
from samplemind_cli.formats.types import (
    Answer,
    Chunk,
    Finish,
    Format,
    Opaque,
    Part,
    Request,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

_LASTING = ("refusal", "filtered")  # a "stop" that follows one of these does not heal it


class Draft:
    """One answer as far as its chunks have arrived.

    `key`, the cache key of its question, makes the ids of calls that came without one: the same in each replay of the
    answer, others in the next turn. `used`: ids of earlier calls. `one_call`: further calls are left out. `origin` is
    the provider's format. `json`: a code fence around all of the text is no part of it. `passing`: a client of the
    provider's format waits for it. `names`: of the tools that may be called.
    """

    def __init__(  # noqa: PLR0913 - each for itself
        self,
        key: str = "",
        *,
        used: Collection[str] = (),
        one_call: bool = False,
        origin: Format = "",
        json: bool = False,
        passing: bool = False,
        names: frozenset[str] = frozenset(),
    ) -> None:
        self._key = key
        self._used = used
        self._one_call = one_call
        self._names = names
        self._leading: str | None = "" if json else None  # text of which it is not known whether it is fenced
        self._fenced = False
        self.origin: Format = origin
        self._parts: list[Words | OpenCall | Thinking | Opaque] = []
        self._calls = CalledTools(key, used, names, one=one_call)
        self._pieces = False  # whether any of it came in pieces
        self._finish: Finish | None = None
        self._usage = Usage()
        self._model = ""
        self._stop_sequence = ""
        self._logprobs: list[object] = []
        self._held = 0.0
        self._dropped: tuple[str, ...] = ()
        self._begun = False
        self._others: dict[int, Draft] = {}
        self.passing = Passing(origin, on=passing)

    @classmethod
    def of(cls, request: Request, key: str, origin: Format) -> Self:
        """The draft of a request's answer."""
        return cls(
            key,
            used={call.id for message in request.messages for call in message.tool_calls},
            one_call=request.parallel_tool_calls is False,
            origin=origin,
            json=request.schema is not None or request.json_mode,
            passing=request.source == origin,
            names=request.functions,
        )

    def add(self, chunk: Chunk, event: Any = None) -> Chunk | None:
        """Join a chunk; returns what to send of it, with calls by their place in the answer, or None for nothing.

        `event` is what it was read from, if a client of that format can read it.
        """
        original = chunk
        if self._finish not in _LASTING and not (self._finish and chunk.finish == "unknown"):
            self._finish = chunk.finish or self._finish
        self._usage = self._usage.updated(chunk.usage) if chunk.usage else self._usage
        self._model = self._model or chunk.model
        self._stop_sequence = chunk.stop_sequence or self._stop_sequence
        self._held = max(self._held, chunk.held)
        self._dropped = chunk.dropped or self._dropped
        others = tuple(self._other(number, other) for number, other in chunk.others)
        if chunk.whole and self._parts:
            chunk = self._remainder(chunk)
        self._pieces = self._pieces or not chunk.whole
        self._say(chunk)
        if chunk.text and (self._fenced or self._leading is not None):
            chunk = replace(chunk, text=self._outside(chunk.text))
        calls = tuple(self._calls.add(chunk.tool_calls, self._parts.append))
        if chunk.finish and not chunk.tool_calls:  # some servers name an end with each piece of a call
            calls = (*calls, *self._calls.rest())
        self.passing.add(event, original, chunk, calls, calling=bool(self._calls))
        said = chunk.text or chunk.thinking or chunk.signature or chunk.block or calls
        if not said and not any(other for _, other in others):
            return None
        first, self._begun = not self._begun, True
        return Chunk(  # made anew: replace() takes several times as long, and this is done for every word
            chunk.text,
            chunk.thinking,
            calls,
            signature=chunk.signature,
            thought_id=chunk.thought_id,
            block=chunk.block,
            refusal=chunk.refusal,
            usage=reading.counted(self._usage) if first else None,
            held=self._held if first else 0.0,
            dropped=self._dropped if first else (),
            logprobs=chunk.logprobs,
            stop_sequence=chunk.stop_sequence,
            others=tuple((number, other) for number, other in others if other) if others else (),
            events=self.passing.take(),
            origin=self.origin,
        )

    def end(self) -> Chunk | None:
        """What was held back to the end."""
        calls = tuple(self._calls.rest())
        text = reading.unfenced("".join(self._texts())) if self._fenced else ""
        ends = ((number, other.end()) for number, other in self._others.items())
        others = tuple((number, end) for number, end in ends if end)
        if not (calls or text or others):
            return None
        self.passing.mended()
        return Chunk(text, tool_calls=calls, others=others)

    def _outside(self, text: str) -> str:
        """What may be sent of a text that may be fenced: all of it once it is not, nothing while it is."""
        if self._fenced:
            return ""
        self._leading = (self._leading or "") + text
        if not self._leading.strip():
            return ""
        text, self._leading = self._leading, None
        self._fenced = text.lstrip().startswith(("`", "~"))
        return "" if self._fenced else text

    def _other(self, number: int, chunk: Chunk) -> tuple[int, Chunk | None]:
        if number not in self._others:
            self._others[number] = Draft(
                f"{self._key}:{number}",
                used=self._used,
                one_call=self._one_call,
                origin=self.origin,
                names=self._names,
            )
        return number, self._others[number].add(chunk)

    def _remainder(self, chunk: Chunk) -> Chunk:
        """Of a whole answer that comes after a part of it: only what is new."""
        text = "" if self._pieces else chunk.text
        mine = "".join(self._texts())
        calls = () if self._calls else chunk.tool_calls
        new = text[len(mine) :] if text.startswith(mine) else ""
        return replace(chunk, text=new, thinking="", signature="", tool_calls=calls, block=None, logprobs=())

    def _texts(self) -> Iterator[str]:
        for part in self._parts:
            if isinstance(part, Words) and not part.thought:
                yield from part.pieces

    def _say(self, chunk: Chunk) -> None:
        if chunk.block:
            self._parts.append(chunk.block)
        if chunk.thinking or chunk.signature:
            words = self._words(thought=True)
            words.pieces.append(chunk.thinking)
            words.signature += chunk.signature
            words.id = words.id or chunk.thought_id
        if chunk.text:
            self._words(thought=False).pieces.append(chunk.text)
        self._logprobs.extend(chunk.logprobs)

    def _words(self, *, thought: bool) -> Words:
        """The text or thought that goes on, or a new one."""
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Words) and last.thought == thought and not (last.signature and thought):
            return last
        words = Words(thought)
        self._parts.append(words)
        return words

    def answer(self, provider: str, model: str) -> Answer:
        """The whole answer. Raises CutStreamError when its end never arrived, ProviderError when it is empty."""
        if self._finish is None:
            raise CutStreamError(f"{provider}: the answer broke off before its end", "ask again")
        parts = [part if isinstance(part, Thinking | Opaque) else self._part(part) for part in self._parts]
        calls = [part for part in parts if isinstance(part, ToolCall)]
        said = any(isinstance(p, Opaque | ToolCall) or (isinstance(p, Text) and p.text) for p in parts)
        if not said and self._finish not in _LASTING:
            why = "spent all its tokens on thinking" if parts else "gave an empty answer"
            raise ProviderError(f"{provider}: {model} {why}", "raise --max-tokens, or choose another --model")
        if any(not call.name for call in calls):
            raise ProviderError(f"{provider}: {model} called a tool without naming it", "ask again")
        finish, sound = self._ended(calls)
        return Answer(
            parts=tuple(parts),
            provider=provider,
            model=model,
            key=self._key,
            finish_reason=finish,
            usage=self._usage,
            others=tuple(draft.answer(provider, model) for _, draft in sorted(self._others.items())),
            logprobs=tuple(self._logprobs),
            stop_sequence=self._stop_sequence,
            sound=sound,
            dropped=self._dropped,
        )

    def _part(self, part: Words | OpenCall) -> Part:
        found = part.part() if isinstance(part, OpenCall) else part.part(self.origin)
        return Text(reading.unfenced(found.text)) if self._fenced and isinstance(found, Text) else found

    def _ended(self, calls: list[ToolCall]) -> tuple[Finish, bool]:
        """How it ended, and whether nothing about it is doubtful."""
        if self._finish is None:
            raise AssertionError
        sound = all(reading.is_object(call.arguments) for call in calls)
        if calls and self._finish in ("stop", "unknown"):
            return "tool_calls", sound and self._finish == "stop"
        if self._finish == "tool_calls" and not calls:
            return "stop", False
        return self._finish, sound
