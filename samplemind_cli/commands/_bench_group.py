"""Parses the command line of `samplemind bench`: the board needs no name, and a command after `--` is kept."""

from typing import Any

from samplemind_cli.help_text import Group

COMMAND = "samplemind.bench.command"  # the key in Click's context of the command after `--`


class BoardFirst(Group):
    """`bench` alone is `bench board`: its groups and options need no name before them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Click's own, with `board` inserted where no subcommand is named; what follows `--` is kept apart."""
        if "--" in args and args[0] != "run":  # Click would join it to the arguments before it
            args, ctx.meta[COMMAND] = args[: args.index("--")], args[args.index("--") + 1 :]
        if not args or args[0] not in (*self.commands, "--help", "-h"):
            args = ["board", *args]
        if ctx.meta.get(COMMAND) and args[0] != "ab" and not {"--help", "-h"} & {*args}:
            import shlex

            from samplemind_cli.errors import UsageError

            hint = f"samplemind bench run -- {shlex.join(ctx.meta[COMMAND])}"
            raise UsageError(f"bench {args[0]} does not run a command", hint)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The board's options, then the commands."""
        self.commands["board"].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)
