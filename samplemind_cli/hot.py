"""Answers a repeated `ask` without loading the rest; imports nothing that takes time."""

import os
import stat
import time

from samplemind_cli import __version__, paths, spool, trust

TYPE_CHECKING = False  # `typing` alone would take half of this path's time
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = b"samplemind-hot-2"
LATENCY = b"\0"  # the placeholder in a record for the milliseconds that a call took
LARGEST = 100_000_000  # bytes read from a pipe or a file; no provider accepts as many
PATIENCE = 2.0  # seconds until we report that we are waiting for stdin
RACY = 2.0  # seconds: a file changed this recently could change again without a change of its times
# The variables that an answer depends on, beside every SAMPLEMIND_ and XDG_ variable. A provider's URL and key are
# recognised by their endings; of a key, only whether it is set matters.
VARIABLES = ["HOME", "OLLAMA_HOST", "COMPOSE_PROJECT_NAME", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "COLORTERM"]
URLS = "_BASE_URL"
KEYS = ("_KEY", "_TOKEN")


def read_stdin() -> bytes:
    """The piped input; empty when stdin is a terminal or closed. Reports a pipe that stays silent."""
    try:
        if os.isatty(0):
            return b""
        import select

        if not select.select([0], [], [], PATIENCE)[0]:
            os.write(2, b"reading stdin: end it with Ctrl-D, or start with </dev/null\n")
        parts, size = [], 0
        while size <= LARGEST and (part := os.read(0, 1 << 20)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)
    except OSError:
        return b""


class Question:
    """One `ask`: its command line, folder and environment. Its record is a file named by the hash of the piped input,
    in a folder named by the hash of the rest.
    """

    def __init__(self, argv: "list[str]", env: "Mapping[str, str]") -> None:
        self._started = time.perf_counter()
        self._stdin: bytes | None = None
        directory = os.getcwd()
        parts: list[str | bytes] = [FORMAT, __version__, directory, *argv, *_environment(env), *_terminal()]
        for path in paths.settings_files(env, directory):
            parts += [path, identity(path, exact=True), trust.fault(path, env)]
        self.folder = os.path.join(paths.cache_dir(env), "hot", _digest(parts))

    @property
    def stdin(self) -> bytes:
        """The piped input, read at first use."""
        if self._stdin is None:
            self._stdin = read_stdin()
        return self._stdin

    @property
    def record(self) -> str:
        """The path of this question's record."""
        return os.path.join(self.folder, _digest([self.stdin]))

    def answer(self) -> bool:
        """Print again what was printed for the same question, if all it depends on is unchanged; whether it was."""
        if not os.path.isdir(self.folder):  # never answered: leave stdin alone, it may never end
            return False
        try:
            with open(self.record, "rb") as file:
                if os.fstat(file.fileno()).st_uid != os.geteuid():  # another user would choose what we print
                    return False
                expires, out, err, conditions, call = _parsed(file.read())
        except (OSError, ValueError):
            return False
        if not time.time() < expires or not all(map(_holds, conditions)):
            return False
        milliseconds = b"%.1f" % ((time.perf_counter() - self._started) * 1000)
        _write(2, err.replace(LATENCY, milliseconds))
        _write(1, out.replace(LATENCY, milliseconds))
        if call:
            _count(call, milliseconds)
        return True


def identity(path: str, *, exact: bool) -> str:
    """A file's inode, size and mtime, which change with its content; `exact` adds the ctime, which cannot be forged."""
    try:
        info = os.stat(path)
    except OSError:
        return "-"
    return f"{info.st_ino}.{info.st_size}.{info.st_mtime_ns}" + (f".{info.st_ctime_ns}" if exact else "")


def unchanged(path: str, *, exact: bool) -> bytes | None:
    """The condition that a file is as it is now; None when later changes might go unnoticed."""
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):  # what comes out of a pipe or a device is new each time
            return None
        if "\n" in path or (exact and time.time() - info.st_ctime < RACY):
            return None
    except OSError:
        return None
    return b"%s %s %s" % (b"exact" if exact else b"same", identity(path, exact=exact).encode(), os.fsencode(path))


def closed(host: str, port: int) -> bytes:
    """The condition that nothing listens on a port; `host` is a loopback IP address."""
    return b"closed %s %d" % (host.encode(), port)


def encoded(expires: float, out: bytes, err: bytes, conditions: "Iterable[bytes]", call: bytes = b"") -> bytes:
    """A record: its first line holds the lengths of its parts.

    `call`: the ledger's folder, a line end, and the end of the JSON that each repetition appends to the ledger.
    """
    tail = b"\n".join(conditions)
    lengths = b"%d %d %d %d" % (len(out), len(err), len(tail), len(call))
    return b"%s %r %s\n%s%s%s%s" % (FORMAT, expires, lengths, out, err, tail, call)


def _count(call: bytes, milliseconds: bytes) -> None:
    """Record a repetition in the ledger; if that fails, the answer is still good."""
    folder, _, rest = call.partition(b"\n")
    values = (os.urandom(8).hex().encode(), time.time(), milliseconds, spool.terminal().encode(), rest)
    try:
        spool.append(os.fsdecode(folder), b'{"id":"%s","at":%r,"ms":%s,"session":"%s",%s\n' % values)
    except OSError:
        return


def _parsed(raw: bytes) -> "tuple[float, bytes, bytes, list[bytes], bytes]":
    head, _, body = raw.partition(b"\n")
    kind, expires, *lengths = head.split()
    out, err, tail, call = map(int, lengths)
    if kind != FORMAT or len(body) != out + err + tail + call:
        raise ValueError(kind)
    end = out + err + tail
    conditions = body[out + err : end].split(b"\n") if tail else []
    return float(expires), body[:out], body[out : out + err], conditions, body[end:]


def _holds(condition: bytes) -> bool:
    kind, what, rest = condition.split(b" ", 2)
    if kind in (b"same", b"exact"):
        return what.decode() == identity(os.fsdecode(rest), exact=kind == b"exact")
    return kind == b"closed" and _is_closed(what.decode(), int(rest))


def _is_closed(host: str, port: int) -> bool:
    import _socket  # `socket` imports enum and selectors

    probe = _socket.socket(_socket.AF_INET6 if ":" in host else _socket.AF_INET, _socket.SOCK_STREAM)
    try:
        probe.settimeout(0.05)
        return probe.connect_ex((host, port)) != 0
    except OSError:
        return True
    finally:
        probe.close()


def _environment(env: "Mapping[str, str]") -> "list[str]":
    assignments = [
        f"{name}={value}"
        for name, value in env.items()
        if name in VARIABLES or name.startswith(("SAMPLEMIND_", "XDG_")) or name.endswith(URLS)
    ]
    return [*sorted(assignments), *sorted(name for name, value in env.items() if value and name.endswith(KEYS))]


def _terminal() -> "list[str]":
    try:
        return [str(os.isatty(2)), str(os.get_terminal_size(1).columns) if os.isatty(1) else ""]
    except OSError:
        return ["", ""]


def _digest(parts: "Iterable[str | bytes]") -> str:
    from _blake2 import blake2b  # `hashlib` also loads OpenSSL

    digest = blake2b(digest_size=20)
    for part in parts:
        raw = part if isinstance(part, bytes) else os.fsencode(part)
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def show_version() -> None:
    """Print `samplemind --version`."""
    print(f"samplemind {__version__}", flush=True)  # noqa: T201 - a closed stdout is no error
