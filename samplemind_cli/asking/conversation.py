"""A conversation of `ask -c` and `chat`: each request begins with its earlier turns, unchanged."""

from collections.abc import Sequence
from dataclasses import replace

from samplemind_cli import spool
from samplemind_cli.ai.stored import message_from_json, message_to_json
from samplemind_cli.ai.types import Answer, Message, Options, Part, Request, Text, ToolCall
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.ledger import conversations
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

DROPPED = ("refusal", "filtered")  # finish reasons of answers that are not stored


class ConversationLog:
    """One conversation, loaded from the ledger and stored there."""

    def __init__(self, settings: Settings, stored: conversations.Conversation) -> None:
        self._settings = settings
        self._stored = stored
        self._messages = [message_from_json(value) for value in stored.messages]

    @classmethod
    def open(cls, settings: Settings, name: str, *, fork: bool = False) -> "ConversationLog":
        """The conversation of that name; "": this terminal's last one. Raises UsageError without a ledger.

        With `fork` it is a copy without a name, and the stored one is not changed.
        """
        if settings.history == "off" or not settings.state_dir:
            raise UsageError("a conversation is kept in the ledger, and history is off", "ask without -c or --no-log")
        ledger, here = Ledger(settings), spool.terminal()
        with ledger.open() as connection:
            stored = conversations.named(connection, name, here) if name else conversations.last(connection, here)
        if fork:
            stored = replace(stored, name="", number=None)
        try:
            return cls(settings, stored)
        except (KeyError, TypeError, ValueError) as error:
            raise SamplemindError("the stored conversation cannot be read", "-c ANOTHERNAME") from error

    @property
    def system(self) -> str:
        """Its system prompt."""
        return self._stored.system

    @system.setter
    def system(self, text: str) -> None:
        self._stored.system = text

    @property
    def model(self) -> str:
        """The model chosen for it; "" if none."""
        return self._stored.model

    @model.setter
    def model(self, name: str) -> None:
        self._stored.model = name

    @property
    def messages(self) -> Sequence[Message]:
        """Its messages so far, without the system prompt."""
        return self._messages

    def continued(self, request: Request) -> Request:
        """The request with the earlier messages before its own; its system prompt replaces the conversation's."""
        own = [message.text for message in request.messages if message.role == "system"]
        self.system = own[0] if own else self.system
        system = [Message("system", self.system)] if self.system else []
        return replace(request, messages=(*system, *self._messages, *_without_system(request)))

    def options(self, options: Options) -> Options:
        """The options with the conversation's model, if they name none; else theirs becomes the conversation's."""
        if options.model or options.provider:
            self.model = options.model
            return options
        return replace(options, model=self.model)

    def keep(self, request: Request, answer: Answer) -> None:
        """Store a turn: the request, as it was before `continued`, and its answer. Raises SamplemindError."""
        if answer.finish_reason in DROPPED:
            return
        turn = [*_without_system(request), Message("assistant", _storable(answer))]
        self._messages += turn
        if self._settings.history == "off":
            return
        with Ledger(self._settings).open() as connection:
            conversations.keep(connection, self._stored, list(map(message_to_json, turn)))


def new(settings: Settings) -> ConversationLog:
    """A new conversation of this terminal, stored unless history is off."""
    return ConversationLog(settings, conversations.Conversation(spool.terminal()))


def _without_system(request: Request) -> list[Message]:
    return [message for message in request.messages if message.role != "system"]


def _storable(answer: Answer) -> list[Part]:
    """An answer's parts, tool calls as text: providers reject conversations with unanswered calls."""
    parts: list[Part] = [part for part in answer.parts if not isinstance(part, ToolCall)]
    calls = [Text(f"{call.name}({call.arguments})") for call in answer.tool_calls]
    return [*parts, *calls] or [Text("(nothing)")]
