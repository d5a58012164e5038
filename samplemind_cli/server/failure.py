"""Turns an error of the core into an HTTP problem."""

from samplemind_cli.ai import problems
from samplemind_cli.errors import SamplemindError
from samplemind_cli.formats.types import Format
from samplemind_cli.server.message import HttpError

_OPENAI = ("openai_chat", "openai_responses")  # two formats, one error


def problem(error: SamplemindError, source: Format = "") -> HttpError:
    """The HTTP error for an error of the core; of several providers' failures the last one counts.

    A refusal by a provider of the client's own format, `source`, is passed on unchanged.
    """
    known = problems.problem(error)
    refusal = problems.refusal(error)
    result = HttpError(known.status, known.message, known.code, param=known.param, wait=known.wait)
    result.kind = known.kind
    if refusal and _alike(refusal.origin, source) and refusal.status in (0, *range(400, 600)):
        result.status, result.provider_body = refusal.status or known.status, refusal.body
        result.headers.update(refusal.headers)
    return result.with_header("x-should-retry", "false") if known.code == problems.BILLING else result


def _alike(one: Format, other: Format) -> bool:
    """Whether clients of one format can read the errors of the other."""
    return one == other or (one in _OPENAI and other in _OPENAI)
