# ruff: noqa: PT028 - `test` is a command, not a test
"""`samplemind test`: runs pytest in the current project."""

from typing import Annotated

import typer

from samplemind_cli.settings import Settings, environment, here

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("test", context_settings={"ignore_unknown_options": True})
def test(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[PYTEST ARGUMENTS]...", show_default=False, help="pytest's own.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Run every test, whatever its markers.")] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Run the tests that changes since the last --changed may affect.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Run the tests that failed last.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Run again when a file changes or a key is pressed.")] = False,
    serial: Annotated[bool, typer.Option("--serial", help="Run in one process.")] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="K/N", help="Run part K of N, each of about the same duration.")
    ] = None,
    store_durations: Annotated[
        bool, typer.Option("--store-durations", help="Write .test_durations, which --shard splits by; commit it.")
    ] = False,
    rerun_from: Annotated[
        str | None, typer.Option(metavar="JUNIT_XML", help="Run the tests that failed according to this report of CI.")
    ] = None,
) -> int:
    r"""Run the project's tests with pytest: the fast ones, in parallel if that is faster.

    Any argument of pytest may be given as well: paths, -k, -m, -x, --cov=PACKAGE, --junit-xml=FILE, --durations=N.
    The exit code is pytest's. The tests run in the active environment, else in the project's .venv or venv,
    else with samplemind's own Python. A file or test that is named runs whatever its markers.

    Several workers run them where the project's settings or -n ask for it, or where earlier runs, one with -n and one
    without, ended alike. What fails in parallel is run again in one process before it is called failed.

    --changed remembers which code, files, folders, programs and environment variables each test used, and runs a test
    again when any of it has changed, or all tests when something common to all has changed. A test that talks to a
    server elsewhere always runs. State that one test leaves in memory for another is only tracked for imports, caches
    of functools and global variables: run all tests now and then.

    --shard splits by .test_durations in the project's root (pytest-split's file, which --store-durations writes), else
    by the number of tests; no machine's own records count, so that each test is in exactly one shard.

    \b
    Examples:
      samplemind test
      samplemind test --changed --watch
      samplemind test --all --cov=mypackage --junit-xml=junit.xml
      samplemind test tests/test_shop.py -k price -x
      samplemind test --store-durations && git add .test_durations
      samplemind test --shard 1/3 --junit-xml=junit.xml
      samplemind test --rerun-from junit.xml
    """
    from samplemind_cli import output
    from samplemind_cli.testing import command
    from samplemind_cli.testing.session import Session

    options = command.RunOptions(
        all=all_, changed=changed, failed=failed, serial=serial, arguments=tuple(arguments or ()),
        shard=command.shard(shard) if shard else None, rerun_from=rerun_from, store_durations=store_durations,
    )  # fmt: skip
    state_dir = Settings.load().state_dir
    session = Session.at(here(), options, state_dir=state_dir, env=environment(), say=output.say)
    if not watch:
        return session.run()
    from samplemind_cli.testing import watching

    return watching.watch(session)
