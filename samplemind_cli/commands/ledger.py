"""`samplemind ledger`: its path, pruning, export and budgets."""

from typing import Annotated

import typer

from samplemind_cli.help_text import Group
from samplemind_cli.settings import Settings

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False, no_args_is_help=True)

AMOUNTS = ("spent", "held", "left")  # of a budget


@app.callback()
def ledger() -> None:
    r"""Manage the record of all calls.

    \b
    Example:
      samplemind ledger path
    """


@app.command()
def path() -> None:
    r"""Print the path of the ledger's file.

    \b
    Example:
      sqlite3 "$(samplemind ledger path)" 'SELECT count(*) FROM calls'
    """
    from samplemind_cli import output
    from samplemind_cli.ledger.store import Ledger

    store = Ledger(Settings.load())
    with store.open():
        output.write(f"{store.path}\n")


@app.command()
def prune(
    days: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="Only calls older than this; by default the setting.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    r"""Remove old calls from the ledger.

    \b
    Examples:
      samplemind ledger prune --days 30
      samplemind ledger prune --days 0 --yes
    """
    from samplemind_cli import output
    from samplemind_cli.ledger.store import Ledger

    settings = Settings.load()
    age = settings.history_days if days is None else days
    if not output.confirm(f"Remove every call older than {age:g} days from the ledger?", yes=yes):
        return
    store = Ledger(settings)
    with store.open() as connection:
        count = store.prune(connection, days=days)
    output.say(f"removed {count:,} calls")


@app.command()
def export(
    since: Annotated[str, typer.Option(metavar="WHEN", help="today, week, month, all, 7d or 2026-11-30.")] = "all",
) -> None:
    r"""Print every call as a line of JSON.

    \b
    Example:
      samplemind ledger export --since month >calls.jsonl
    """
    from samplemind_cli import output
    from samplemind_cli.ledger import log
    from samplemind_cli.ledger.since import moment
    from samplemind_cli.ledger.store import Ledger

    with Ledger(Settings.load()).open() as connection:
        for call in log.every(connection, moment(since)):
            output.print_json(call)


@app.command()
def budgets(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each.")] = False,
) -> None:
    r"""Show what was spent of each budget, and what is left.

    \b
    Example:
      samplemind ledger budgets
    """
    from samplemind_cli import output
    from samplemind_cli.ledger import accounts
    from samplemind_cli.ledger.prices import Prices

    settings = Settings.load()
    standing = accounts.standing(settings, Prices(settings.config_dir, settings.rows))
    if as_json:
        for budget in standing:
            output.print_json(budget)
    elif not standing:
        output.say(f"there are no budgets: write [budgets] into {settings.config_dir}/config.toml")
    else:
        rows = [
            (str(budget["budget"]), *(accounts.dollars(round(budget[name] * accounts.NANO)) for name in AMOUNTS))
            for budget in standing
        ]
        output.table(("budget", *AMOUNTS), rows)
