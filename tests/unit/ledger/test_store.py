import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from samplemind_cli import spool
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.ledger import log
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings


@pytest.fixture
def book(tmp_path):
    return Ledger(Settings(state_dir=str(tmp_path)))


def write(book, *records):
    for number, record in enumerate(records):
        whole = {"id": f"{number:016x}", "at": time.time(), "provider": "openai", "model": "m", "tier": "miss"} | record
        spool.append(book.folder, json.dumps(whole).encode() + b"\n")


def prompts(calls):
    return [call.get("prompt") for call in calls]


def test_what_was_written_down_is_there_once(book):
    write(book, {"prompt": "one"}, {"prompt": "two"})
    for _ in range(2):
        with book.open() as connection:
            assert prompts(log.latest(connection, 9)) == ["one", "two"]


def test_a_spool_that_was_being_folded_when_its_process_died_is_folded_again_and_counts_once(book):
    write(book, {"prompt": "one"})
    taken = list(spool.take(book.folder))  # and its process dies before it removes it
    with book.open() as connection:
        assert prompts(log.latest(connection, 9)) == ["one"]
    spool.append(book.folder, taken[0][1])
    with book.open() as connection:
        assert prompts(log.latest(connection, 9)) == ["one"]


@pytest.mark.parametrize("junk", [b"{", b"[1]\n", b'{"id": 5, "at": 1}\n', b"\xff\n", b"\n", b'{"id": "x"}\n'])
def test_half_of_a_line_and_junk_are_left_out(book, junk):
    write(book, {"prompt": "one"})
    spool.append(book.folder, junk)
    with book.open() as connection:
        assert prompts(log.latest(connection, 9)) == ["one"]


def test_many_writers_and_readers_at_once_lose_nothing(book):
    def work(number):
        spool.append(book.folder, json.dumps({"id": str(number), "at": 1e10, "prompt": f"n{number}"}).encode() + b"\n")
        if number % 10 == 0:
            with book.open():
                pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(100)))
    with book.open() as connection:
        assert len(log.latest(connection, 1000)) == 100


def test_many_that_make_the_file_at_once_wait_for_each_other(tmp_path):
    threads = 8
    together = Barrier(threads)

    def make(number):
        together.wait()
        with Ledger(Settings(state_dir=str(tmp_path / number))).open() as connection:
            return log.latest(connection, 1)

    with ThreadPoolExecutor(threads) as pool:
        for number in range(20):  # each time for a new file
            assert list(pool.map(make, [str(number)] * threads)) == [[]] * threads


def test_words_are_found_in_prompts_and_answers(book):
    write(book, {"prompt": "What key is this?", "answer": "A minor"}, {"prompt": "Name a band"})
    with book.open() as connection:
        assert prompts(log.search(connection, "KEY minor", 9)) == ["What key is this?"]
        assert log.search(connection, "nothing", 9) == []
        assert prompts(log.search(connection, '"band" OR', 9)) == []
        with pytest.raises(UsageError):
            log.search(connection, ' " ', 9)


def test_one_call_is_named_by_enough_of_its_id(book):
    write(book, {"id": "aa1"}, {"id": "ab2"})
    with book.open() as connection:
        assert log.one(connection, "aa")["id"] == "aa1"
        for wrong in ("a", "zz", "", "%"):
            with pytest.raises(UsageError):
                log.one(connection, wrong)


def test_what_is_too_old_goes_with_its_words(book):
    write(book, {"prompt": "old", "at": time.time() - 100 * 86_400}, {"prompt": "new"})
    with book.open() as connection:
        assert prompts(log.latest(connection, 9)) == ["new"]
        assert log.search(connection, "old", 9) == []


def test_a_ledger_that_is_too_large_loses_its_oldest_calls(tmp_path):
    book = Ledger(Settings(state_dir=str(tmp_path), history_size=400_000))
    write(book, *({"prompt": f"{n} " + "x" * 2000} for n in range(300)))
    with book.open() as connection:
        left = log.latest(connection, 1000)
        assert 0 <= len(left) < 300
        assert book.prune(connection) == 0


def test_a_broken_file_is_an_error_that_says_what_to_do(book):
    with book.open():
        pass
    book.path.write_bytes(b"this is no database" * 100)
    with pytest.raises(SamplemindError) as failed, book.open():
        pass
    assert "mv " in failed.value.hint


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_folder_and_its_files_are_the_users_alone_under_any_umask(book, umask):
    before = os.umask(umask)
    try:
        write(book, {"prompt": "x"})
        with book.open():
            pass
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in book.path.parent.iterdir()}
    assert book.path.parent.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}


def test_a_clock_that_jumped_ahead_does_not_empty_the_ledger(book):
    write(book, {"prompt": "one", "at": time.time() - 1000 * 86_400})
    with book.open() as connection:
        assert prompts(log.latest(connection, 9)) == ["one"]


def test_a_clock_that_jumps_back_loses_no_call_and_keeps_their_order(book):
    day = 86_400.0
    write(book, {"prompt": "first"}, {"prompt": "ahead", "at": time.time() + 400 * day}, {"prompt": "back again"})
    mark = Path(book.folder, "pruned")
    mark.touch()
    os.utime(mark, (time.time() + 400 * day,) * 2)  # it looked for old calls when the clock was ahead
    write(book, {"prompt": "old", "at": time.time() - 400 * day})

    with book.open() as connection:
        assert prompts(log.latest(connection, 9)) == ["first", "ahead", "back again"]  # the old one went all the same


def test_a_file_of_a_newer_version_is_left_as_it_is(book):
    write(book)
    with book.open() as connection:
        connection.execute("PRAGMA user_version = 99")
    before = book.path.read_bytes()
    with pytest.raises(SamplemindError, match="newer samplemind"), book.open():
        pass

    assert book.path.read_bytes() == before


def test_a_ledger_that_no_folder_can_hold_names_the_variable_that_helps(tmp_path):
    (tmp_path / "file").touch()

    with (
        pytest.raises(SamplemindError) as caught,
        Ledger(Settings(state_dir=str(tmp_path / "file" / "samplemind"))).open(),
    ):
        pass

    assert caught.value.hint == "export XDG_STATE_HOME=FOLDER, one that you can write to"


def test_why_a_question_was_new_is_kept_and_goes_with_its_call(book):
    write(book, {"why": "message 1 differs", "nearest": "k1", "key": "k2"}, {"tier": "local"})
    with book.open() as connection:
        new, hit = log.latest(connection, 9)
        assert (new["why"], new["nearest"], "why" in hit) == ("message 1 differs", "k1", False)
        assert log.one(connection, new["id"])["nearest"] == {"key": "k1"}

        book.prune(connection, days=-1)

        assert connection.execute("SELECT count(*) FROM misses").fetchone()[0] == 0


def test_a_ledger_of_the_second_version_learns_why_questions_are_new(book):
    write(book, {"prompt": "before"})
    with book.open() as connection:
        connection.executescript("DROP TABLE misses; PRAGMA user_version = 2")
    write(book, {"id": "f" * 16, "prompt": "after", "why": "no question is stored yet"})

    with book.open() as connection:
        assert [call.get("why") for call in log.latest(connection, 9)] == [None, "no question is stored yet"]
