"""An error of the core as this server's problem."""

from samplemind_cli.ai import problems
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.types import Format
from samplemind_cli.server.message import HttpError

_OPENAI = ("openai_chat", "openai_responses")  # two formats, one error


def problem(error: SamplemindError, asked: Format = "") -> HttpError:
    """The problem that an error is; of several providers' failures the last one counts.

    A provider of the format in which it was `asked` is told as it refused.
    """
    told = problems.problem(error)
    came = problems.refusal(error)
    found = HttpError(told.status, told.message, told.code, param=told.param, wait=told.wait)
    found.kind = told.kind
    if came and _alike(came.origin, asked) and came.status in (0, *range(400, 600)):
        found.status, found.said = came.status or told.status, came.body
        found.headers.update(came.headers)
    return found.with_header("x-should-retry", "false") if told.code == problems.BILLING else found


def _alike(one: Format, other: Format) -> bool:
    """Whether clients of a format read another one's errors."""
    return one == other or (one in _OPENAI and other in _OPENAI)
