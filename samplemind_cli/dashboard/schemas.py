"""The request and response schemas of the dashboard's paths, for /openapi.json."""

from typing import Any

from samplemind_cli.ai.model_names import TASKS
from samplemind_cli.ai.types import EFFORTS
from samplemind_cli.dashboard.asking import CACHES
from samplemind_cli.dashboard.call_history import LARGEST
from samplemind_cli.dashboard.descriptions import (
    EVENT,
    EVENTS,
    FLAG,
    NUMBER,
    TEXT,
    TROUBLE,
    WHOLE,
    get,
    many,
    obj,
    post,
)
from samplemind_cli.ledger.clearing import ClearRequest
from samplemind_cli.ledger.filters import FACTS
from samplemind_cli.ledger.stats import BY

CALL = obj("number", "id", "at", "times", "model", number=WHOLE, id=TEXT, at=NUMBER, times=WHOLE, model=TEXT)
SPAN = obj("name", "start", "ms", name=TEXT, start=NUMBER, ms=NUMBER)
NEAREST = obj("key", key=TEXT, id=TEXT, prompt=TEXT)
ONE = obj("id", "at", "spans", id=TEXT, at=NUMBER, spans=many(SPAN), dollars=NUMBER, why=TEXT, nearest=NEAREST)
CHOSEN = dict.fromkeys((*FACTS, "words"), TEXT)
PLACE = {"first": {**WHOLE, "minimum": 0}, "most": {**WHOLE, "minimum": 1, "maximum": LARGEST}}
SUMS = obj(
    "name", "calls", "hits", "errors",
    name=TEXT, calls=WHOLE, hits=WHOLE, errors=WHOLE, hit_rate=NUMBER,
    dollars_spent=NUMBER, dollars_saved=NUMBER, seconds_saved=NUMBER, p50_ms=NUMBER, p95_ms=NUMBER,
)  # fmt: skip
BUDGET = obj(
    "budget", "limit", "spent", "held", "left", budget=TEXT, limit=NUMBER, spent=NUMBER, held=NUMBER, left=NUMBER
)
ENTRY = obj("key", key=TEXT, bytes=WHOLE, hits=WHOLE, prompt=TEXT, model=TEXT)
MODEL = obj("name", "installed", name=TEXT, installed=FLAG, size=WHOLE, loaded={"type": "object"}, tasks=many(TEXT))
NAMED = obj("name", name=TEXT)
SERVICES = obj(services=many(TEXT))
MEASURED = obj("name", "when", "rows", name=TEXT, when=TEXT, commit=TEXT, rows=many({"type": "object"}))
SCORE = obj(
    "key", "metric", "unit", "verdict",
    key=TEXT, metric=TEXT, unit=TEXT, verdict=TEXT, target=NUMBER, now=NUMBER, low=NUMBER, high=NUMBER, when=TEXT,
)  # fmt: skip
COMPARED = obj("ratio", "low", "high", "verdict", ratio=NUMBER, low=NUMBER, high=NUMBER, verdict=TEXT, when=TEXT)
KEPT = obj(
    "project", "board", "measurements", "comparisons", "broken",
    project=TEXT, board=many(SCORE), measurements=many(MEASURED), comparisons=many(COMPARED), broken=many(TEXT),
)  # fmt: skip
TOOL = obj("name", "launch", "paste", "install", name=TEXT, launch=TEXT, paste=TEXT, install=TEXT)
ASKED = obj(
    "prompt",
    prompt=TEXT,
    system=TEXT,
    model={**TEXT, "description": f"PROVIDER/MODEL, auto, or auto:TASK with {', '.join(TASKS)}"},
    temperature={**NUMBER, "minimum": 0, "maximum": 2},
    max_tokens={**WHOLE, "minimum": 1},
    effort={"enum": ["", *EFFORTS]},
    cache={"enum": list(CACHES)},
)

PATHS: dict[str, dict[str, Any]] = {
    "session": post("Exchange a single-use link for a session", obj("link", link=TEXT), obj("session", session=TEXT)),
    "live": get(
        "The current state as JSON; with accept: text/event-stream, a stream of changes",
        {"type": "object"},
        {"topics": {**TEXT, "description": "requests, stack, models; separated by commas"}},
    ),
    "requests": get(
        "Calls from the ledger, oldest first",
        obj("total", "first", "rows", total=WHOLE, first=WHOLE, rows=many(CALL)),
        {**CHOSEN, **PLACE},
    ),
    "requests/{id}": get("One call", ONE, id=TEXT),
    "names": get("The values that calls can be filtered by", {"type": "object", "additionalProperties": many(TEXT)}),
    "sums": get(
        "Totals from the ledger",
        obj("since", "by", "total", "groups", "note", since=NUMBER, by=TEXT, total=SUMS, groups=many(SUMS), note=TEXT),
        {"since": {**TEXT, "description": "today, week, month, all, 3h, 7d or 2026-11-30"}, "by": {"enum": list(BY)}},
    ),
    "budgets": get("The budgets, in dollars", many(BUDGET)),
    "cache": get(
        "The contents of the answer cache",
        obj(
            "cache",
            "local",
            "used",
            "largest",
            cache=TEXT,
            local={"type": "object"},
            used=many(ENTRY),
            largest=many(ENTRY),
        ),
    ),
    "cache/clear": post(
        "Remove stored answers, those that are chosen or all",
        obj(**dict.fromkeys(ClearRequest._fields, TEXT)),
        obj("entries", "bytes", entries=WHOLE, bytes=WHOLE, redis=WHOLE),
    ),
    "choices": get("List the models", many(TEXT)),
    "ask": post("Answer a prompt; events: why, route, text, thinking, answer, error", ASKED, EVENT, EVENTS),
    "models": get("The local models", obj("url", "models", url=TEXT, models=many(MODEL), error=TROUBLE)),
    "models/pull": post("Pull a model; events: progress, done, error", NAMED, EVENT, EVENTS),
    "models/warm": post("Load a model", NAMED, NAMED),
    "models/stop": post("Unload a model from memory", NAMED, NAMED),
    "models/remove": post("Delete a model from disk", NAMED, NAMED),
    "stack/logs": get(
        "The last lines of the services' logs; with accept: text/event-stream, new lines too",
        obj("lines", lines=many({"type": "object"})),
        {"service": TEXT},
    ),
    "stack/up": post("Start services; events: note, done, error", SERVICES, EVENT, EVENTS),
    "stack/restart": post("Restart services; events: note, done, error", SERVICES, EVENT, EVENTS),
    "stack/stop": post("Stop services; events: note, done, error", SERVICES, EVENT, EVENTS),
    "benches": get(
        "The board of bench as last measured, and of this project what bench run kept and bench ab found",
        KEPT,
    ),
    "connect": get("How to set up each tool", obj("url", "tools", url=TEXT, tools=many(TOOL)), {"model": TEXT}),
}
