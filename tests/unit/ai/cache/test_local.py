"""The local tier on a real disk: private, bounded, and never a reason to fail."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samplemind_cli import files
from samplemind_cli.ai.cache import cache_key
from samplemind_cli.ai.cache.entry import Entry
from samplemind_cli.ai.cache.local import HOUR, LocalTier
from samplemind_cli.ai.cache.removal import Removal
from samplemind_cli.errors import SamplemindError

KEY = cache_key("ollama", {"prompt": "What key is A C# E?"})


def entry(key=KEY, value="A major", life=60.0):
    now = time.time()
    return Entry(key, now, now + life, value)


def numbered(number, **more):
    return entry(cache_key("ollama", {"n": number}), **more)


@pytest.fixture
def said():
    return []


@pytest.fixture
def tier(tmp_path, said):
    return LocalTier(str(tmp_path / "samplemind"), 1_000_000, said.append)


def used(path, seconds_ago):
    info = Path(path).stat()
    os.utime(path, ns=(time.time_ns() - int(seconds_ago * 1e9), info.st_mtime_ns))


def test_what_is_put_is_got(tier):
    stored = entry()

    path = tier.put(stored)

    assert tier.get(KEY) == (stored, path)


def test_nothing_is_got_before_anything_was_put_and_no_folder_appears(tier, tmp_path, said):
    assert tier.get(KEY) is None
    assert list(tmp_path.iterdir()) == []
    assert said == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_only_the_user_can_read_whatever_the_umask(tier, umask):
    before = os.umask(umask)
    try:
        path = tier.put(entry())
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(p.stat().st_mode) for p in Path(tier.folder).rglob("*") if p.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE(Path(tier.folder).stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_a_folder_open_to_others_is_closed(tier):
    tier.put(entry())
    Path(tier.folder).chmod(0o755)

    assert LocalTier(str(Path(tier.folder).parent), 1000, print).get(KEY)
    assert stat.S_IMODE(Path(tier.folder).stat().st_mode) == 0o700


def test_a_folder_of_somebody_else_is_not_used(tier, monkeypatch, said):
    tier.put(entry())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    other = LocalTier(str(Path(tier.folder).parent), 1000, said.append)

    assert other.get(KEY) is None
    assert other.put(entry()) is None
    assert "not a folder that you own" in said[0]


def test_a_planted_link_is_not_read(tier, tmp_path):
    path = Path(tier.put(entry()))
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)

    assert tier.get(KEY) is None


@pytest.mark.parametrize(
    "key", ["", "../../x", "ai:v2:../../etc:" + "a" * 64, "ai:v2:a/b:" + "0" * 64, "\0", "\ud800", "x" * 9999]
)
def test_no_key_leaves_the_folder(tier, key):
    path = tier.put(entry(key))

    assert Path(path).resolve().is_relative_to(Path(tier.folder).resolve())
    assert tier.get(key)[0].key == key
    assert list(tier.names()) == [key]


def test_the_name_says_fingerprint_and_provider(tier):
    fingerprint = KEY.rpartition(":")[2]

    assert tier.path(KEY) == f"{tier.folder}/{fingerprint[:2]}/{fingerprint}-ollama.json"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_a_spoilt_file_is_a_miss(tier, raw):
    Path(tier.put(entry())).write_bytes(raw)

    assert tier.get(KEY) is None


def test_a_file_of_another_key_is_a_miss(tier):
    other = cache_key("ollama", {"prompt": "another"})
    mine = tier.put(entry())
    Path(tier.put(entry(other))).replace(mine)

    assert tier.get(KEY) is None


def test_a_folder_or_pipe_in_a_files_place_is_a_miss(tier):
    path = Path(tier.put(entry()))
    path.unlink()
    os.mkfifo(path)
    assert tier.get(KEY) is None
    path.unlink()
    path.mkdir()
    assert tier.get(KEY) is None


def test_a_use_is_marked_once_an_hour_and_never_changes_the_mtime(tier):
    path = Path(tier.put(entry()))
    modified = path.stat().st_mtime_ns
    used(path, 2 * HOUR)

    tier.get(KEY)
    assert time.time() - path.stat().st_atime < 60
    used(path, 60)
    before = path.stat().st_atime_ns
    tier.get(KEY)

    assert (path.stat().st_atime_ns, path.stat().st_mtime_ns) == (before, modified)


def test_the_mtime_is_the_moment_it_expires(tier):
    stored = entry(life=1234.5)

    assert Path(tier.put(stored)).stat().st_mtime == pytest.approx(stored.expires, abs=1e-3)


def test_a_full_disk_is_told_and_leaves_nothing_behind(tier, monkeypatch, said):
    tier.put(entry(value="old"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)

    assert tier.put(entry(value="new")) is None
    assert "No space left on device" in said[0]
    assert tier.get(KEY)[0].value == "old"
    assert not [p for p in Path(tier.folder).rglob("*") if p.name.endswith(files.TEMPORARY)]


def test_a_folder_that_cannot_be_made_is_told(tmp_path, said):
    (tmp_path / "file").write_text("in the way")
    tier = LocalTier(str(tmp_path / "file" / "samplemind"), 1000, said.append)

    assert tier.get(KEY) is None
    assert tier.put(entry()) is None
    assert said


def test_what_is_larger_than_the_bound_is_not_kept(tmp_path):
    tier = LocalTier(str(tmp_path), 500, print)

    assert tier.put(entry(value="x" * 500)) is None
    assert tier.put(entry(value="x" * 100))


def test_the_least_recently_used_go_first(tmp_path):
    tier = LocalTier(str(tmp_path), 20_000, print)
    paths = [tier.put(numbered(n, value="x" * 1000)) for n in range(30)]
    for age, path in enumerate(paths):
        used(path, age * 10)

    tier.sweep()

    kept = [Path(path).exists() for path in paths]
    assert kept == sorted(kept, reverse=True)
    assert 10_000 < tier.stats()["bytes"] <= 17_500


def test_a_use_in_the_future_is_the_oldest(tmp_path):
    tier = LocalTier(str(tmp_path), 4_000, print)
    odd, *others = [tier.put(numbered(n, value="x" * 800)) for n in range(5)]
    used(odd, -30 * 86_400)

    tier.sweep()

    assert not Path(odd).exists()
    assert Path(others[-1]).exists()


def test_a_sweep_takes_what_expired_and_what_a_killed_writer_left(tier, monkeypatch):
    good, bad = tier.put(numbered(1)), tier.put(numbered(2, life=-1))
    temporary = Path(good).with_name(".1-2" + files.TEMPORARY)
    temporary.write_bytes(b"half")

    tier.sweep()
    assert temporary.exists()  # its writer may be at work
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + HOUR + 1)
    os.utime(good, (now, now + 2 * HOUR))
    tier.sweep()

    assert Path(good).exists()
    assert not Path(bad).exists()
    assert not temporary.exists()


def test_hot_records_count_toward_the_bound_and_go_with_a_clear(tmp_path):
    tier = LocalTier(str(tmp_path), 5_000, print)
    path = tier.put(entry())
    (tmp_path / "hot").mkdir()
    record = tmp_path / "hot" / "record"
    record.write_bytes(b"x" * 6_000)
    used(record, 1000)

    tier.sweep()
    assert not record.exists()
    assert Path(path).exists()

    record.write_bytes(b"x")
    assert tier.clear()[0] == 1
    assert not record.exists()


def test_the_bound_holds_while_answers_are_put(tmp_path):
    tier = LocalTier(str(tmp_path), 100_000, print)

    for number in range(400):
        path = tier.put(numbered(number, value="x" * 1000))
        if tier.sweep_is_due(path):
            tier.sweep()

    assert 50_000 < tier.stats()["bytes"] < 200_000


@pytest.mark.parametrize(
    ("removal", "left"),
    [
        (Removal(model="tiny"), "bc"),
        (Removal(model="ollama/tiny"), "bc"),
        (Removal(model="openai/tiny"), "abc"),
        (Removal(before=time.time() - 500), "ac"),
        (Removal("ollama", model="large", before=time.time()), "ac"),
        (Removal(keys=frozenset([cache_key("openai", {"n": "c"}), "ai:v3:x:y"])), "ab"),
        (Removal(keys=frozenset()), "abc"),
        (Removal("openai"), "ab"),
        (Removal(), ""),
    ],
)
def test_a_clear_takes_what_is_chosen_alone(tier, removal, left):
    now = time.time()
    for provider, name, age, value in (
        ("ollama", "a", 100, {"model": "tiny"}), ("ollama", "b", 1000, {"model": "large"}), ("openai", "c", 10, [1]),
    ):  # fmt: skip
        tier.put(Entry(cache_key(provider, {"n": name}), now - age, now + HOUR, value))

    names = {cache_key("openai" if name == "c" else "ollama", {"n": name}) for name in left}
    assert tier.clear(removal)[0] == 3 - len(left)
    assert set(tier.names()) == names


def test_one_providers_answers_can_be_cleared(tier):
    tier.put(entry())
    tier.put(entry(cache_key("openai", {"a": 1})))

    assert tier.clear(Removal("openai"))[0] == 1
    assert tier.clear(Removal("open"))[0] == 0
    assert list(tier.names()) == [KEY]


def test_a_clear_that_leaves_answers_is_an_error(tier, monkeypatch):
    path = tier.put(entry())
    tier.put(entry(cache_key("openai", {"a": 1})))
    unlink = os.unlink

    def read_only(file):
        if file == path:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", read_only)
        with pytest.raises(SamplemindError, match="cannot be removed: Read-only file system"):
            tier.clear()
    assert list(tier.names()) == [KEY]


def test_stats_count_by_provider(tier):
    older = entry()._replace(stored=time.time() - 100)
    tier.put(older)
    tier.put(entry(cache_key("openai", {"a": 1})))

    stats = tier.stats()

    assert (stats["entries"], stats["providers"]) == (2, {"ollama": 1, "openai": 1})
    assert stats["oldest"] == older.stored
    assert stats["bound"] == 1_000_000
