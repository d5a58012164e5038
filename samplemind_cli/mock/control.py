"""The mock's own routes under /_mock/, for tests in other languages: list requests, reset, change the behaviour."""

import re
from ipaddress import ip_address
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.request_log import Log


def control(log: Log, behaviour: Behaviour, request: HttpRequest) -> tuple[int, Any, Behaviour]:
    """Status, body and new behaviour, for GET requests, POST reset (of the log) and POST settings (as JSON)."""
    if not _from_a_program(request):
        why = "requests from web pages are refused; this is for programs on this machine or in its containers"
        return 403, {"error": why}, behaviour
    route = f"{request.method} {request.path.removeprefix('/_mock/')}"
    if route == "GET requests":
        return 200, {"total": log.total, "requests": [r.as_json() for r in log.records()]}, behaviour
    if route == "POST reset":
        log.clear()
        return 200, {}, behaviour
    if route == "POST settings":
        try:
            return 200, {}, behaviour.changed(dict(request.json))
        except (UsageError, TypeError, ValueError) as error:
            return 400, {"error": str(error)}, behaviour
    return 404, {"error": f"{route}: there are GET requests, POST reset and POST settings"}, behaviour


def _from_a_program(request: HttpRequest) -> bool:
    """Whether it is not from a web page, which sends its origin, or another host name (DNS rebinding)."""
    if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
        return False
    name = re.sub(r":\d*$", "", request.headers.get("host", "")).strip("[]").lower().rstrip(".")
    try:
        return bool(ip_address(name))
    except ValueError:
        return "." not in name or name.endswith((".localhost", ".internal"))
