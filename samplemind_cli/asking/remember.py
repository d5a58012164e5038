"""Remembering what was printed for a question, so that the hot path can print it again."""

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
    """Keep what a second asking would print, with all that must still be true then; `read` are the files it came from.

    `call` is what the ledger is told of each repetition: `journal.repeated`.

    Nothing is kept of an answer that is not in the local cache, nor when a provider before it may answer the next
    time: one that is not there is looked for, one that failed is not trusted to fail again.
    """
    conditions = _conditions(answer, read)
    too_old_sooner = options.ttl is not None and answer.cached  # than its entry expires
    if options.cache != "use" or too_old_sooner or answer.kept is None or conditions is None:
        return
    again = replace(answer, cached="local")
    mark = hot.LATENCY.decode()
    out, err = style.out(again, mark), style.err(again, mark)
    if (out + err).count(mark) != style.json + style.verbose:  # the answer itself holds the mark
        return
    printed = (out.encode("utf-8", "replace"), err.encode("utf-8", "replace"))
    record = hot.encoded(answer.kept.expires, *printed, conditions, call)
    with suppress(OSError):  # a full disk or a read-only home: the next asking is slower, that is all
        cache, *folders = question.folder.rsplit("/", 2)
        files.private_folder(cache, *folders)
        files.write(question.record, record)


def _conditions(answer: Answer, read: Iterable[Path]) -> list[bytes] | None:
    kept = answer.kept
    found = [hot.unchanged(kept.path, exact=False) if kept else None]
    found += [hot.unchanged(str(path.absolute()), exact=True) for path in read]
    found += [_still_deaf(route) for route in answer.passed if route.outcome != "untried"]
    return None if None in found else [condition for condition in found if condition]


def _still_deaf(route: Route) -> bytes | None:
    """The condition that a refused loopback address still refuses; None for what cannot be told quickly."""
    url = urlsplit(route.endpoint.base_url)
    host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return hot.closed(host, url.port or 80) if loopback and route.outcome == "refused" else None
