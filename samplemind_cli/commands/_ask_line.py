"""Completes and parses the command line of `ask`."""

from typing import Any

from typer.core import TyperCommand

from samplemind_cli.settings import Settings

CONVERSATION = ("-c", "--conversation")


def installed_models(incomplete: str) -> list[str]:
    """The daemon's models whose names begin so."""
    from samplemind_cli.asking import complete

    return [name for name in complete.installed_models(Settings.load()) if name.startswith(incomplete)]


def providers(incomplete: str) -> list[str]:
    """The providers whose names begin so."""
    return [row.name for row in Settings.load().rows if row.name.startswith(incomplete)]


def templates(incomplete: str) -> list[str]:
    """The templates whose names begin so."""
    from samplemind_cli.asking.templates import names

    return [name for name in names(Settings.load()) if name.startswith(incomplete)]


class Command(TyperCommand):
    """`ask`, whose option -c needs no value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as click does; -c at the end or before another option gets "", the terminal's last conversation."""
        end = args.index("--") if "--" in args else len(args)
        for n in reversed(range(end)):
            if args[n] in CONVERSATION and "".join(args[n + 1 : n + 2])[:1] in ("", "-"):
                args = [*args[: n + 1], *([] if args[n + 1 : n + 2] == [""] else [""]), *args[n + 1 :]]
        return super().parse_args(ctx, args)
