"""The results of `bench`: the board, and the runs and comparisons of the project in which `serve` was started."""

from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import waited
from samplemind_cli.errors import UsageError
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings, here

LAST = 50  # measurements of each name


class Benches:
    """The stored results, without single samples."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def answer(self, _: Incoming) -> Reply:
        """The board, each name's measurements, oldest first, and the comparisons, newest first."""
        return as_json(await waited(self._results))

    def _results(self) -> dict[str, Any]:
        from samplemind_cli.bench import git
        from samplemind_cli.bench.last_results import LastResults

        results = LastResults(self._settings.state_dir)
        comparisons = results.comparisons(git.project(here()))
        return {"board": _summaries(results.board()), "comparisons": _summaries(comparisons), **self._history()}

    def _history(self) -> dict[str, Any]:
        from samplemind_cli.bench import git, trend
        from samplemind_cli.bench.baselines import Baselines

        baselines = Baselines(self._settings.state_dir, git.project(here()))
        measurements, broken = [], []
        for name in baselines.names():
            for document in list(baselines.all(name))[-LAST:]:
                if isinstance(document, UsageError):
                    broken.append(document.message)
                else:
                    measurements.append({**_short(document), "name": name, "commit": trend.commit(document)})
        root = baselines.project.root
        project = str(root.parent if root.name == ".git" else root)
        return {"project": project, "measurements": measurements, "broken": broken}


def _summaries(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The documents with the number of samples in place of the samples."""
    dropped = ("samples", "calibration", "pairs")
    return [
        {name: value for name, value in result.items() if name not in dropped}
        | {"runs": len(result.get("samples") or result.get("pairs") or ())}
        for result in documents
    ]


def _short(document: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {name: row.get(name) for name in ("key", "metric", "unit", "now", "low", "high")}
        | {"runs": len(row["samples"])}
        for row in document["rows"]
    ]
    return {"when": document["when"], "machine": document["machine"], "rows": rows}
