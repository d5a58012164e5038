import json
import resource
import signal
import stat
from contextlib import closing

import pytest

from samplemind_cli.batch import lines
from samplemind_cli.batch.results import Results
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.formats.fields import Fields

GOOD = {"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "body": {}}, "error": None}
BAD = {"id": "batch_req_2", "custom_id": "b", "response": {"status_code": 502}, "error": {"code": "x"}}


def line(name, own="batch_req_1"):
    return lines.BatchLine(1, name, own, Fields({}))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.jsonl"


def written(out, *values, end="\n"):
    out.write_text("\n".join(value if isinstance(value, str) else json.dumps(value) for value in values) + end)


def opened(out, *, again=False):
    return closing(Results.open(out, again=again))


def test_what_is_there_is_known_whoever_wrote_it(out):
    written(out, GOOD, BAD)
    with opened(out) as results:
        assert [results.has(line(name)) for name in "abc"] == [True, True, False]
        assert results.failed == 1


@pytest.mark.parametrize("half", ['{"id": "x", "custom_id"', '{"id":', "\0\0\0", "{}"])
def test_a_half_last_line_goes_and_the_next_is_whole(out, half):
    written(out, GOOD, half, end="")
    with opened(out) as results:
        results.append(json.dumps(BAD).encode())

    assert [json.loads(text) for text in out.read_text().splitlines()] == [GOOD, BAD]


def test_a_whole_last_line_without_its_end_stays(out):
    written(out, GOOD, end="")
    with opened(out) as results:
        assert results.has(line("a"))
        results.append(b'{"custom_id": "z"}')

    assert len(out.read_text().splitlines()) == 2


def test_failures_go_where_they_are_asked_again_and_the_files_mode_stays(out):
    written(out, BAD, GOOD, {**BAD, "custom_id": "c", "error": None})
    out.chmod(0o640)
    with opened(out, again=True) as results:
        assert [results.has(line(name)) for name in "abc"] == [True, False, False]
        assert results.failed == 0

    assert json.loads(out.read_text()) == GOOD
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]


def test_a_link_stays_one(out, tmp_path):
    real = tmp_path / "real.jsonl"
    written(real, BAD, GOOD)
    out.symlink_to(real)
    with opened(out, again=True):
        pass

    assert out.is_symlink()
    assert json.loads(real.read_text()) == GOOD


@pytest.mark.parametrize(
    "text", ["alias ls=ls\n", "last line without end", "ssh-rsa AAAA me\n{", json.dumps(GOOD) + "\nx\n"]
)
@pytest.mark.parametrize("again", [False, True])
def test_a_file_of_something_else_is_left_as_it_is(out, tmp_path, text, again):
    real = tmp_path / ".bashrc"
    real.write_text(text)
    out.symlink_to(real)
    with pytest.raises(UsageError, match="something other"):
        Results.open(out, again=again)

    assert real.read_text() == text
    with pytest.raises(UsageError):  # and nobody has it locked
        Results.open(real, again=again)


@pytest.mark.parametrize("half", ['{"id": "x", "cus', "\0\0\0", ""])
def test_the_only_line_may_be_half(out, half):
    out.write_text(half)
    with opened(out):
        assert out.read_text() == ""


def test_a_line_that_changed_is_told_and_not_taken_for_the_old_one(out):
    written(out, {**GOOD, "id": f"{lines.OURS}1"})
    with opened(out) as results:
        assert results.has(line("a", f"{lines.OURS}1"))
        with pytest.raises(UsageError, match="has changed since"):
            results.has(line("a", f"{lines.OURS}2"))


@pytest.mark.parametrize("again", [False, True])
def test_nobody_else_writes_the_same_file_meanwhile(out, again):
    written(out, BAD, GOOD)
    with opened(out, again=again), pytest.raises(SamplemindError, match="another process is writing"):
        Results.open(out, again=False)
    with opened(out):
        pass


def test_a_line_for_which_there_is_no_room_leaves_nothing_behind(out):
    """A file may not grow beyond a limit, as on a full disk."""
    written(out, GOOD)
    size = out.stat().st_size
    ignored, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with opened(out) as results:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
            for _ in range(2):
                with pytest.raises(OSError, match=r"No space|too large"):
                    results.append(b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)

    assert out.stat().st_size == size


@pytest.mark.parametrize("name", [".", "nowhere/out.jsonl", "/dev/null"])
def test_what_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(UsageError):
        Results.open(tmp_path / name, again=False)


def test_what_was_appended_is_kept_by_the_disk_once(out, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", synced.append)
    with opened(out) as results:
        results.sync()
        assert synced == []
        results.append(json.dumps(GOOD).encode())
        results.sync()
        results.sync()

    assert len(synced) == 1
