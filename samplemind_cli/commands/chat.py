"""`samplemind chat`."""

from typing import Annotated

import typer

from samplemind_cli.settings import Settings


def chat(
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="NAME", help="Use only this model.")] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Use only this provider.")] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", metavar="TEXT", help="The system prompt.")] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", "-c", metavar="NAME", help="Continue or start this conversation.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Do not render Markdown on a terminal.")] = False,
) -> None:
    r"""Chat with a language model.

    A backslash at the end of a line, or triple quotes around several, makes them one message. Ctrl-C stops an answer,
    Ctrl-D ends the chat, /help lists its commands. `samplemind ask -c` continues it.

    \b
    Examples:
      samplemind chat
      samplemind chat -m ollama/qwen3:8b
      samplemind chat -c songs
    """
    from samplemind_cli.ai.types import Options, Origin
    from samplemind_cli.asking.chat import Chat
    from samplemind_cli.asking.conversation import ConversationLog, new
    from samplemind_cli.spool import terminal

    settings = Settings.load()
    log = ConversationLog.open(settings, conversation) if conversation else new(settings)
    log.system = system or log.system
    log.model = model or log.model
    origin = Origin(command="chat", session=terminal())
    Chat(settings, log, Options(provider=provider or "", origin=origin, keep_content=True), raw=raw).run()
