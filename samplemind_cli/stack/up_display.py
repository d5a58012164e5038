"""What `up` shows while it waits: a row per service on a terminal, and lines elsewhere."""

from samplemind_cli.stack.services import ServiceState
from samplemind_cli.stack.up import UpProgress


class UpDisplay:
    """The rows and lines of one `up`; remembers since when each service has been in its condition."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[str, float]] = {}
        self._reported: set[tuple[str, str, bool]] = set()
        self._activity = ""
        self.services: list[ServiceState] = []
        self.rows: list[tuple[str, str, str, str]] = []  # service, condition, seconds, last probe output

    def take(self, progress: UpProgress) -> list[str]:
        """Update the rows; returns what has changed, as lines for output without a terminal."""
        news = [] if progress.activity in ("", self._activity) else [progress.activity]
        self._activity = progress.activity
        for service in progress.services:
            condition, _ = self._since.get(service.name, ("", 0.0))
            if condition != service.condition:
                self._since[service.name] = service.condition, progress.seconds
                again = condition.startswith("exited")  # it was restarted
                if service.state != "absent" and (service.name, service.condition, again) not in self._reported:
                    self._reported.add((service.name, service.condition, again))  # a crash loop is reported once
                    news.append(f"{service.name}: {service.condition} ({progress.seconds:.1f} s)")
        self.services = list(progress.services)
        self.rows = [self._row(service, progress.seconds) for service in progress.services]
        return news

    def seconds(self, service: ServiceState) -> float:
        """When the service got into its condition, in seconds since the start."""
        return self._since[service.name][1]

    def _row(self, service: ServiceState, now: float) -> tuple[str, str, str, str]:
        final = service.condition in ("healthy", "running", "unhealthy") or service.state == "exited"
        seconds = self.seconds(service) if final else now
        probe = "" if service.health == "healthy" else " ".join(service.probe.split())
        return service.name, service.condition, f"{seconds:.1f} s", probe
