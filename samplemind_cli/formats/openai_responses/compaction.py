"""Compaction: one sealed item that a client sends back instead of a long conversation.

OpenAI writes and reads its own. Any other model is asked for a summary, which is sealed as thoughts are and told to
whichever provider answers next: nothing is kept here.
"""

from collections.abc import Iterator
from dataclasses import replace

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_responses import proofs
from samplemind_cli.formats.openai_responses.events import Events
from samplemind_cli.formats.types import Answer, Chunk, Opaque, Text

KIND, TRIGGER = "compaction", "compaction_trigger"
PROMPT = (
    "The conversation is about to be replaced by a summary of it. Write that summary, for whoever goes on with the"
    " work: what was asked for, what was decided and why, what was found out and done (with names, paths and numbers as"
    " they are), and what is left to do. Answer with the summary alone."
)
_OPENING = "The conversation until here was replaced by this summary of it:\n\n"


def is_asked(fields: Fields) -> bool:
    """Whether the input ends with the item that asks for it."""
    given = fields.raw.get("input")
    last = given[-1] if isinstance(given, list) and given else None
    return reading.mapping(last).get("type") == TRIGGER


def summary(item: Fields) -> Text | None:
    """The summary that was sealed here; None where another server sealed the item."""
    proof = proofs.opened(item.get("encrypted_content", str) or "")
    words = reading.text((proof or {}).get("summary"))
    return Text(_OPENING + words) if words else None


def compacted(answer: Answer) -> Answer:
    """The answer with its text sealed; one of OpenAI's holds its own item already."""
    own = any(isinstance(part, Opaque) and part.value.get("type") == KIND for part in answer.parts)
    if own or not answer.text or answer.finish_reason == "refusal":
        return answer
    sealed = {"type": KIND, "encrypted_content": proofs.of_summary(answer.text)}
    return replace(answer, parts=(Opaque("openai_responses", sealed),))


class CompactionEvents(Events):
    """The events of a response that is a compaction: it is told when it is whole."""

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """See Events."""
        answer = compacted(chunk.answer) if chunk.answer else None
        if answer or chunk.route:
            yield from super().of(Chunk(route=chunk.route, origin=chunk.origin, answer=answer))
