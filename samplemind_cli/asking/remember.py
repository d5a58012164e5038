"""Records what was printed for a question, so that the hot path can print it again."""

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from samplemind_cli import files, hot
from samplemind_cli.ai.types import Answer, Options, Route
from samplemind_cli.asking.show import Style


def remember(  # noqa: PLR0913, PLR0917 - the parts of a record
    question: hot.Question, options: Options, answer: Answer, style: Style, read: Iterable[Path], call: bytes = b""
) -> None:
    """Record what the same question would print next time, and the conditions for it; `read`: the files that it used.

    `call`: what each repetition adds to the ledger, from `journal.repeated`.

    Nothing is recorded unless the answer is in the local cache, nor if another provider may answer next time: one that
    refused the connection is probed again, and one that failed otherwise may recover.
    """
    conditions = _conditions(answer, read)
    may_expire_early = options.ttl is not None and answer.cached  # before its cache entry does
    if options.cache != "use" or may_expire_early or answer.kept is None or conditions is None:
        return
    again = replace(answer, cached="local")
    mark = hot.LATENCY.decode()
    out, err = style.out(again, mark), style.err(again, mark)
    if (out + err).count(mark) != style.json + style.verbose:  # the answer itself contains the placeholder
        return
    printed = (out.encode("utf-8", "replace"), err.encode("utf-8", "replace"))
    record = hot.encoded(answer.kept.expires, *printed, conditions, call)
    with suppress(OSError):  # a full disk or a read-only home only makes the next time slower
        cache, *folders = question.folder.rsplit("/", 2)
        files.private_folder(cache, *folders)
        files.write(question.record, record)


def _conditions(answer: Answer, read: Iterable[Path]) -> list[bytes] | None:
    entry = answer.kept
    conditions = [hot.unchanged(entry.path, exact=False) if entry else None]
    conditions += [hot.unchanged(str(path.absolute()), exact=True) for path in read]
    conditions += [_still_refused(route) for route in answer.passed if route.outcome != "untried"]
    return None if None in conditions else [condition for condition in conditions if condition]


def _still_refused(route: Route) -> bytes | None:
    """The condition that a loopback address still refuses connections; None for other failures and addresses."""
    url = urlsplit(route.endpoint.base_url)
    host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return hot.closed(host, url.port or 80) if loopback and route.outcome == "refused" else None
