# ruff: noqa: PT028 - `test` is a command, not a test
"""`samplemind test`: pytest in the project at hand."""

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
        bool, typer.Option("--changed", help="Run the tests that a change since the last --changed may have broken.")
    ] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Run the tests that failed last.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Run again whenever a file changes or a key says so.")] = False,
    serial: Annotated[bool, typer.Option("--serial", help="Run in one process.")] = False,
) -> int:
    r"""Run the project's tests with pytest: the fast ones, in parallel where that pays.

    Any argument of pytest may be given as well: paths, -k, -m, -x, --cov=PACKAGE, --junit-xml=FILE, --durations=N.
    The exit code is pytest's. The tests run in the active environment, else in the project's .venv or venv,
    else with samplemind's own Python. A file or test that is named runs whatever its markers.

    --changed remembers which code, data files, folders and processes each test used, and runs a test again when any
    of it has changed. What code outside the tests computes once and keeps (a cache filled by another test), what a
    server elsewhere answers and whether a file merely exists is not seen: now and then, run them all.

    \b
    Examples:
      samplemind test
      samplemind test --changed --watch
      samplemind test --all --cov=mypackage --junit-xml=junit.xml
      samplemind test tests/test_shop.py -k price -x
    """
    from samplemind_cli import output
    from samplemind_cli.testing.command import Asked
    from samplemind_cli.testing.session import Session

    asked = Asked(all=all_, changed=changed, failed=failed, serial=serial, arguments=tuple(arguments or ()))
    state_dir = Settings.load().state_dir
    session = Session.at(here(), asked, state_dir=state_dir, env=environment(), say=output.say)
    return session.watch() if watch else session.run()
