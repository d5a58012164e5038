"""What `bench` has kept: the board, and of the project that `serve` was started in its runs and comparisons."""

from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import waited
from samplemind_cli.errors import UsageError
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings, here

LAST = 50  # measurements of each name


class Benches:
    """As `samplemind bench` has them, without the single samples."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def answer(self, _: Incoming) -> Reply:
        """The board, every name's measurements, oldest first, and the comparisons, newest first."""
        return as_json(await waited(self._kept))

    def _kept(self) -> dict[str, Any]:
        from samplemind_cli.bench import git
        from samplemind_cli.bench.last_results import LastResults

        results = LastResults(self._settings.state_dir)
        compared = results.comparisons(git.project(here()))
        return {"board": _each(results.board()), "comparisons": _each(compared), **self._history()}

    def _history(self) -> dict[str, Any]:
        from samplemind_cli.bench import git, trend
        from samplemind_cli.bench.baselines import Baselines

        baselines = Baselines(self._settings.state_dir, git.project(here()))
        kept, broken = [], []
        for name in baselines.names():
            for document in list(baselines.all(name))[-LAST:]:
                if isinstance(document, UsageError):
                    broken.append(document.message)
                else:
                    kept.append({**_short(document), "name": name, "commit": trend.commit(document)})
        return {"project": str(baselines.project.root), "measurements": kept, "broken": broken}


def _each(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without single samples, but their number."""
    many = ("samples", "calibration", "pairs")
    return [
        {name: value for name, value in found.items() if name not in many}
        | {"runs": len(found.get("samples") or found.get("pairs") or ())}
        for found in documents
    ]


def _short(document: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {name: row.get(name) for name in ("key", "metric", "unit", "now", "low", "high")}
        | {"runs": len(row["samples"])}
        for row in document["rows"]
    ]
    return {"when": document["when"], "machine": document["machine"], "rows": rows}
