"""The local models: those installed and loaded, and loading, unloading, removing and pulling one."""

from collections.abc import Awaitable, Callable
from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import Send, waited, worked
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import document
from samplemind_cli.server.message import Incoming, Reply, Stream
from samplemind_cli.settings import Settings


class Models:
    """Does what `samplemind models` and `pull-models` do, in threads, each with an event loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def look(self) -> dict[str, Any]:
        """Every model; an error if the daemon does not answer."""
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
        """The current state."""
        return as_json(await waited(self.look))

    def acts(self) -> dict[str, Callable[[Incoming], Awaitable[Reply]]]:
        """The actions on one model, by their names."""
        return {verb: self._act(verb) for verb in ("warm", "stop", "remove")}

    def _act(self, verb: str) -> Callable[[Incoming], Awaitable[Reply]]:
        async def act(incoming: Incoming) -> Reply:
            from samplemind_cli.models.daemon import ask
            from samplemind_cli.models.names import resolve

            name = resolve(document(incoming.body).need("name", str))
            await waited(ask, self._settings, lambda daemon: getattr(daemon, verb)(name))
            return as_json({"name": name})

        return act

    async def pull(self, incoming: Incoming) -> Stream:
        """Pull one model, with events of its progress; the pull goes on after the client has disconnected."""
        name = document(incoming.body).need("name", str)
        return worked(lambda send: self._pull(name, send))

    def _pull(self, name: str, send: Send) -> None:
        from samplemind_cli.ai.router import is_loopback
        from samplemind_cli.models import pull_plan as planning
        from samplemind_cli.models.daemon import Daemon, ask
        from samplemind_cli.models.daemon_errors import OllamaError
        from samplemind_cli.models.names import Name, resolve
        from samplemind_cli.models.pull import Download, Puller, PullResult

        def show(download: Download) -> None:
            counts = {"phase": download.phase, "done": download.done, "total": download.total}
            send("progress", {**counts, "trouble": download.trouble})

        local = is_loopback(f"//{Name.parse(resolve(name)).host}")  # a registry on this machine speaks plain HTTP

        async def pull(daemon: Daemon) -> list[PullResult]:
            plan = await planning.make(daemon, [resolve(name)], await daemon.installed(), update=False, insecure=local)
            if shortages := plan.shortages():
                raise OllamaError("; ".join(shortages), f"samplemind pull-models {name} --force")
            return await Puller(daemon, show, insecure=local).run(plan)

        (result,) = ask(self._settings, pull)
        if result.error:
            raise result.error
        send("done", result.as_json())
