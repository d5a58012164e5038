"""The mock's own doors under /_mock/, for tests in other languages: read the requests, reset, change the behaviour."""

from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.request_log import Log


def control(log: Log, behaviour: Behaviour, request: HttpRequest) -> tuple[int, Any, Behaviour]:
    """Status, body, and the behaviour from now on: GET requests, POST reset (the log), POST settings (as JSON)."""
    door = f"{request.method} {request.path.removeprefix('/_mock/')}"
    if door == "GET requests":
        return 200, {"total": log.total, "requests": [r.as_json() for r in log.records()]}, behaviour
    if door == "POST reset":
        log.clear()
        return 200, {}, behaviour
    if door == "POST settings":
        try:
            return 200, {}, behaviour.changed(dict(request.json))
        except (UsageError, TypeError, ValueError) as error:
            return 400, {"error": str(error)}, behaviour
    return 404, {"error": f"{door}: there are GET requests, POST reset and POST settings"}, behaviour
