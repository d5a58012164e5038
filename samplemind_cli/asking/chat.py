"""`samplemind chat`: reads messages and shows answers until the end of input or /quit."""

import asyncio
import shutil
import signal
import sys
from contextlib import aclosing
from dataclasses import replace
from types import FrameType

from samplemind_cli import files, output
from samplemind_cli.ai import costs
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.types import Answer, Media, Message, Options, Request, Text
from samplemind_cli.asking import pdf, show, typed
from samplemind_cli.asking.conversation import ConversationLog
from samplemind_cli.asking.fetching import fetch, is_url
from samplemind_cli.asking.prompt import attachment
from samplemind_cli.budgets import in_dollars
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.settings import Settings

HELP = """/model [NAME]   show or change the model; /model auto: choose automatically
/system [TEXT]  show or change the system prompt
/attach FILE    attach a file or an https URL to the next message
/save FILE      write the conversation to a new file, as Markdown
/cost           show the cost so far
/quit           leave; Ctrl-D does too
\"\"\"             begins a message of several lines, and ends it; a \\ at a line's end goes on, too"""


class Chat:
    """One chat: its conversation, its options, and what it cost."""

    def __init__(self, settings: Settings, conversation: ConversationLog, options: Options, *, raw: bool) -> None:
        self._settings = settings
        self._conversation = conversation
        self._options = options
        self._raw = raw
        self._prices = Prices(settings.config_dir, settings.rows)
        self._answers = self._tokens = self._unpriced = 0
        self._dollars = 0.0
        self._attached: list[Media | Text] = []  # to the next message
        self._saved: dict[str, tuple[int, int, int] | None] = {}  # what each file was when it was written
        self._commands = {
            "attach": self._attach,
            "model": self._model,
            "system": self._system,
            "save": self._save,
            "cost": self._cost,
            "help": self._help,
        }

    def run(self) -> None:
        """Read and answer messages until the end of input or /quit. An error ends only its own turn."""
        for number in (signal.SIGTERM, signal.SIGHUP):  # unlike Ctrl-C, these end the chat
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _leave)
        core = AICore(self._settings, notify=output.say)
        with asyncio.Runner() as runner, typed.history(self._settings):
            try:
                for turn, is_command in typed.turns():
                    command, _, argument = turn.removeprefix("/").partition(" ")
                    if is_command and command == "quit":
                        return
                    try:
                        if is_command:
                            self._do(command, argument.strip())
                        else:
                            runner.run(self._answer(core, turn))
                    except KeyboardInterrupt:
                        output.say("\nstopped; this message and its answer are dropped")
                    except SamplemindError as error:
                        output.fail(error)
            finally:
                runner.run(core.close())

    def _do(self, command: str, argument: str) -> None:
        if command not in self._commands:
            raise UsageError(f"unknown command /{command}", "/help lists them")
        self._commands[command](argument)

    async def _answer(self, core: AICore, text: str) -> None:
        turn = Request(messages=(Message("user", [Text(text), *self._attached]),))
        seen = output.on_terminal(sys.stdout)
        width = shutil.get_terminal_size().columns
        style = show.Style(terminal=seen and not self._raw, seen=seen, width=width)
        options = self._conversation.options(self._options)
        turn = pdf.as_text(self._settings, turn, options, output.say)
        async with aclosing(core.stream(self._conversation.continued(turn), options)) as chunks:
            answer = await show.stream(chunks, style)
        self._count(answer)
        self._attached = []
        self._conversation.keep(turn, answer)

    def _count(self, answer: Answer) -> None:
        self._answers += 1
        if answer.cached:
            return
        tokens = costs.tokens(answer.usage)
        self._tokens += tokens.input + tokens.output
        cost = self._prices.dollars(answer.provider, answer.model, tokens)
        self._dollars += cost or 0.0
        self._unpriced += cost is None

    def _help(self, _: str) -> None:
        output.say(HELP)

    def _model(self, name: str) -> None:
        if name:
            model = "" if name == "auto" else name
            AICore(self._settings).routes(Request(messages=()), Options(model=model))  # raises for an unknown model
            self._conversation.model = model
            self._options = replace(self._options, provider="")
        output.say(f"model: {self._conversation.model or self._options.provider or 'auto'}")

    def _system(self, text: str) -> None:
        if text:
            self._conversation.system = text
        output.say(f"system: {self._conversation.system or 'none'}")

    def _attach(self, name: str) -> None:
        if not name:
            raise UsageError("/attach needs a file's name or an address", "/attach notes.txt")
        part = fetch(name, self._settings) if is_url(name) else attachment(files.named(name))
        self._attached.append(part)
        output.say(f"attached: {name}")

    def _save(self, name: str) -> None:
        if not name:
            raise UsageError("/save needs a file's name", "/save chat.md")
        system = [f"> {self._conversation.system}"] if self._conversation.system else []
        messages = [f"**{message.role}**\n\n{message.text}" for message in self._conversation.messages]
        try:
            path = files.named(name).absolute()
            again = str(path) in self._saved and self._saved[str(path)] == files.identity(str(path))
            with path.open("w" if again else "x", encoding="utf-8", errors="replace") as file:
                file.write("\n\n".join([*system, *messages]) + "\n")
        except FileExistsError as error:
            raise UsageError(f"{name} is there already, and not of this chat", "/save ANOTHER") from error
        except OSError as error:
            raise UsageError(f"cannot write {name}: {error.strerror or error}", "/save ANOTHER") from error
        self._saved[str(path)] = files.identity(str(path))
        output.say(f"saved: {name}")

    def _cost(self, _: str) -> None:
        unknown = f", and {_answers(self._unpriced)} of unknown price" if self._unpriced else ""
        output.say(f"{_answers(self._answers)}, {self._tokens:,} tokens, {in_dollars(self._dollars)}{unknown}")


def _answers(count: int) -> str:
    return f"{count} answer" if count == 1 else f"{count} answers"


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
    raise SystemExit(128 + number)
