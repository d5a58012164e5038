"""The dashboard's routes: its page, and the handler of each path below /dashboard/api."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from samplemind_cli.ai.core import AICore
from samplemind_cli.dashboard.admission import Admission, as_json
from samplemind_cli.dashboard.asking import Asking
from samplemind_cli.dashboard.benches import Benches
from samplemind_cli.dashboard.cache import Entries
from samplemind_cli.dashboard.call_history import CallHistory
from samplemind_cli.dashboard.connect import Connect
from samplemind_cli.dashboard.live import Live, Plain, Topic
from samplemind_cli.dashboard.models import Models
from samplemind_cli.dashboard.schemas import PATHS
from samplemind_cli.dashboard.stack import StackActions, StackLook
from samplemind_cli.dashboard.sums import LedgerSums
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.fields import document
from samplemind_cli.server.front import Front
from samplemind_cli.server.message import Handler, HttpError, Incoming, Reply
from samplemind_cli.server.pages import Pages
from samplemind_cli.server.routes import Operation

PATH = "/dashboard"


def attach(front: Front, core: AICore) -> None:
    """Add the dashboard to a server. Raises SamplemindError if its page was not built."""
    admission = Admission(core.settings)
    handlers = _handlers(core, lambda: front.draining)
    guarded = {name: admission.guarded(handler) for name, handler in handlers.items()}
    guarded["POST session"] = admission.guarded(_opener(admission), opening=True)
    operations = []
    for name, handler in guarded.items():
        method, _, path = name.partition(" ")
        operations.append(Operation(method, f"{PATH}/api/{path}", handler, public=True))
    front.add(operations, {f"{PATH}/api/{path}": description for path, description in PATHS.items()})
    front.add(Pages(page()).operations(PATH), {})


def page() -> Path:
    """The folder of the built page. Raises SamplemindError if there is none."""
    folder = Path(str(files("samplemind_cli.dashboard"))) / "dist"
    if not (folder / "index.html").is_file():
        raise SamplemindError(f"the dashboard's page is not in {folder}", "cd web && npm ci && npm run build")
    return folder


def _handlers(core: AICore, draining: Callable[[], bool]) -> dict[str, Handler]:
    """The handlers by method and path."""
    settings = core.settings
    history, sums, entries = CallHistory(settings), LedgerSums(settings), Entries(settings)
    asking, models, stack = Asking(core), Models(settings), StackActions(settings, draining)
    topics = {
        "requests": Topic(lambda: Plain(history.newest), 1.0),
        "stack": Topic(lambda: StackLook(settings), 2.0),
        "models": Topic(lambda: Plain(models.look), 3.0),
    }
    return {
        "GET live": Live(topics, draining).answer,
        "GET requests": history.page,
        "GET requests/{id}": history.one,
        "GET names": history.names,
        "GET sums": sums.answer,
        "GET budgets": sums.budgets,
        "GET cache": entries.answer,
        "POST cache/clear": entries.clear,
        "GET choices": asking.models,
        "POST ask": asking.answer,
        "GET models": models.answer,
        "POST models/pull": models.pull,
        **{f"POST models/{verb}": act for verb, act in models.acts().items()},
        "GET stack/logs": stack.logs,
        "POST stack/up": stack.up,
        "POST stack/restart": stack.restart,
        "POST stack/stop": stack.stop,
        "GET benches": Benches(settings).answer,
        "GET connect": Connect(settings).answer,
    }


def _opener(admission: Admission) -> Callable[[Incoming], Any]:
    async def open_session(incoming: Incoming) -> Reply:
        session = admission.sessions.open(document(incoming.body).need("link", str))
        if session is None:
            why = "this link was used before or has expired: samplemind dashboard opens a new one"
            raise HttpError(401, why, "no_session")
        return as_json({"session": session})

    return open_session
