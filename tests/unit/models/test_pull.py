"""Pulls over event streams as the daemon documents them; the daemon itself is in tests/integration/models."""

import asyncio
import itertools
from pathlib import Path

import pytest

from samplemind_cli.models import daemon_errors, wire
from samplemind_cli.models.daemon import Model, PullEvent
from samplemind_cli.models.pull import Download, Puller, PullTimeouts
from samplemind_cli.models.pull_plan import arrange
from samplemind_cli.models.wire import Layer, Manifest

NOW = PullTimeouts(first=0, longest=0, stall=5)
A, B = "sha256:a", "sha256:b"


class ScriptedDaemon:
    """Each pull of a model takes the next of its scripts: steps, and perhaps an error to end with."""

    def __init__(self, scripts):
        self.scripts, self.begun, self.removed, self.gone = scripts, [], [], set()
        self.digests = {}

    async def pull(self, name, *, insecure):
        self.begun.append((name, insecure))
        for step in self.scripts[name].pop(0):
            await asyncio.sleep(0)
            if isinstance(step, Exception):
                raise step
            if step.status == "success":
                self.digests[name] = "new"
            yield step

    async def models(self):
        return [Model(name, digest, 1, None, "", "", "") for name, digest in self.digests.items()]

    async def modelfile(self, _):
        return ""

    async def held(self, digests):
        return set(digests) - self.gone

    async def remove(self, name):
        self.removed.append(name)


def whole(*sizes):
    layers = [PullEvent("pulling", f"sha256:{chr(97 + n)}", size, size) for n, size in enumerate(sizes)]
    return [
        PullEvent("pulling manifest"),
        *layers,
        PullEvent("verifying sha256 digest"),
        PullEvent("writing manifest"),
        PullEvent("success"),
    ]


def plan_of(*names, present=None, **layers):
    manifest = Manifest(tuple(Layer(f"sha256:{digest}", size) for digest, size in layers.items()))
    return arrange(dict.fromkeys(names, present), dict.fromkeys(names, manifest))


def run(daemon, plan, patience=NOW, **options):
    watch = options.pop("watch", lambda _: None)
    return asyncio.run(Puller(daemon, watch, patience=patience, **options).run(plan))


def test_a_whole_pull_is_pulled():
    daemon = ScriptedDaemon({"m": [whole(5, 6)]})
    (result,) = run(daemon, plan_of("m", a=5, b=6), insecure=True)
    assert (result.status, result.bytes, result.digest) == ("pulled", 11, "new")
    assert daemon.begun == [("m", True)]


def test_a_stream_that_ends_early_is_begun_again():
    daemon = ScriptedDaemon({"m": [[PullEvent("pulling manifest")], whole(5)]})
    (result,) = run(daemon, plan_of("m", a=5))
    assert (result.status, len(daemon.begun)) == ("pulled", 2)


def test_tries_in_a_row_are_counted_and_progress_begins_the_count_anew():
    cut = daemon_errors.from_message("unexpected EOF", "m")
    growing = [[PullEvent("pulling", A, n, 100), cut] for n in range(1, 21)]
    daemon = ScriptedDaemon({"m": [*growing, whole(100)]})
    assert run(daemon, plan_of("m", a=100))[0].status == "pulled"

    stuck = ScriptedDaemon({"m": [[PullEvent("pulling", A, 7, 100), cut] for _ in range(20)]})
    (result,) = run(stuck, plan_of("m", a=100))
    assert (result.status, result.error) == ("failed", cut)
    assert len(stuck.begun) == cut.tries


def test_a_wrong_digest_gets_one_more_try_however_much_comes():
    spoiled = daemon_errors.spoiled("m")
    daemon = ScriptedDaemon({"m": [[PullEvent("pulling", A, n, 100), spoiled] for n in range(50, 99)]})
    assert run(daemon, plan_of("m", a=100))[0].error is spoiled
    assert len(daemon.begun) == 2


def test_a_final_failure_is_not_tried_again_and_stops_no_other():
    full = daemon_errors.from_message("no space left on device", "m")
    daemon = ScriptedDaemon({"m": [[full]], "n": [whole(5)]})
    results = run(daemon, plan_of("m", "n", a=5))
    assert [result.status for result in results] == ["failed", "pulled"]


def test_layers_without_end_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(wire, "MOST", 20)
    steps = (PullEvent("pulling", f"sha256:{number:x}", 9, 1) for number in itertools.count())
    (result,) = run(ScriptedDaemon({"m": [steps]}), plan_of("m", a=5))

    assert result.status == "failed"
    assert "more than 20 layers" in result.error.message


def test_a_stall_is_ended():
    class Silent(ScriptedDaemon):
        async def pull(self, name, *, insecure):
            if not self.begun:
                self.begun.append((name, insecure))
                while True:  # the daemon goes on reporting that nothing comes
                    yield PullEvent("pulling", A, 3, 5)
                    await asyncio.sleep(0.005)
            async for step in super().pull(name, insecure=insecure):
                yield step

    daemon = Silent({"m": [whole(5)]})
    assert run(daemon, plan_of("m", a=5), PullTimeouts(first=0, stall=0.05))[0].status == "pulled"


def test_verifying_may_take_its_time():
    class Slow(ScriptedDaemon):
        async def pull(self, name, *, insecure):
            async for step in super().pull(name, insecure=insecure):
                yield step
                if step.status.startswith("verifying"):
                    await asyncio.sleep(0.1)

    daemon = Slow({"m": [whole(5)]})
    assert run(daemon, plan_of("m", a=5), PullTimeouts(first=0, stall=0.05))[0].status == "pulled"
    assert len(daemon.begun) == 1


def test_a_model_whose_shared_layer_another_failure_took_away_is_not_left_registered():
    daemon = ScriptedDaemon({"m": [whole(5)], "n": [[daemon_errors.spoiled("n")], [daemon_errors.spoiled("n")]]})
    daemon.gone = {A}
    results = run(daemon, plan_of("m", "n", a=5))
    assert [result.status for result in results] == ["failed", "failed"]
    assert daemon.removed == ["m"]


@pytest.mark.parametrize(("digest", "status"), [("old", "updated"), ("new", "present")])
def test_an_update_tells_whether_the_digest_is_new(digest, status):
    present = Model("m", digest, 5, None, "", "", "")
    (result,) = run(ScriptedDaemon({"m": [whole(5)]}), plan_of("m", present=present, a=5))
    assert result.status == status


def test_a_layer_taken_unverified_is_verified_where_the_store_is_seen(tmp_path):
    from dataclasses import replace

    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "sha256-a").write_bytes(b"not a")
    daemon = ScriptedDaemon({"m": [whole(5), whole(5)]})
    (result,) = run(daemon, replace(plan_of("m", a=5), store=tmp_path))
    assert (result.status, daemon.removed) == ("failed", ["m", "m"])
    assert "wrong digest" in result.error.message


def test_a_store_that_cannot_be_read_is_the_daemons_word():
    from dataclasses import replace

    (result,) = run(ScriptedDaemon({"m": [whole(5)]}), replace(plan_of("m", a=5), store=Path("/nowhere")))
    assert result.status == "pulled"


def test_progress_counts_what_is_new_and_forgets_what_a_lost_try_had():
    download = Download(plan_of("m", a=5, b=6).items[0])
    assert (download.total, download.done) == (11, 0)
    assert download.take(PullEvent("pulling", "sha256:held", 90, 90))
    assert download.take(PullEvent("pulling", A, 3, 5))
    assert not download.take(PullEvent("pulling", A, 3, 5))
    assert (download.total, download.done) == (11, 3)
    download.begin()
    assert download.done == 0


def test_without_a_manifest_progress_is_what_the_daemon_tells():
    item = arrange({"m": None}, {"m": Manifest(trouble="no way")}).items[0]
    download = Download(item)
    assert (download.total, download.done) == (None, 0)
    download.take(PullEvent("pulling", A, 3, 5))
    assert (download.total, download.done) == (5, 3)


def test_waits_grow_to_the_longest_and_are_jittered():
    waits = [PullTimeouts(first=1, longest=16).wait(failed) for failed in range(1, 9)]
    assert all(0.75 * 2**n <= wait <= 1.25 * 2**n for n, wait in enumerate(waits[:5]))
    assert max(waits) <= 20
