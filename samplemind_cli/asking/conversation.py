"""A conversation of `ask -c` and `chat`: its earlier turns stand before each new one, and never change."""

from collections.abc import Sequence
from dataclasses import replace

from samplemind_cli import spool
from samplemind_cli.ai.stored import message_from_json, message_to_json
from samplemind_cli.ai.types import Answer, Message, Options, Part, Request, Text, ToolCall
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.ledger import conversations
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

WORTHLESS = ("refusal", "filtered")  # ends that nothing can follow


class ConversationLog:
    """One conversation, loaded from the ledger and kept there."""

    def __init__(self, settings: Settings, held: conversations.Conversation) -> None:
        self._settings = settings
        self._held = held
        self._said = [message_from_json(value) for value in held.messages]

    @classmethod
    def open(cls, settings: Settings, name: str, *, fork: bool = False) -> "ConversationLog":
        """The conversation of that name; "": the last one of this terminal. Raises UsageError without a ledger.

        With `fork` it is a copy without a name, and what is stored stays as it is.
        """
        if settings.history == "off" or not settings.state_dir:
            raise UsageError("a conversation is kept in the ledger, and history is off", "ask without -c or --no-log")
        ledger, here = Ledger(settings), spool.terminal()
        with ledger.open() as connection:
            held = conversations.named(connection, name, here) if name else conversations.last(connection, here)
        if fork:
            held = replace(held, name="", number=None)
        try:
            return cls(settings, held)
        except (KeyError, TypeError, ValueError) as error:
            raise SamplemindError("the stored conversation cannot be read", "-c ANOTHERNAME") from error

    @property
    def system(self) -> str:
        """The instructions above it."""
        return self._held.system

    @system.setter
    def system(self, text: str) -> None:
        self._held.system = text

    @property
    def model(self) -> str:
        """The model that was named for it; "": none was."""
        return self._held.model

    @model.setter
    def model(self, name: str) -> None:
        self._held.model = name

    @property
    def said(self) -> Sequence[Message]:
        """Its turns so far."""
        return self._said

    def continued(self, request: Request) -> Request:
        """The request with all that was said before it; instructions of its own stand instead of the earlier ones."""
        own = [message.text for message in request.messages if message.role == "system"]
        self.system = own[0] if own else self.system
        above = [Message("system", self.system)] if self.system else []
        return replace(request, messages=(*above, *self._said, *_spoken(request)))

    def options(self, options: Options) -> Options:
        """The options with the conversation's model, where none is named; one that is named becomes its own."""
        if options.model or options.provider:
            self.model = options.model
            return options
        return replace(options, model=self.model)

    def keep(self, request: Request, answer: Answer) -> None:
        """Store the turn that `request` asked, before it was continued, and its answer. Raises SamplemindError."""
        if answer.finish_reason in WORTHLESS:
            return
        turn = [*_spoken(request), Message("assistant", _lasting(answer))]
        self._said += turn
        if self._settings.history == "off":
            return
        with Ledger(self._settings).open() as connection:
            conversations.keep(connection, self._held, list(map(message_to_json, turn)))


def unkept(settings: Settings) -> ConversationLog:
    """A new conversation of this terminal, which is stored where history is kept."""
    return ConversationLog(settings, conversations.Conversation(spool.terminal()))


def _spoken(request: Request) -> list[Message]:
    return [message for message in request.messages if message.role != "system"]


def _lasting(answer: Answer) -> list[Part]:
    """What stays of an answer: a call that nobody answers would spoil every later turn, so it stays as words."""
    kept: list[Part] = [part for part in answer.parts if not isinstance(part, ToolCall)]
    called = [Text(f"{call.name}({call.arguments})") for call in answer.tool_calls]
    return [*kept, *called] or [Text("(nothing)")]
