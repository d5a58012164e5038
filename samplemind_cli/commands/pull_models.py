"""`samplemind pull-models`: plans, pulls and verifies the project's models, and compares them with models.lock."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.settings import Settings, here

if TYPE_CHECKING:
    from collections.abc import Iterable

    from samplemind_cli.models.daemon import Daemon, Model
    from samplemind_cli.models.pull import PullResult
    from samplemind_cli.models.pull_plan import PullPlan


def pull_models(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models to pull; by default the project's.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, metavar="N", help="Number of concurrent downloads.")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and pull nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Pull nothing; exit 1 unless all match models.lock.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Also pull models that changed in the registry.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Pull even without enough disk or memory.")] = False,
    insecure: Annotated[bool, typer.Option("--insecure", help="Use plain HTTP for the registry.")] = False,
    embedded: Annotated[bool, typer.Option("--embedded", help="Download only the embedded model.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each model's result as JSON.")] = False,
) -> None:
    r"""Pull the project's local models: plan, resume interrupted downloads, verify.

    \b
    Examples:
      samplemind pull-models
      samplemind pull-models qwen2.5:7b-instruct --dry-run
      samplemind pull-models --check --json
      samplemind pull-models localhost:5000/library/mine --insecure
    """
    from samplemind_cli.models.daemon import ask

    settings = Settings.load()
    if embedded:
        _fetch_embedded(settings, as_json=as_json)
        return
    resolved = _resolve_names(names or settings.models)
    if check:
        _check(settings, resolved, ask(settings, lambda daemon: daemon.installed()), as_json=as_json)
        return

    async def plan_and_pull(daemon: "Daemon") -> "list[PullResult]":
        from samplemind_cli.models import pull_plan as planning

        plan = await planning.make(daemon, resolved, await daemon.installed(), update=update, insecure=insecure)
        if dry_run:
            _show(plan, as_json=as_json)
            return []
        return await _pull(daemon, plan, jobs=jobs, insecure=insecure, force=force)

    results = ask(settings, plan_and_pull)
    if not dry_run:
        _lock(settings, results, update=update)
        _report(results, as_json=as_json)


def _resolve_names(names: "Iterable[str]") -> list[str]:
    """The models' names in the library, without duplicates; other names for them are reported."""
    from samplemind_cli import output
    from samplemind_cli.errors import UsageError
    from samplemind_cli.models.names import Name, resolve

    if not names:
        raise UsageError("this project names no models", "name one, or list some as `models` in samplemind.toml")
    resolved: dict[str, None] = {}
    for name in names:
        resolved[resolve(name)] = None
        if resolve(name) != str(Name.parse(name)):
            output.say(f"{name} is called {resolve(name)} in the library")
    return list(resolved)


async def _pull(daemon: "Daemon", plan: "PullPlan", *, jobs: int, insecure: bool, force: bool) -> "list[PullResult]":
    """Print the plan and pull; the results are in the plan's order. Raises OllamaError if space is short."""
    from samplemind_cli import output
    from samplemind_cli.models.daemon_errors import OllamaError
    from samplemind_cli.models.pull import Puller, present
    from samplemind_cli.models.pull_display import PullDisplay

    if not plan.wanted:
        return [present(item) for item in plan.items]
    for line in plan.lines():
        output.say(line)
    if (shortages := plan.shortages()) and not force:
        raise OllamaError("; ".join(shortages), "--force pulls anyway")
    try:
        with PullDisplay() as board:
            return await Puller(daemon, board.show, jobs=jobs, insecure=insecure).run(plan)
    except BaseException as stopped:
        if not isinstance(stopped, Exception):  # Ctrl-C
            output.say("stopped; what was downloaded is kept, and the same command resumes it")
        raise


def _show(plan: "PullPlan", *, as_json: bool) -> None:
    from samplemind_cli import output

    if as_json:
        output.print_json(plan.as_json())
        return
    output.lines(plan.lines())
    for shortage in plan.shortages():
        output.say(shortage)


def _check(settings: Settings, names: list[str], installed: "list[Model]", *, as_json: bool) -> None:
    """Print how each model compares with models.lock; raises SamplemindError unless all are there and the same."""
    from samplemind_cli import output
    from samplemind_cli.errors import SamplemindError
    from samplemind_cli.models import lock

    locked = lock.read(lock.path(here(), settings.trusted_folders))
    states = lock.compared(names, {model.name: model.digest for model in installed}, locked)
    if as_json:
        output.print_json({"models": [{"name": name, **state} for name, state in states.items()]})
    else:
        output.table(("model", "status"), [(name, str(state["status"])) for name, state in states.items()])
    wrong = [f"{name} {lock.WRONG[state['status']]}" for name, state in states.items() if state["status"] in lock.WRONG]
    if wrong:
        drifted = any(state["status"] == "drifted" for state in states.values())
        raise SamplemindError("; ".join(wrong), f"samplemind pull-models{' --update' if drifted else ''}")


def _lock(settings: Settings, results: "list[PullResult]", *, update: bool) -> None:
    """Record new digests in models.lock. Existing ones change only with --update; a difference is reported."""
    from samplemind_cli import output
    from samplemind_cli.models import lock
    from samplemind_cli.models.names import resolve

    project = {resolve(name) for name in settings.models}
    digests = {result.name: result.digest for result in results if result.digest and result.name in project}
    file = lock.path(here(), settings.trusted_folders)
    locked = lock.read(file)
    for name in [name for name, digest in digests.items() if locked.get(name, digest) != digest and not update]:
        output.say(f"{name} is not the one in {file.name}; hint: samplemind pull-models {name} --update")
        del digests[name]
    if digests.items() - locked.items():
        lock.write(file, {**locked, **digests})
        output.say(f"recorded in {file}")


def _report(results: "list[PullResult]", *, as_json: bool) -> None:
    """Print the summary; raises an error that names the models that failed."""
    from samplemind_cli import output
    from samplemind_cli.models import daemon_errors
    from samplemind_cli.models.fit import gigabytes

    if as_json:
        output.print_json({"models": [result.as_json() for result in results]})
    else:
        rows = [(r.name, r.status, gigabytes(r.bytes), f"{r.seconds:.1f} s") for r in results]
        output.table(("model", "status", "pulled", "time"), rows)
    if failures := [result.error for result in results if result.error]:
        raise daemon_errors.together(failures)


def _fetch_embedded(settings: Settings, *, as_json: bool) -> None:
    import asyncio

    from samplemind_cli import output
    from samplemind_cli.ai import embedded
    from samplemind_cli.asking.download_bar import DownloadBar

    there = embedded.is_present(settings)
    path = asyncio.run(embedded.fetch(settings, DownloadBar()))
    status, size = "present" if there else "pulled", path.stat().st_size
    if as_json:
        result: dict[str, Any] = {"name": embedded.model_name(settings), "status": status, "path": str(path)}
        output.print_json({"models": [{**result, "bytes": 0 if there else size}]})
    else:
        output.write(f"{status}: {path}\n")
