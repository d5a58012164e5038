"""An error of the core as this server's problem."""

from samplemind_cli.ai import problems
from samplemind_cli.errors import SamplemindError
from samplemind_cli.server.message import HttpError


def problem(error: SamplemindError) -> HttpError:
    """The problem that an error is; of several providers' failures the last one counts."""
    told = problems.problem(error)
    found = HttpError(told.status, told.message, told.code, param=told.param, wait=told.wait)
    return found.with_header("x-should-retry", "false") if told.code == problems.BILLING else found
