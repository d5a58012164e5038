"""The mock's own doors under /_mock/, for tests in other languages: read the requests, reset, change the behaviour."""

from typing import TYPE_CHECKING, Any

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.http1 import Request

if TYPE_CHECKING:
    from samplemind_cli.mock.service import Service


def control(service: "Service", request: Request) -> tuple[int, Any]:
    """Status and body: GET requests, POST reset (the log), POST settings (any of Behaviour's, as JSON)."""
    door = f"{request.method} {request.path.removeprefix('/_mock/')}"
    if door == "GET requests":
        return 200, {"total": service.log.total, "requests": [r.as_json() for r in service.log.records()]}
    if door == "POST reset":
        service.log.clear()
        return 200, {}
    if door == "POST settings":
        try:
            service.behaviour = service.behaviour.changed(dict(request.json))
        except (UsageError, TypeError, ValueError) as error:
            return 400, {"error": str(error)}
        return 200, {}
    return 404, {"error": f"{door}: there are GET requests, POST reset and POST settings"}
