"""`samplemind ask`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.commands._ask_line import CONVERSATION, Command, installed_models, providers, templates
from samplemind_cli.providers import ROWS, Effort, Priority, Task
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from samplemind_cli.ai.types import Answer, Options, Request
    from samplemind_cli.asking.show import Style
    from samplemind_cli.hot import Question

__all__ = ["Command", "ask"]
PROVIDERS = ", ".join(row.name for row in ROWS)


def ask(
    ctx: typer.Context,
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="The question; piped input is appended to it.")
    ] = None,
    task: Annotated[
        Task | None, typer.Option("--task", "-t", help="The kind of task; decides which provider is tried first.")
    ] = None,
    priority: Annotated[Priority, typer.Option("--priority", "-p", help="What matters most.")] = "speed",
    provider: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=f"Use only this provider: {PROVIDERS}, or your own.", autocompletion=providers
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="Use only this model.", autocompletion=installed_models),
    ] = None,
    system: Annotated[str | None, typer.Option("--system", "-s", metavar="TEXT", help="The system prompt.")] = None,
    conversation: Annotated[
        str | None,
        typer.Option(*CONVERSATION, metavar="[NAME]", help="Continue this conversation, or this terminal's last one."),
    ] = None,
    fork: Annotated[bool, typer.Option("--fork", help="Continue a copy of the conversation.")] = False,
    template: Annotated[
        str | None,
        typer.Option("--template", "-T", metavar="NAME", help="Fill this template.", autocompletion=templates),
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", metavar="NAME=VALUE", help="A variable of the template; may be repeated."),
    ] = None,
    attach: Annotated[
        list[str] | None,
        typer.Option(
            "--attach",
            "-a",
            metavar="FILE",
            help="An image, audio, PDF or text file, an https URL, or - for stdin; may be repeated.",
        ),
    ] = None,
    code: Annotated[bool, typer.Option("--extract", "-x", help="Print only the first code block.")] = False,
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON Schema that the answer must satisfy.")
    ] = None,
    tools: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Tools the model may call, in OpenAI's format.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, metavar="NUMBER", help="0 is the least random. Not sent to Claude.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Maximum length of the answer, in tokens.")
    ] = None,
    effort: Annotated[Effort | None, typer.Option(help="Reasoning effort, for models that reason.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="NAME=JSON", help="Any other parameter, such as top_p=0.9 or top_k=40; may be repeated."
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the cache.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ignore the cached answer, and cache the new one.")
    ] = False,
    ttl: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Maximum age of a cached answer.")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, metavar="SECONDS", help="Give up after this time.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", min=0, metavar="DOLLARS", help="Refuse a call that may cost more than this."),
    ] = None,
    no_log: Annotated[bool, typer.Option("--no-log", help="Do not record this call in the ledger.")] = False,
    no_fallback: Annotated[
        bool, typer.Option("--no-fallback", help="Fail if the first provider cannot answer.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show which provider would be used and why; send nothing.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Show how a new question differs from stored ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Do not render Markdown on a terminal.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show where the answer came from.")] = False,
) -> int:
    r"""Ask a language model; a repeated question costs nothing.

    \b
    Examples:
      samplemind ask "What key is A C# E?"
      git diff | samplemind ask "Review this"
      samplemind ask -t creative -p quality "Name a band"
      samplemind ask -c "And its relative minor?"
      samplemind ask -T review --var language=Python <song.py
      samplemind ask --json "Hi" | jq .usage
    """
    from samplemind_cli import hot, spool
    from samplemind_cli.ai.types import Options, Origin
    from samplemind_cli.asking import fetching
    from samplemind_cli.asking.prompt import prompt_and_name
    from samplemind_cli.asking.prompt import request as build_request
    from samplemind_cli.errors import UsageError

    if no_cache and refresh:
        raise UsageError("--no-cache and --refresh exclude each other", "samplemind ask --help")
    if code and as_json:
        raise UsageError("--extract and --json exclude each other", "samplemind ask --help")
    settings = Settings.load(read_timeout=timeout, local_read_timeout=timeout)
    question = ctx.obj if isinstance(ctx.obj, hot.Question) else None
    stdin = question.stdin if question else hot.read_stdin()
    if conversation is not None or fork:
        prompt, conversation = prompt_and_name(prompt, conversation or "", stdin)
    given: dict[str, Any] = {
        "system": system,
        "schema": schema,
        "temperature": temperature,
        "max_tokens": max_tokens,
        "effort": effort,
        "model": model,
        "task": task,
    }
    given, fill = _with_template(settings, template, var, given, verbose=verbose)
    chosen: dict[str, Any] = {"task": given.pop("task") or "factual", "model": given.pop("model") or ""}
    attachments = fetching.attachments(attach or [], settings)
    if template or "://" in " ".join(attach or []):
        question = None  # a record would not notice that one of them changed
    request = build_request(
        prompt,
        stdin,
        attach=attachments,
        fill=fill,
        tools=tools,
        params=param or [],
        **given | {"effort": given["effort"] or ""},
    )
    options = Options(
        **chosen,
        priority=priority,
        provider=provider or "",
        fallback=not no_fallback,
        cache="off" if no_cache else "refresh" if refresh else "use",
        ttl=ttl,
        timeout=timeout,
        max_cost=max_cost,
        origin=Origin(command="ask", session=spool.terminal()),
        keep_content=True,
    )
    if no_log:
        settings = settings.changed({"history": "off"}, "--no-log")
    log = None
    if conversation is not None:
        from samplemind_cli.asking.conversation import ConversationLog

        log = ConversationLog.open(settings, conversation, fork=fork)
        options = log.options(options)
    turn = _pdfs_as_text(settings, request, options) if attach else request
    request = log.continued(turn) if log else turn
    if explain:
        from samplemind_cli.asking.explain import explanation

        explanation(settings, request, options, as_json=as_json)
        return 0
    answer, style = _answer(settings, request, options, as_json=as_json, raw=raw, verbose=verbose, code=code, why=why)
    if log:  # each turn is a new question: nothing to print again
        log.keep(turn, answer)
    elif question:
        read = [path for path in (*attachments, schema, tools) if path]
        _remember(settings, question, request, options, answer, style, read)
    return _exit_code(answer)


def _with_template(
    settings: Settings, template: str | None, var: list[str] | None, given: dict[str, Any], *, verbose: bool
) -> "tuple[dict[str, Any], Callable[[str], str] | None]":
    """The options, with a template's, and a function that makes the prompt's text."""
    if not (template or var):
        return given, None
    from samplemind_cli.asking.templates import apply

    return apply(settings, template or "", var or [], given, verbose=verbose)


def _pdfs_as_text(settings: Settings, request: "Request", options: "Options") -> "Request":
    """The request with its PDFs as text, if no route accepts PDFs."""
    from samplemind_cli import output
    from samplemind_cli.asking import pdf

    return pdf.as_text(settings, request, options, output.say)


def _remember(
    settings: Settings,
    question: "Question",
    request: "Request",
    options: "Options",
    answer: "Answer",
    style: "Style",
    read: list[Any],
) -> None:
    """Record what the same question will print, as long as the files that were `read` are unchanged."""
    from samplemind_cli.ai.journal import repeated
    from samplemind_cli.asking.remember import remember

    files = [path for path in (*read, settings.embedded_model) if path and str(path) != "-"]
    remember(question, options, answer, style, map(Path, files), repeated(settings, request, options, answer))


def _answer(
    settings: Settings,
    request: "Request",
    options: "Options",
    *,
    as_json: bool,
    raw: bool,
    verbose: bool,
    code: bool,
    why: bool,
) -> "tuple[Answer, Style]":
    import asyncio
    import shutil
    import sys
    from contextlib import aclosing

    from samplemind_cli import output
    from samplemind_cli.ai.core import AICore
    from samplemind_cli.asking import download_bar, newness, show

    seen = output.on_terminal(sys.stdout)
    style = show.Style(
        json=as_json,
        terminal=seen and not (raw or as_json or code),
        seen=seen,
        width=shutil.get_terminal_size().columns,
        verbose=verbose,
        settings=settings,
        whole=request.schema is not None or code,
        code=code,
    )

    async def asking() -> "Answer":
        core = AICore(settings, notify=output.say, progress=download_bar.DownloadBar(), long_lived=False)
        try:
            new = newness.Newness(core.questions.known(), request) if why else None
            async with aclosing(core.stream(request, options)) as chunks:
                answer = await show.stream(new.watch(chunks) if new else chunks, style)
            for line in new.lines(answer) if new else ():
                output.say(line)
            return answer
        finally:
            await core.close()

    return asyncio.run(asking()), style


def _exit_code(answer: "Answer") -> int:
    """The exit code 0; reports an answer that was cut off. Raises ProviderError if it was refused or filtered."""
    from samplemind_cli import output
    from samplemind_cli.errors import ProviderError

    match answer.finish_reason:
        case "length":
            output.say("the answer was cut off at the token limit; raise --max-tokens")
        case "refusal":
            raise ProviderError(f"{answer.provider}: {answer.model} refused to answer", "rephrase the prompt")
        case "filtered":
            raise ProviderError(f"{answer.provider}: the answer was withheld by a filter", "rephrase the prompt")
    return 0
