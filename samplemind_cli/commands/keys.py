"""`samplemind keys`: creates, lists and revokes the keys of the clients of `serve`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.server.client_keys import ClientKey

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The client's name, as stats shows it.")]


@app.callback()
def keys() -> None:
    r"""Give each client of serve a key of its own, with limits.

    Clients send a key instead of SAMPLEMIND_API_TOKEN, as Bearer, x-api-key or x-goog-api-key; its name appears in
    stats, log and budgets. Limits apply only if that token is set: without it serve requires no key.

    \b
    Examples:
      samplemind keys add ci --rpm 60 --model 'ollama/*'
      samplemind stats --by client
    """


@app.command()
def add(
    name: Name,
    rpm: Annotated[int, typer.Option(metavar="N", min=0, help="Requests per minute; 0 means no limit.")] = 0,
    tpm: Annotated[int, typer.Option(metavar="N", min=0, help="Tokens per minute; 0 means no limit.")] = 0,
    model: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="A PROVIDER/MODEL it may use; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    r"""Create a key and print it, once: only its hash is stored.

    \b
    Examples:
      samplemind keys add ci --rpm 60 --tpm 100000
      samplemind keys add kiosk --model 'ollama/*' --model openai/gpt-5-mini
    """
    from samplemind_cli import output
    from samplemind_cli.server import client_keys as store

    key = store.of(Settings.load()).add(name, rpm=rpm, tpm=tpm, models=model or ())
    if as_json:
        output.print_json({"name": name, "key": key})
        return
    output.write(f"{key}\n")
    output.say(f"{name}: this key is shown only once")


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    r"""List the clients that have a key, and their limits.

    \b
    Example:
      samplemind keys list --json
    """
    from samplemind_cli import output
    from samplemind_cli.server import client_keys as store

    clients = store.of(Settings.load()).all()
    if as_json:
        output.print_json({"keys": [_as_json(key) for key in clients]})
        return
    if not clients:
        output.say("there are no keys; samplemind keys add NAME makes one")
        return
    output.table(("NAME", "MADE", "REQUESTS/MINUTE", "TOKENS/MINUTE", "MODELS"), map(_row, clients))


@app.command()
def revoke(name: Name, as_json: Json = False) -> None:
    r"""Revoke a key; a running serve refuses it at once.

    \b
    Example:
      samplemind keys revoke ci
    """
    from samplemind_cli import output
    from samplemind_cli.server import client_keys as store

    revoked = store.of(Settings.load()).revoke(name)
    if as_json:
        output.print_json({"revoked": _as_json(revoked)})
    else:
        output.say(f"{name}: its key is revoked")


def _as_json(key: "ClientKey") -> dict[str, Any]:
    return {"name": key.name, "made": key.made, "rpm": key.rpm, "tpm": key.tpm, "models": list(key.models)}


def _row(key: "ClientKey") -> tuple[str, ...]:
    import time

    day = time.strftime("%Y-%m-%d", time.localtime(key.made))
    return key.name, day, _any(key.rpm), _any(key.tpm), " ".join(key.models) or "any"


def _any(limit: int) -> str:
    return str(limit or "any")
