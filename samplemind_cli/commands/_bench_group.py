"""Parses the command line of `samplemind bench`: `board` may be left out, and a command may follow `--`."""

from typing import Any

from samplemind_cli.help_text import Group

COMMAND = "samplemind.bench.command"  # the key in Click's context of the command after `--`


class BoardFirst(Group):
    """`bench` alone means `bench board`, also before its groups and options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with `board` inserted where no subcommand is named; the words after `--` go into the context."""
        if "--" in args and args[0] != "run":  # click would add them to the arguments before
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
        """Write the board's options, then the commands."""
        self.commands["board"].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)
