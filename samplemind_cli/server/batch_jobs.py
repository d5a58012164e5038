"""The running batches of one worker of `serve`: each resumes where a killed process stopped."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import orjson

from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.types import Options, Origin
from samplemind_cli.batch import lines, run
from samplemind_cli.batch.answering import Asker, LineResult
from samplemind_cli.batch.results import Results, has_failed
from samplemind_cli.errors import BudgetError, SamplemindError
from samplemind_cli.files import private_opener
from samplemind_cli.server.client_keys import ClientKey
from samplemind_cli.server.keeping import UNFINISHED, Keeping, Record
from samplemind_cli.server.message import HttpError
from samplemind_cli.server.quotas import Quotas

log = logging.getLogger(__name__)
AT_ONCE = 2  # batches of one worker
JOBS = 8  # concurrent lines of one batch
WRITE = 1.0  # seconds between writes of a batch's progress
MOST_ERRORS = 20  # errors reported for an invalid file


class Jobs:
    """Runs batches with one core. `keep`: prompts and answers go into the ledger."""

    def __init__(self, core: AICore, kept: Keeping, *, keep: bool = False) -> None:
        self._core = core
        self._keep = keep
        self._kept = kept
        self._tasks: set[asyncio.Task[None]] = set()
        self._quotas = Quotas(core.settings.state_dir)
        # By the key whose limits its batches wait for; "" for the others.
        self._rooms: dict[str, asyncio.Semaphore] = {}
        self._ending = False

    def start(self, number: str) -> None:
        """Start to run a batch, unless another process does."""
        task = asyncio.create_task(self._work(number))
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def resume(self) -> None:
        """Start to run the batches that an earlier process left unfinished."""
        try:
            left = [batch["id"] for batch in self._kept.all("batches") if batch["status"] in UNFINISHED]
        except (HttpError, OSError) as error:  # nothing can be stored here, so nothing was
            log.debug("no batches: %s", error)
            return
        for number in left:
            self.start(number)

    async def close(self, seconds: float) -> None:
        """Start no more lines, and wait this many seconds for the running ones; the next process does the rest."""
        self._ending = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()):
            log.error("a batch", exc_info=bug)

    async def _work(self, number: str) -> None:
        with self._kept.alone(number) as mine:
            if not mine:
                return
            async with self._room(self._kept.get("batches", number)):
                batch = self._kept.get("batches", number)
                if self._ending or batch["status"] not in UNFINISHED:
                    return
                try:
                    await self._run(batch)
                except (SamplemindError, OSError, HttpError) as error:
                    log.warning("batch %s: %s", number, error)
                    with suppress(OSError):  # then the next process tries again
                        self._fail(batch, [_problem("batch_failed", str(error))])

    def _room(self, batch: Record) -> asyncio.Semaphore:
        """The semaphore for a batch; batches that wait for their key's next minute do not block others."""
        limits = _limits(batch)
        return self._rooms.setdefault(limits.digest if limits else "", asyncio.Semaphore(AT_ONCE))

    async def _run(self, batch: Record) -> None:
        source = self._kept.data(batch["input_file_id"])
        if batch["status"] == "validating":
            if wrong := await asyncio.to_thread(_wrong, source, batch["endpoint"]):
                return self._fail(batch, wrong)
            batch |= {"status": "in_progress", "in_progress_at": int(time.time())}
            batch["request_counts"]["total"] = await asyncio.to_thread(lines.count, source)
        results = await asyncio.to_thread(self._opened, batch["id"])
        try:
            over = await self._answer(batch, source, results)
        finally:
            results.close()
        if not self._ending or _is_whole(batch):
            await asyncio.to_thread(self._finish, batch, over)
        return None

    def _opened(self, number: str) -> Results:
        path = self._kept.results(number)
        os.close(private_opener(str(path), os.O_RDWR | os.O_CREAT))
        return Results.open(path, again=False)

    async def _answer(self, batch: Record, source: Path, results: Results) -> BudgetError | None:
        """Answer the lines that have no answer yet; returns the error of an exhausted budget."""
        counts = batch["request_counts"]
        before = await asyncio.to_thread(lambda: sum(results.has(line) for line in lines.read(source)))
        counts |= {"failed": results.failed, "completed": before - results.failed}
        self._kept.save("batches", batch)
        origin = Origin(command="batch", batch=batch["id"], **batch["origin"])
        asker = Asker(self._core, Options(origin=origin, models=tuple(batch["models"]), keep_content=self._keep))
        written, limits, ended = time.monotonic(), _limits(batch), self._ended(batch)

        async def turn() -> None:
            if limits:
                await self._quotas.turn(limits, ended)

        def tell(result: LineResult) -> None:
            nonlocal written
            if limits and not result.cached:
                self._quotas.spend(limits, result.tokens.input + result.tokens.output)
            counts["failed" if result.failed else "completed"] += 1
            if time.monotonic() - written >= WRITE:
                self._kept.save("batches", batch)
                written = time.monotonic()

        try:
            await run.run(lines.read(source), results, asker.answer, jobs=JOBS, tell=tell, ended=ended, turn=turn)
        except BudgetError as over:
            return over
        return None

    def _ended(self, batch: Record) -> Callable[[], bool]:
        number, until = batch["id"], batch["window_ends_at"]
        return lambda: self._ending or time.time() >= until or self._kept.is_cancelled(number)

    def _finish(self, batch: Record, over: BudgetError | None) -> None:
        """Write answers and failures to a file each, and record how the batch ended."""
        batch |= {"status": "finalizing", "finalizing_at": int(time.time())}
        self._kept.save("batches", batch)
        self._split_results(batch)
        if over:
            return self._fail(batch, [_problem("billing_error", over.message)])
        cancelled = self._kept.is_cancelled(batch["id"])
        status = "completed" if _is_whole(batch) else "cancelled" if cancelled else "expired"
        self._end(batch, status)
        return None

    def _split_results(self, batch: Record) -> None:
        """Move the answers into one of the client's files, and the failures into another."""
        number = batch["id"]
        output, error = (self._kept.results(number, kind) for kind in ("output", "error"))
        with ExitStack() as files:
            good, bad = (files.enter_context(open(path, "wb", opener=private_opener)) for path in (output, error))
            for line in files.enter_context(self._kept.results(number).open("rb")):
                (bad if has_failed(orjson.loads(line)) else good).write(line)
        for name, path in (("output", output), ("error", error)):
            if (size := path.stat().st_size) and not batch[f"{name}_file_id"]:
                named = {"object": "file", "filename": f"{number}_{name}.jsonl", "purpose": "batch_output"}
                file = {**named, "bytes": size, "status": "processed"}
                record = self._kept.add("files", batch["owner"], file, path)
                batch[f"{name}_file_id"] = record["id"]
                self._kept.save("batches", batch)

    def _fail(self, batch: Record, problems: list[Record]) -> None:
        batch["errors"] = {"object": "list", "data": problems}
        self._end(batch, "failed")

    def _end(self, batch: Record, status: str) -> None:
        batch |= {"status": status, f"{status}_at": int(time.time())}
        self._kept.save("batches", batch)
        for kind in ("results", "output", "error"):
            self._kept.results(batch["id"], kind).unlink(missing_ok=True)  # the client's files hold them


def _limits(batch: Record) -> ClientKey | None:
    """The key with which a batch was created, if it has a limit per minute."""
    known = batch.get("limits") or {}  # a batch of an earlier version has none
    return ClientKey(**known) if known.get("rpm") or known.get("tpm") else None


def _is_whole(batch: Record) -> bool:
    counts = batch["request_counts"]
    return bool(counts["completed"] + counts["failed"] >= counts["total"])


def _wrong(source: Path, endpoint: str) -> list[Record]:
    """The errors that make a file invalid; an unknown model is only an error of its line."""
    try:
        lines.count(source)
    except FileNotFoundError:
        return [_problem("input_file_missing", "the input file no longer exists")]
    except SamplemindError as error:
        return [_problem("invalid_file", error.message.replace(str(source), "the file"))]
    problems = []
    for line in lines.read(source):
        url = line.fields.raw.get("url", endpoint)
        if line.wrong:
            problems.append(_problem("invalid_json_line", str(line.wrong), line.number))
        elif url != endpoint:
            problems.append(_problem("mismatched_url", f"url is {str(url)[:100]!r}, not {endpoint}", line.number))
    return problems[:MOST_ERRORS]


def _problem(code: str, message: str, line: int | None = None) -> Record:
    return {"code": code, "message": message, "line": line, "param": None}
