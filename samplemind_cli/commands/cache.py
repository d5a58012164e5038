"""`samplemind cache`: inspects and clears the answer cache."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.help_text import Group
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ai.cache import Cache

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Provider = Annotated[str, typer.Option("--provider", metavar="NAME", help="Only this provider's answers.")]
Model = Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="Only this model's; also PROVIDER/MODEL.")]
Tier = Annotated[str, typer.Option("--tier", metavar="TIER", help="Only in this tier: local or redis.")]
Older = Annotated[str, typer.Option("--older-than", metavar="TIME", help="Only older ones: 7d, 3h, today, 2026-11-30.")]
Question = Annotated[
    str, typer.Option("--question", metavar="TEXT", help="Only answers to prompts that begin so, where log has them.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A key, or a unique prefix of it or of its fingerprint.")]

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@app.callback()
def cache() -> None:
    r"""Inspect the answer cache, or clear it.

    \b
    Example:
      samplemind cache stats
    """


@app.command()
def stats(as_json: Json = False) -> None:
    r"""Show what is cached, where, and its size.

    \b
    Example:
      samplemind cache stats --json
    """
    from samplemind_cli import output

    settings = Settings.load()
    document = {"cache": settings.cache, **_cache(settings).stats()}
    if as_json:
        output.print_json(document)
    else:
        output.lines(f"{name:<9} {value}" for name, value in _lines(document))


@app.command()
def clear(
    provider: Provider = "",
    model: Model = "",
    tier: Tier = "",
    older_than: Older = "",
    question: Question = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    r"""Remove the stored answers, here and in Redis.

    \b
    Examples:
      samplemind cache clear
      samplemind cache clear --provider ollama --yes
      samplemind cache clear --model openai/gpt-4o --older-than 7d
    """
    from samplemind_cli import output
    from samplemind_cli.ai.cache.removal import Removal
    from samplemind_cli.ledger import clearing

    settings = Settings.load()
    store = _cache(settings)
    request = clearing.ClearRequest(provider, model, tier, older_than, question)
    removal = Removal(**clearing.removal_fields(settings, request))
    here = f"in {settings.cache_dir}" if tier != "redis" else ""
    shared = f"in Redis at {store.shared_at}" if store.shared_at and tier != "local" else ""
    if not output.confirm(f"Remove {request} {' and '.join(filter(None, (here, shared)))}?", yes=yes):
        raise typer.Abort
    removed = store.clear(removal)
    if as_json:
        output.print_json(removed)
        return
    there = "" if removed["redis"] is None else f"; {_count(removed['redis'])} from Redis"
    output.write(f"removed {_count(removed['entries'])}, {output.size(removed['bytes'])}{there}\n")


@app.command()
def show(key: Key, as_json: Json = False) -> None:
    r"""Print one cached answer; its metadata goes to stderr.

    \b
    Examples:
      samplemind cache show ai:v3:ollama:4be2
      samplemind cache show 4be2 --json
    """
    from samplemind_cli import output
    from samplemind_cli.escapes import json_text

    entry = _cache(Settings.load()).show(key)
    if as_json:
        output.print_json(entry)
        return
    now, value = time.time(), entry["value"]
    for name in ("key", "tier", "path"):
        if entry[name]:
            output.say(f"{name:<8} {entry[name]}")
    output.say(f"{'stored':<8} {_span(now - entry['stored'])} ago")
    left = entry["expires"] - now
    output.say(f"{'expires':<8} " + (f"in {_span(left)}" if left > 0 else f"{_span(-left)} ago"))
    text = value.get("text") if isinstance(value, dict) else None
    output.write(output.data(text if isinstance(text, str) else json_text(value, indent=2)), "\n")


def _cache(settings: Settings) -> "Cache":
    from samplemind_cli import output
    from samplemind_cli.ai.cache import Cache

    return Cache(settings, lambda text: output.say(f"warning: {text}"))


def _lines(document: dict[str, Any]) -> list[tuple[str, str]]:
    from samplemind_cli import output

    local, shared = document["local"], document["redis"]
    providers = ", ".join(f"{entries} {name}" for name, entries in local["providers"].items())
    lines = [
        ("cache", document["cache"]),
        ("local", local["path"]),
        ("answers", f"{local['entries']}: {providers}" if providers else "0"),
        ("room", f"{output.size(local['bytes'])} of {output.size(local['bound'])}"),
    ]
    if local["entries"]:
        now = time.time()
        ages = dict.fromkeys((_span(now - local["newest"]), _span(now - local["oldest"])))
        lines.append(("stored", f"{' to '.join(ages)} ago"))
    if shared is None:
        return [*lines, ("redis", "not used")]
    lines.append(("redis", shared["url"]))
    if not shared["reachable"]:
        return [*lines, ("", shared["reason"])]
    rate = "" if shared["hit_rate"] is None else f", {shared['hit_rate']:.0%} of its reads were hits"
    memory = "" if shared["memory"] is None else f"; the server uses {output.size(shared['memory'])}"
    return [*lines, ("", f"{_count(shared['entries'])}{memory}{rate}")]


def _count(entries: int) -> str:
    return f"{entries} answer{'' if entries == 1 else 's'}"


def _span(seconds: float) -> str:
    unit, length = next(((unit, length) for unit, length in UNITS if seconds >= length), UNITS[-1])
    count = max(0, round(seconds / length))
    return f"{count} {unit}{'' if count == 1 else 's'}"
