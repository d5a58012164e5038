"""The table of the dashboard: its page, and each piece of its data with the schema that describes it."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from samplemind_cli.ai.core import AICore
from samplemind_cli.dashboard import described as d
from samplemind_cli.dashboard.access import Access, as_json
from samplemind_cli.dashboard.calls import LARGEST, Calls
from samplemind_cli.dashboard.live import Live, Plain, Topic
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import document
from samplemind_cli.ledger.filters import FACTS
from samplemind_cli.server.front import Front
from samplemind_cli.server.message import Handler, HttpError, Incoming, Reply
from samplemind_cli.server.pages import Pages
from samplemind_cli.server.routes import Operation

PATH = "/dashboard"
ROW = d.obj("number", "id", "at", "times", "model", number=d.WHOLE, id=d.TEXT, at=d.NUMBER, times=d.WHOLE, model=d.TEXT)
SPAN = d.obj("name", "start", "ms", name=d.TEXT, start=d.NUMBER, ms=d.NUMBER)
SEEN = d.obj("total", "newest", total=d.WHOLE, newest=d.WHOLE)


def attach(front: Front, core: AICore) -> None:
    """Offer the dashboard on a server. Raises SamplemindError where its page was not built."""
    table = _table(front, core)
    front.add(
        (Operation(method, f"{PATH}/api/{path}", run, public=True) for method, path, run, _ in table), _paths(table)
    )
    front.add(Pages(page()).operations(PATH), {})


def page() -> Path:
    """The folder of the built page. Raises SamplemindError where there is none."""
    folder = Path(str(files("samplemind_cli.dashboard"))) / "dist"
    if not (folder / "index.html").is_file():
        raise SamplemindError(f"the dashboard's page is not in {folder}", "cd web && npm ci && npm run build")
    return folder


_Line = tuple[str, str, Handler, dict[str, Any]]


def _table(front: Front, core: AICore) -> list[_Line]:
    access = Access(core.settings)
    calls = Calls(core.settings)
    topics = {"requests": Topic(lambda: Plain(calls.newest), 1.0)}
    live = Live(topics, lambda: front.draining)

    async def open_session(incoming: Incoming) -> Reply:
        session = access.sessions.open(document(incoming.body).need("link", str))
        if session is None:
            raise HttpError(401, "this link was used or is too old: samplemind dashboard opens another", "no_session")
        return as_json({"session": session})

    lines = [
        *_calls(calls),
        ("GET", "live", live.answer, d.get(
            "What changes: once as JSON, or with accept: text/event-stream as a stream of events",
            {"type": "object"}, {"topics": {**d.TEXT, "enum": list(topics)}},
        )),
    ]  # fmt: skip
    guarded = [(method, path, access.guarded(run), told) for method, path, run, told in lines]
    told = d.post("A session, for a link that works once", d.obj("link", link=d.TEXT), d.obj("session", session=d.TEXT))
    return [*guarded, ("POST", "session", access.guarded(open_session, opening=True), told)]


def _calls(calls: Calls) -> list[_Line]:
    chosen = dict.fromkeys((*FACTS, "words"), d.TEXT)
    bounds = {"first": {**d.WHOLE, "minimum": 0}, "most": {**d.WHOLE, "minimum": 1, "maximum": LARGEST}}
    rows = d.obj("total", "first", "rows", total=d.WHOLE, first=d.WHOLE, rows=d.many(ROW))
    one = d.obj("id", "at", "spans", id=d.TEXT, at=d.NUMBER, spans=d.many(SPAN), dollars=d.NUMBER)
    there = {"type": "object", "additionalProperties": d.many(d.TEXT)}
    return [
        (
            "GET",
            "requests",
            calls.page,
            d.get("Some calls, oldest first", rows, {**chosen, **bounds}),
        ),
        ("GET", "requests/{id}", calls.one, d.get("One call", one, id=d.TEXT)),
        ("GET", "names", calls.names, d.get("What calls can be chosen by", there)),
    ]


def _paths(table: list[_Line]) -> dict[str, Any]:
    """What /openapi.json says of the table; two methods of one path together."""
    paths: dict[str, Any] = {}
    for _, path, _, told in table:
        paths.setdefault(f"{PATH}/api/{path}", {}).update(told)
    return paths
