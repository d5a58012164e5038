"""`samplemind bench run` and `bench history`: a program of the user's own, and its saved results."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.settings import Settings, here

if TYPE_CHECKING:
    from samplemind_cli.bench.baselines import Baselines
    from samplemind_cli.bench.gate import Change
    from samplemind_cli.bench.trial import TrialPlan

NAME_AND_VALUES: Any = (str, str)  # two words; Typer types `click_type` as a class that it does not export
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def run(
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND [ARGUMENTS]...", help="The program to measure.")],
    runs: Annotated[
        int | None,
        typer.Option(
            min=1, max=100_000, metavar="N", help="Number of runs; by default as many as take 5 s, at least 20."
        ),
    ] = None,
    warmup: Annotated[int, typer.Option(min=0, max=1000, metavar="N", help="Uncounted runs before.")] = 1,
    parameter: Annotated[
        list[Any] | None,
        typer.Option(
            click_type=NAME_AND_VALUES,
            metavar="NAME A,B,C",
            help="Measure with each value in place of {NAME}; several: with each combination. \\, is a comma.",
        ),
    ] = None,
    ignore_failure: Annotated[
        bool, typer.Option("--ignore-failure", help="Also measure runs whose exit code is not 0, and count them.")
    ] = False,
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Save the results under this name, one set per commit.")
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[@REF]", help="Show the change since the results last saved, or saved at that commit."
        ),
    ] = None,
    fail_over: Annotated[
        float | None,
        typer.Option(min=0, metavar="PCT", help="With --compare: exit code 1 if it takes more by more than this."),
    ] = None,
    as_json: Json = False,
) -> int:
    r"""Measure a program of your own: wall time, CPU time and peak memory.

    It runs in this folder, without a shell and without input; its output is discarded. CPU time includes children that
    it waited for; memory is the peak of its largest process. Combinations of parameters are run in turns, with a bare
    Python between them as calibration. A run that fails ends the measuring with exit code 1.

    --fail-over measures everything twice to estimate this machine's noise: exit code 1 when time, CPU time or memory
    has grown by more, 2 when the time is uncertain. On another machine, or a much busier one, a change is only
    reported, unless it is larger than the load explains.

    \b
    Examples:
      samplemind bench run -- python app.py --once
      samplemind bench run --parameter N 1,2,4 -- make -j{N} clean all
      samplemind bench run --save main -- python app.py
      samplemind bench run --compare main --fail-over 10 -- python app.py
    """
    from samplemind_cli import output
    from samplemind_cli.bench import gate, git, parameters, trial
    from samplemind_cli.bench.baselines import Baselines
    from samplemind_cli.errors import UsageError

    if fail_over is not None and not compare:
        hint = "--compare NAME names results saved by --save NAME"
        raise UsageError("--fail-over needs something to compare with", hint)
    if fail_over is not None and runs is not None and runs < gate.LEAST:
        raise UsageError(f"--fail-over needs {gate.LEAST} runs or more", f"--runs {gate.LEAST}, or leave it out")
    directory = here()
    plan = trial.TrialPlan(
        command=tuple(words), directory=directory, parameters=parameters.read(parameter or [], words), runs=runs,
        warmup=warmup, ignore_failure=ignore_failure,
    )  # fmt: skip
    baselines = Baselines(Settings.load().state_dir, git.project(directory))
    if save is not None:
        baselines.checked(save)
    baseline = baselines.find(compare) if compare is not None else None
    share = None if fail_over is None else fail_over / 100
    document, changes = _measure(plan, baseline, share)
    document |= {"commit": baselines.project.commit, "changed": baselines.project.changed}
    try:
        _show(document, baseline, as_json=as_json)
    finally:  # also if stdout cannot be written
        if save is not None:
            output.say(f"saved as {save}: {_keep(baselines, save, document)}")
    return trial.exit_code(changes, share)


def _measure(
    plan: "TrialPlan", baseline: dict[str, Any] | None, share: float | None
) -> "tuple[dict[str, Any], list[Change]]":
    from samplemind_cli import output
    from samplemind_cli.bench import gate, trial

    document, again = gate.measure(lambda: trial.run(plan, output.say), output.say, twice=share is not None)
    changes = gate.compare(baseline, document, again, share) if baseline else []
    if baseline:
        since = {key: baseline[key] for key in ("name", "when", "commit", "changed", "command")}
        document |= {"since": since, "comparison": gate.document(changes)}
    return document, changes


def _keep(baselines: "Baselines", name: str, document: dict[str, Any]) -> str:
    """Save the results, without the comparison, which belongs to this run."""
    own = {key: value for key, value in document.items() if key not in ("since", "comparison")}
    return str(baselines.save(name, own))


def _show(document: dict[str, Any], baseline: dict[str, Any] | None, *, as_json: bool) -> None:
    import shlex

    from samplemind_cli import output
    from samplemind_cli.bench import gate, trend, trial

    if baseline and baseline["command"] != document["command"]:
        output.say(f"the baseline is of another command: {shlex.join(baseline['command'])}")
    if baseline and not document["comparison"]:
        output.say(f"nothing to compare: it takes {gate.LEAST} runs of the same parameters, in the baseline and now")
    if as_json:
        output.print_json(document)
        return
    output.table(trial.COLUMNS, trial.table(document["rows"]))
    output.write("".join(f"{line}\n" for line in (*trial.ratios(document["rows"]), *trial.remarks(document["rows"]))))
    if baseline and document["comparison"]:
        output.write(f"\nsince {baseline['when']} {trend.commit(baseline)}".rstrip() + "\n")
        output.table(gate.COLUMNS, gate.table(document["comparison"]))
        output.write("".join(f"{line}\n" for line in gate.meaning(document["comparison"])))


def history(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="By default all.")] = None,
    last: Annotated[int, typer.Option(min=1, metavar="N", help="Only the newest of each name.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, samples included.")] = False,
) -> None:
    r"""List and plot the results that `bench run --save` saved of this project, oldest first.

    A commit with a plus had changes that were not committed.

    \b
    Example:
      samplemind bench history main
    """
    from samplemind_cli import output
    from samplemind_cli.bench import git, trend
    from samplemind_cli.bench.baselines import Baselines
    from samplemind_cli.errors import UsageError

    baselines = Baselines(Settings.load().state_dir, git.project(here()))
    saved = baselines.names()
    for name in names or []:
        if name not in saved:
            raise UsageError(f"no results are saved as {name!r}", f"saved: {', '.join(saved) or 'nothing yet'}")
    documents = []
    for name in names or saved:
        for document in list(baselines.all(name))[-last:]:
            if isinstance(document, UsageError):
                output.say(f"skipped: {document.message}")
            else:
                documents.append(document)
    if as_json:
        output.print_json({"project": str(baselines.project.root), "measurements": documents})
        return
    if not documents:
        output.say("no results of this project are saved yet: samplemind bench run --save NAME -- COMMAND")
        return
    output.table(trend.COLUMNS, trend.table(documents))
    output.write("".join(f"{line}\n" for line in ("", *trend.plots(documents), *trend.remarks(documents))))
