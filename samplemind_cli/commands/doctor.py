"""`samplemind doctor`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from samplemind_cli.commands.up import LongFile
from samplemind_cli.settings import Settings, environment

if TYPE_CHECKING:
    from samplemind_cli.errors import UsageError
    from samplemind_cli.stack.checks import Finding

COLOURS = {"ok": 32, "warn": 33, "fail": 31, "skip": 2}  # green, yellow, red, dim


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Fix what is safe to fix, and report it.")] = False,
    file: LongFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    r"""Check Docker, this machine, the services and the API keys, and suggest fixes.

    Exits with 1 when a check fails, but not for warnings. --fix only does what can be redone: it removes a broken
    record of the stack and, when the disk is low, untagged images and old build layers. With --json:
    {"checks": [{"id", "verdict": "ok"|"warn"|"fail"|"skip", "reason", "fix"}], "fixed": [...]}.

    \b
    Examples:
      samplemind doctor
      samplemind doctor --json | jq -r '.checks[] | select(.verdict == "fail") | .fix'
    """
    from samplemind_cli import output
    from samplemind_cli.stack.doctor import examine, mend

    settings, error = _settings(file)
    facts, findings = examine(settings, error)
    fixed = mend(facts, findings) if fix else []
    for done in fixed:
        output.say(f"fixed: {done}")
    if fixed:
        facts, findings = examine(settings, error)
    if as_json:
        checks = [{"id": name, "verdict": f.verdict, "reason": f.reason, "fix": f.fix} for name, f in findings.items()]
        output.print_json({"checks": checks, "fixed": fixed})
    else:
        _show(findings)
    if any(finding.verdict == "fail" for finding in findings.values()):
        raise typer.Exit(1)


def _settings(file: str | None) -> "tuple[Settings, UsageError | None]":
    """The settings, or the defaults and the error: a broken file is a finding, too."""
    from samplemind_cli import paths
    from samplemind_cli.errors import UsageError

    try:
        return Settings.load(compose_file=file), None
    except UsageError as error:
        env = environment()
        folders = {name: getattr(paths, name)(env) for name in ("cache_dir", "config_dir", "data_dir", "state_dir")}
        return Settings(compose_file=file or "", **folders), error


def _show(findings: "dict[str, Finding]") -> None:
    """A line for each check, and below it the command that fixes it."""
    from samplemind_cli import output

    env = environment()
    coloured = output.on_terminal(sys.stdout) and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    for name, finding in findings.items():
        verdict = f"{finding.verdict:4}"
        mark = output.coloured(verdict, COLOURS[finding.verdict]) if coloured else verdict
        output.write(mark, f"  {name}: {_indented(finding.reason)}\n")
        if finding.fix:
            output.write(f"      {_indented(finding.fix)}\n")


def _indented(text: str) -> str:
    """The text with further lines indented, so that none looks like a verdict."""
    return text.replace("\n", "\n      ")
