"""Entry point: the hot path first, then the app."""

import os
import sys

from samplemind_cli import hot


def main() -> None:
    """Run the command line of this process and exit with its code."""
    try:
        _main()
    except KeyboardInterrupt:  # also while modules load
        sys.exit(130)
    except RuntimeError as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        sys.exit(130)  # it came while a class was made, which hides it before Python 3.12


def _main() -> None:
    argv = sys.argv[1:]
    question = None
    try:
        if argv == ["--version"]:
            hot.show_version()
            return
        if argv[:1] == ["ask"] and "_SAMPLEMIND_COMPLETE" not in os.environ:
            question = hot.Question(argv[1:], os.environ)
            if question.answer():
                os._exit(0)  # nothing is left to flush or to close; skips interpreter shutdown
    except BrokenPipeError:  # the reader closed the pipe
        os._exit(0)
    except OSError:  # the disk is full: the app fails in the same way, and reports it
        pass
    import gc

    gc.disable()  # until the command is loaded: modules are no garbage, and scanning them costs a 14th of the start-up
    from samplemind_cli.cli import end_by_signals, run, show_bug

    sys.excepthook = show_bug
    ended_by = end_by_signals()
    code = run(argv, question)
    gc.freeze()  # else the interpreter scans it all for cycles at exit: 30 ms, a seventh of a fresh `ask`
    sys.exit(128 + ended_by[0] if ended_by else code)


if __name__ == "__main__":
    main()
