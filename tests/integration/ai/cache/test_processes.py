"""The local tier among many processes."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from parts import warm

from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.ai.cache.local import LocalTier
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
SIZE = 60_000


def wrong_answers(folder):
    """Of 300 that this process wrote and read, and what was said meanwhile."""
    said = []
    cache = Cache(Settings(cache_dir=folder, cache_size=SIZE), said.append)

    async def work():
        wrong = 0
        for n in range(300):
            key = cache_key("ollama", {"n": n % 50})
            hit = await cache.get(key)
            wrong += hit is not None and hit.value != [n % 50] * 300
            await cache.put(key, [n % 50] * 300)
        return wrong

    return asyncio.run(work()), said


def test_many_writers_never_show_each_other_half_an_answer(tmp_path):
    with warm.forks.Pool(4, maxtasksperchild=1) as pool:
        results = pool.map(wrong_answers, [str(tmp_path)] * 4, chunksize=1)

    assert results == [(0, [])] * 4
    tier = LocalTier(str(tmp_path), SIZE, print)
    assert tier.stats()["bytes"] < 2 * SIZE
    assert not list(Path(tier.folder).rglob("*.tmp"))


def test_a_writer_killed_in_the_middle_leaves_the_old_answer(tmp_path):
    key = cache_key("ollama", {})
    script = f"""
import os, signal, sys, time
from samplemind_cli.ai.cache.entry import Entry
from samplemind_cli.ai.cache.local import LocalTier
tier = LocalTier(sys.argv[1], 10**9, print)
entry = Entry({key!r}, time.time(), time.time() + 60, "old")
tier.put(entry)
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
tier.put(entry._replace(value="new"))
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)

    assert done.returncode == -9
    assert LocalTier(str(tmp_path), 10**9, print).get(key)[0].value == "old"
