"""The local models: what the daemon has and has loaded, and what may be done with them."""

from collections.abc import Awaitable, Callable
from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import Tell, waited, worked
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import document
from samplemind_cli.server.message import Incoming, Reply, Stream
from samplemind_cli.settings import Settings


class Models:
    """What `samplemind models` and `pull-models` say and do; the daemon is asked in threads, each with its own loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def look(self) -> dict[str, Any]:
        """Every model, and why there are none where the daemon does not answer."""
        from samplemind_cli.ai.router import shown
        from samplemind_cli.models import listing
        from samplemind_cli.models.daemon import Daemon, Loaded, Model, address, ask

        async def everything(daemon: Daemon) -> tuple[list[Model], dict[str, Loaded]]:
            return await daemon.installed(), await daemon.running()

        settings = self._settings
        url = shown(address(settings))
        try:
            installed, loaded = ask(settings, everything)
        except SamplemindError as error:
            return {"url": url, "models": [], "error": error.as_json()}
        rows = listing.rows(installed, loaded, settings.models, listing.tasks_of(settings))
        return {"url": url, "models": [row.as_json() for row in rows], "error": None}

    async def answer(self, _: Incoming) -> Reply:
        """`look` once."""
        return as_json(await waited(self.look))

    def acts(self) -> dict[str, Callable[[Incoming], Awaitable[Reply]]]:
        """What may be done with one model, by name."""
        return {"warm": self._act("warm"), "stop": self._act("stop"), "remove": self._act("remove")}

    def _act(self, verb: str) -> Callable[[Incoming], Awaitable[Reply]]:
        async def act(incoming: Incoming) -> Reply:
            from samplemind_cli.models.daemon import ask
            from samplemind_cli.models.names import resolve

            name = resolve(document(incoming.body).need("name", str))
            await waited(ask, self._settings, lambda daemon: getattr(daemon, verb)(name))
            return as_json({"name": name})

        return act

    async def pull(self, incoming: Incoming) -> Stream:
        """Pull one model; each event says how far it is, and the pull goes on when nobody listens any more."""
        name = document(incoming.body).need("name", str)
        return worked(lambda tell: self._pulled(name, tell))

    def _pulled(self, name: str, tell: Tell) -> None:
        from samplemind_cli.ai.router import is_loopback
        from samplemind_cli.models import pull_plan as planning
        from samplemind_cli.models.daemon import Daemon, ask
        from samplemind_cli.models.daemon_errors import OllamaError
        from samplemind_cli.models.names import Name, resolve
        from samplemind_cli.models.pull import Download, Puller, PullResult

        def show(download: Download) -> None:
            told = {"phase": download.phase, "done": download.done, "total": download.total}
            tell("progress", {**told, "trouble": download.trouble})

        own = is_loopback(f"//{Name.parse(resolve(name)).host}")  # a registry on this machine speaks plain HTTP

        async def pull(daemon: Daemon) -> list[PullResult]:
            plan = await planning.make(daemon, [resolve(name)], await daemon.installed(), update=False, insecure=own)
            if shortages := plan.shortages():
                raise OllamaError("; ".join(shortages), f"samplemind pull-models {name} --force")
            return await Puller(daemon, show, insecure=own).run(plan)

        (result,) = ask(self._settings, pull)
        if result.error:
            raise result.error
        tell("done", result.as_json())
