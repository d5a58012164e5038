"""Turns an error of the core into an HTTP problem."""

from samplemind_cli.ai import problems
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.types import Format
from samplemind_cli.server.message import HttpError

_OPENAI = ("openai_chat", "openai_responses")  # two formats, one error


def problem(error: SamplemindError, source: Format = "") -> HttpError:
    """The problem for an error; of several providers' failures the last one counts.

    A refusal by a provider of the client's own format, `source`, is passed on as it is.
    """
    known = problems.problem(error)
    refusal = problems.refusal(error)
    found = HttpError(known.status, known.message, known.code, param=known.param, wait=known.wait)
    found.kind = known.kind
    if refusal and _alike(refusal.origin, source) and refusal.status in (0, *range(400, 600)):
        found.status, found.said = refusal.status or known.status, refusal.body
        found.headers.update(refusal.headers)
    return found.with_header("x-should-retry", "false") if known.code == problems.BILLING else found


def _alike(one: Format, other: Format) -> bool:
    """Whether clients of a format read another one's errors."""
    return one == other or (one in _OPENAI and other in _OPENAI)
