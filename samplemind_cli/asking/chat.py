"""`samplemind chat`: a line typed, an answer shown, until somebody leaves."""

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
from samplemind_cli.asking.fetching import fetched, is_address
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
    """One sitting: its conversation, its options, and what it cost."""

    def __init__(self, settings: Settings, talk: ConversationLog, options: Options, *, raw: bool) -> None:
        self._settings = settings
        self._talk = talk
        self._options = options
        self._raw = raw
        self._prices = Prices(settings.config_dir, settings.rows)
        self._answers = self._tokens = self._unpriced = 0
        self._dollars = 0.0
        self._attached: list[Media | Text] = []  # to the next turn
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
        """Read and answer turns until the end of input or /quit. An error ends its turn alone."""
        for number in (signal.SIGTERM, signal.SIGHUP):  # unlike Ctrl-C, these end the chat
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _leave)
        core = AICore(self._settings, notify=output.say)
        with asyncio.Runner() as runner, typed.history(self._settings):
            try:
                for turn, commanded in typed.turns():
                    command, _, rest = turn.removeprefix("/").partition(" ")
                    if commanded and command == "quit":
                        return
                    try:
                        if commanded:
                            self._do(command, rest.strip())
                        else:
                            runner.run(self._answer(core, turn))
                    except KeyboardInterrupt:
                        output.say("\nstopped; this message and its answer are dropped")
                    except SamplemindError as error:
                        output.fail(error)
            finally:
                runner.run(core.close())

    def _do(self, command: str, rest: str) -> None:
        if command not in self._commands:
            raise UsageError(f"unknown command /{command}", "/help lists them")
        self._commands[command](rest)

    async def _answer(self, core: AICore, text: str) -> None:
        turn = Request(messages=(Message("user", [Text(text), *self._attached]),))
        seen = output.on_terminal(sys.stdout)
        width = shutil.get_terminal_size().columns
        style = show.Style(terminal=seen and not self._raw, seen=seen, width=width)
        options = self._talk.options(self._options)
        turn = pdf.readable(self._settings, turn, options, output.say)
        async with aclosing(core.stream(self._talk.continued(turn), options)) as chunks:
            answer = await show.stream(chunks, style)
        self._count(answer)
        self._attached = []
        self._talk.keep(turn, answer)

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
            named = "" if name == "auto" else name
            AICore(self._settings).routes(Request(messages=()), Options(model=named))  # raises where nobody has it
            self._talk.model = named
            self._options = replace(self._options, provider="")
        output.say(f"model: {self._talk.model or self._options.provider or 'auto'}")

    def _system(self, text: str) -> None:
        if text:
            self._talk.system = text
        output.say(f"system: {self._talk.system or 'none'}")

    def _attach(self, name: str) -> None:
        if not name:
            raise UsageError("/attach needs a file's name or an address", "/attach notes.txt")
        known = is_address(name)
        self._attached.append(fetched(name, self._settings) if known else attachment(files.named(name)))
        output.say(f"attached: {name}")

    def _save(self, name: str) -> None:
        if not name:
            raise UsageError("/save needs a file's name", "/save chat.md")
        system = [f"> {self._talk.system}"] if self._talk.system else []
        said = [f"**{message.role}**\n\n{message.text}" for message in self._talk.said]
        try:
            path = files.named(name).absolute()
            again = str(path) in self._saved and self._saved[str(path)] == files.identity(str(path))
            with path.open("w" if again else "x", encoding="utf-8", errors="replace") as file:
                file.write("\n\n".join([*system, *said]) + "\n")
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


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's
    raise SystemExit(128 + number)
