"""What `up` shows while it waits: a row per service that keeps its time, and the lines where nobody can see a board."""

from samplemind_cli.stack.services import ServiceState
from samplemind_cli.stack.up import UpProgress


class UpDisplay:
    """Remembers when each service became what it is."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}
        self._told: set[tuple[str, str, bool]] = set()
        self._activity = ""
        self.services: list[ServiceState] = []
        self.rows: list[tuple[str, str, str, str]] = []  # service, condition, seconds, last probe output

    def take(self, progress: UpProgress) -> list[str]:
        """Take one look; what is new in it, as lines for where there is no terminal."""
        news = [] if progress.activity in ("", self._activity) else [progress.activity]
        self._activity = progress.activity
        for service in progress.services:
            condition, _ = self._since.get(service.name, ("", 0.0))
            if condition != service.condition:
                self._since[service.name] = service.condition, progress.seconds
                again = condition.startswith("exited")  # restarted: what it was before is what it comes to
                if service.state != "absent" and (service.name, service.condition, again) not in self._told:
                    self._told.add((service.name, service.condition, again))  # what crashes again is told of once
                    news.append(f"{service.name}: {service.condition} ({progress.seconds:.1f} s)")
        self.services = list(progress.services)
        self.rows = [self._row(service, progress.seconds) for service in progress.services]
        return news

    def seconds(self, service: ServiceState) -> float:
        """When the service became what it is now, in seconds since the start."""
        return self._since[service.name][1]

    def _row(self, service: ServiceState, now: float) -> tuple[str, str, str, str]:
        final = service.condition in ("healthy", "running", "unhealthy") or service.state == "exited"
        seconds = self.seconds(service) if final else now
        probe = "" if service.health == "healthy" else " ".join(service.probe.split())
        return service.name, service.condition, f"{seconds:.1f} s", probe
