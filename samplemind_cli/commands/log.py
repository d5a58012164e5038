"""`samplemind log`."""

import time
from typing import Annotated, Any

import typer

from samplemind_cli.settings import Settings

PAUSE = 0.5  # seconds between polls with --follow


def log(
    call: Annotated[str | None, typer.Argument(metavar="ID", help="A call's ID, or a unique prefix of it.")] = None,
    search: Annotated[str | None, typer.Option(metavar="WORDS", help="Only calls that contain these words.")] = None,
    count: Annotated[int, typer.Option("--tail", "-n", min=1, metavar="N", help="Only the last N calls.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new calls as they come, until Ctrl-C.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Repeat the call, and show both answers.")] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="With --again: use this model.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    r"""List recorded calls, show one, or repeat it.

    \b
    Examples:
      samplemind log
      samplemind log --search "what key"
      samplemind log 3f2a91 --again --model openai/gpt-6-luna
    """
    from samplemind_cli.errors import UsageError
    from samplemind_cli.ledger import log as ledger
    from samplemind_cli.ledger.store import Ledger

    if again and not call:
        raise UsageError("--again needs a call's ID", "samplemind log lists them")
    if model and not again:
        raise UsageError("--model is for --again", "samplemind log ID --again --model NAME")
    if call is not None and (search or follow):
        raise UsageError("an ID cannot be combined with other filters", "samplemind log ID")
    store = Ledger(Settings.load())
    if call is not None:
        with store.open() as connection:
            chosen = ledger.one(connection, call)
        _show(chosen, as_json=as_json)
        if again:
            _ask_again(chosen, model)
        return
    with store.open() as connection:
        calls = ledger.search(connection, search, count) if search is not None else ledger.latest(connection, count)
    _list(calls, as_json=as_json)
    seen = max((entry["number"] for entry in calls), default=0)
    while follow:
        time.sleep(PAUSE)
        with store.open() as connection:
            calls = ledger.latest(connection, 1000, seen)
        _list([entry for entry in calls if not search or _contains(entry, search)], as_json=as_json)
        seen = max((entry["number"] for entry in calls), default=seen)


def _contains(call: dict[str, Any], words: str) -> bool:
    text = f"{call.get('prompt', '')} {call.get('answer', '')}".lower()
    return all(word in text for word in words.lower().split())


def _list(calls: list[dict[str, Any]], *, as_json: bool) -> None:
    from samplemind_cli import output

    if as_json:
        for call in calls:
            output.print_json(call)
        return
    for call in calls:
        output.write(f"{' '.join(_line(call).split())}\n")


def _line(call: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(call["at"]))
    times = f" x{call['times']}" if call.get("times", 1) > 1 else ""
    where = call.get("error") or call.get("tier", "")
    prompt = call.get("prompt", "")
    excerpt = prompt if len(prompt) <= 60 else prompt[:59] + "…"  # noqa: PLR2004 - what a line holds
    latency = f"{call['ms']:.0f} ms" if "ms" in call else ""
    source = call.get("client") or call.get("command", "")
    name = f"{call['provider']}/{call.get('model', '')}" if call.get("provider") else "-"  # no provider was available
    return f"{call['id'][:12]} {when} {source} {name} {where}{times} {latency} {excerpt}"


def _show(call: dict[str, Any], *, as_json: bool) -> None:
    from samplemind_cli import output

    if as_json:
        output.print_json(call)
        return
    hidden = ("number", "prompt", "answer", "system")
    facts = [(name, _fact(name, value)) for name, value in call.items() if name not in hidden]
    output.lines(f"{name:<18} {value}" for name, value in facts)
    for name in ("system", "prompt", "answer"):
        if call.get(name):
            output.write(f"\n{name}:\n{call[name]}\n")


def _fact(name: str, value: Any) -> Any:
    if name != "nearest":
        return value
    return " ".join(f"{value.get('id', value['key'])} {value.get('prompt', '')}".split())


def _ask_again(call: dict[str, Any], model: str | None) -> None:
    """Repeat a call without the cache; print the new answer after the old one."""
    from samplemind_cli import output
    from samplemind_cli.ai import AICore, Message, Options, Request
    from samplemind_cli.ai.types import Origin
    from samplemind_cli.errors import UsageError

    if not call.get("prompt"):
        raise UsageError("the text of this call was not recorded", "only `ask` records it, unless history is off")
    system = [Message("system", call["system"])] if call.get("system") else []
    request = Request(messages=(*system, Message("user", call["prompt"])))
    model = model or f"{call['provider']}/{call['model']}"
    options = Options(model=model, cache="refresh", origin=Origin(command="log"), keep_content=True)
    answer = AICore(Settings.load(), notify=output.say, long_lived=False).ask_sync(request, options)
    output.write(f"\nagain, {answer.provider}/{answer.model}:\n{answer.text}\n")
