"""What `bench run --save` has kept of the project that `serve` was started in."""

from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import waited
from samplemind_cli.errors import UsageError
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings, here

LAST = 50  # measurements of each name


class Benches:
    """As `samplemind bench history` has them, without the single samples."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def answer(self, _: Incoming) -> Reply:
        """Every name's measurements, oldest first."""
        return as_json(await waited(self._history))

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


def _short(document: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {name: row.get(name) for name in ("key", "metric", "unit", "now", "low", "high")}
        | {"runs": len(row["samples"])}
        for row in document["rows"]
    ]
    return {"when": document["when"], "machine": document["machine"], "rows": rows}
