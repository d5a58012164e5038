"""`samplemind chat`."""

from typing import Annotated

import typer

from samplemind_cli.settings import Settings


def chat(
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Ask this model and no other.")
    ] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Ask this provider and no other.")] = None,
    system: Annotated[
        str | None, typer.Option("--system", "-s", metavar="TEXT", help="Instructions that stand above it all.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", "-c", metavar="NAME", help="Go on with this one, or begin it.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="On a terminal, print the Markdown as it is.")] = False,
) -> None:
    r"""Talk with a language model, turn by turn.

    A backslash at a line's end, or \"\"\" around them, makes several lines one turn. Ctrl-C stops an answer, Ctrl-D
    ends the chat; /help lists its commands. `samplemind ask -c` goes on with it.

    \b
    Examples:
      samplemind chat
      samplemind chat -m ollama/qwen3:8b
      samplemind chat -c songs
    """
    from samplemind_cli.ai.types import Options, Origin
    from samplemind_cli.asking.chat import Chat
    from samplemind_cli.asking.conversation import ConversationLog, unkept
    from samplemind_cli.spool import terminal

    settings = Settings.load()
    talk = ConversationLog.open(settings, conversation) if conversation else unkept(settings)
    talk.system = system or talk.system
    talk.model = model or talk.model
    origin = Origin(command="chat", session=terminal())
    Chat(settings, talk, Options(provider=provider or "", origin=origin, keep_content=True), raw=raw).run()
