"""The command table, loaded lazily, and the one place where errors become exit codes."""

import errno
import gc
import os
import signal
import sys
from importlib import import_module
from types import FrameType, TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from samplemind_cli import help_text, hot, output
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import environment

# In the order of `--help`. The text is the first line of the command's own help, as a test checks.
COMMANDS = {
    "ask": "Ask a language model; a repeated question costs nothing.",
    "chat": "Chat with a language model.",
    "batch": "Answer a file of questions into another file; an interrupted batch resumes.",
    "up": "Start the stack and wait until it is healthy.",
    "down": "Stop the stack; its data stays unless --volumes is given.",
    "start": "Start stopped containers as they are, and wait until they are healthy.",
    "stop": "Stop containers and keep them; `start` starts them again.",
    "restart": "Stop containers, start them again as they are, and wait until they are healthy.",
    "logs": "Show the services' logs, merged by time.",
    "ps": "Show the services: health, uptime, CPU, memory, URLs and their own figures.",
    "exec": "Run a command in a service's running container; its exit code is passed on.",
    "open": "Open a running service's URL in the browser.",
    "build": "Build the services' images; report steps, cache hits, size and time.",
    "rebuild": "Build with the cache, then recreate the running services whose image changed.",
    "watch": "Sync or rebuild services as their files change; Ctrl-C ends it.",
    "models": "List the local models: size, loaded or not, wanted by the project, used for which task.",
    "pull-models": "Pull the project's local models: plan, resume interrupted downloads, verify.",
    "bench": "Measure against targets, and tell whether it got faster.",
    "profile": "Profile a script, a module, a samplemind command or the running api.",
    "test": "Run the project's tests with pytest: the fast ones, in parallel if that is faster.",
    "doctor": "Check Docker, this machine, the services and the API keys, and suggest fixes.",
    "env": "Print shell exports for thread counts and the stack's addresses.",
    "cache": "Inspect the answer cache, or clear it.",
    "stats": "Show calls, tokens, costs, and what the cache saved.",
    "log": "List recorded calls, show one, or repeat it.",
    "ledger": "Manage the record of all calls.",
    "serve": "Serve the core over HTTP to OpenAI's, Anthropic's, Gemini's and Ollama's clients.",
    "dashboard": "Open the page that shows requests, cache, costs, models and the stack.",
    "keys": "Give each client of serve a key of its own, with limits.",
    "launch": "Start an AI tool on samplemind serve, with its cache, routing and ledger.",
    "mock": "Serve fake model providers on loopback, with latency and faults.",
}
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
COMPLETION = "_SAMPLEMIND_COMPLETE"  # the variable with which Typer's shell scripts ask for completions
INTERRUPTED = 130
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_WRITABLE = (errno.EIO, errno.EBADF)  # a terminal that hung up; a stdout opened for reading


class LazyGroup(help_text.Group):
    """A group that imports a command's module when the command is used, not before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]  # suggestions need only the names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - click's signature
        """The command of that name, made from `samplemind_cli.commands.<name>`."""
        return command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - click's signature
        """Write the table, without importing a single command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def command(name: str) -> Any:
    """The click command of a module in `commands/`: its `app` if it has subcommands, else the function of its name."""
    module_name = name.replace("-", "_")
    module = import_module(f"samplemind_cli.commands.{module_name}")
    sub = getattr(module, "app", None)
    if sub is None:
        sub = typer.Typer(rich_markup_mode=None, add_completion=False)
        kind = getattr(module, "Command", TyperCommand)
        sub.command(name, cls=kind, context_settings=CONTEXT)(getattr(module, module_name))
    built = typer.main.get_command(sub)
    built.name = name
    help_text.complete(built)
    if not gc.isenabled() and name != "ask":  # one question leaves no cycles behind
        gc.freeze()
        gc.enable()
    return built


app = typer.Typer(
    cls=LazyGroup, rich_markup_mode=None, no_args_is_help=True, context_settings=CONTEXT, pretty_exceptions_enable=False
)


def _show_version(value: bool) -> None:
    if value:
        hot.show_version()
        raise typer.Exit


@app.callback()
def samplemind(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    r"""Ask local and hosted models through one cached, routed core; run and measure the stack around them.

    \b
    Example:
      samplemind ask "What key is A C# E?"
    """


def run(argv: list[str], question: hot.Question | None = None) -> int:
    """Run one command line and return its exit code. `question` is the hot path's, whose stdin may be read already.

    Errors are printed here and nowhere else; a bug keeps its traceback.
    """
    output.use_utf_8()
    try:
        code = _invoke(argv, question)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        output.say(f"error: {error.format_message()}")
        output.say(f"hint: {context.command_path if context else 'samplemind'} --help")
        return error.exit_code
    except SamplemindError as error:
        output.fail(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except OSError as error:
        return _write_failure(error)
    return code if isinstance(code, int) else 0


def show_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:  # noqa: ARG001
    """An excepthook: Python's own would print a provider's text without escaping it."""
    output.show_bug(error)


def end_by_signals() -> list[int]:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, with clean-up; the list fills with those received.

    Signals that are ignored, as by nohup(1), stay ignored.
    """
    received: list[int] = []

    def as_ctrl_c(number: int, frame: FrameType | None) -> None:
        received.append(number)
        interrupt = signal.getsignal(signal.SIGINT)  # asyncio sets its own while it runs
        (interrupt if callable(interrupt) else signal.default_int_handler)(number, frame)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, as_ctrl_c)
    return received


def _invoke(argv: list[str], question: hot.Question | None) -> Any:
    """Click's own `main`, except that a closed pipe stays a BrokenPipeError instead of becoming exit code 1."""
    group = typer.main.get_command(app)
    if COMPLETION in environment():
        group.main(argv, "samplemind")  # completes for the shell, and exits
    try:
        with group.make_context("samplemind", argv, obj=question) as context:
            return group.invoke(context)
    except typer.Exit as exiting:
        return exiting.exit_code


def _write_failure(error: OSError) -> int:
    """The exit code for a closed pipe, a full disk, or a missing temporary folder; any other OSError is a bug."""
    if isinstance(error, BrokenPipeError):
        failure = None
    elif error.errno in FULL:
        failure = SamplemindError(f"the disk is full: {error}", "free some space: df -h shows where")
    elif error.errno in NOT_WRITABLE and error.filename is None:
        failure = SamplemindError(f"cannot write to stdout: {error}", "check where stdout is redirected")
    elif str(error.strerror).startswith("No usable temporary directory"):  # tempfile's message
        failure = SamplemindError("there is no folder for temporary files", "export TMPDIR=FOLDER, a writable one")
    else:
        raise error
    _abandon_stdout()
    if failure:
        output.fail(failure)
    return int(bool(failure))


def _abandon_stdout() -> None:
    """Send what is left to /dev/null, so that the flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
