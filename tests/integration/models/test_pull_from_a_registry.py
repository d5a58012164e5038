import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from parts.gguf import tiny
from parts.registry import Fault

from samplemind_cli.models import pull_plan as planning
from samplemind_cli.models.daemon import Daemon
from samplemind_cli.models.daemon_errors import OllamaError
from samplemind_cli.models.pull import Puller, PullTimeouts

pytestmark = pytest.mark.integration
MB = 1_000_000
UNTIL_IT_IS_BACK = PullTimeouts(first=0.2, longest=4)  # 14 s in all: beside others a daemon takes its time to start
CONFIG = {"model_format": "gguf", "model_family": "llama", "model_type": "3K", "file_type": "F32"}
QUICK = PullTimeouts(first=0.1, longest=0.5, stall=20)


def ballast(size, seed=b"x"):
    return (seed * (size // len(seed) + 1))[:size]


def blob(registry, model, position=0):
    import json

    return json.loads(registry.manifests[f"library/{model}/latest"])["layers"][position]["digest"]


async def pull(real, *names, update=False, insecure=True, watch=lambda _: None, **options):
    async with Daemon(real.url, real.settings) as daemon:
        plan = await planning.make(daemon, names, await daemon.installed(), update=update, insecure=insecure)
        options = {"patience": QUICK, "insecure": insecure, **options}
        results = await Puller(daemon, watch, **options).run(plan)
        return plan, {result.name: result for result in results}


def pulled(real, *names, **options):
    return asyncio.run(pull(real, *names, **options))


def until(true):
    while not true():
        time.sleep(0.01)


def slack(size):
    """What may go out twice: what was on its way when a connection ended."""
    return size + 8 * MB


def test_a_model_comes_whole_and_can_be_loaded(real_daemon, registry):
    name = registry.add("one", tiny(), ballast(MB), config=CONFIG)
    plan, results = pulled(real_daemon, name)

    assert plan.download == sum(map(len, registry.blobs.values()))
    assert (results[name].status, results[name].bytes) == ("pulled", plan.download)
    assert len(results[name].digest) == 64

    async def warm():
        async with Daemon(real_daemon.url, real_daemon.settings) as daemon:
            await daemon.warm(name, "5m")
            loaded = await daemon.running()
            await daemon.stop(name)
            return loaded

    assert asyncio.run(warm())[name].size > 0


def test_a_present_model_is_not_asked_for(real_daemon, registry):
    name = registry.add("one", tiny())
    pulled(real_daemon, name)
    registry.asked.clear()
    _, results = pulled(real_daemon, name)
    assert (results[name].status, results[name].bytes, registry.asked) == ("present", 0, [])
    assert results[name].digest


def test_a_shared_layer_is_planned_and_fetched_once(real_daemon, registry):
    shared = ballast(3 * MB)
    names = [registry.add(f"m{n}", shared, ballast(1000 + n)) for n in range(3)]
    plan, results = pulled(real_daemon, *names, jobs=3)
    assert plan.download == sum(map(len, registry.blobs.values()))
    assert {result.status for result in results.values()} == {"pulled"}
    assert registry.sent[blob(registry, "m0")] == len(shared)


def test_no_more_than_the_jobs_come_at_once(real_daemon, registry):
    registry.rate = 2 * MB
    names = [registry.add(f"m{n}", ballast(MB, bytes([65 + n]))) for n in range(4)]
    _, results = pulled(real_daemon, *names, jobs=2)
    assert {result.status for result in results.values()} == {"pulled"}
    assert registry.most_at_once == 2


def test_a_cut_connection_is_resumed(real_daemon, registry):
    name = registry.add("one", ballast(10 * MB))
    layer = blob(registry, "one")
    registry.faults[layer] = Fault(cut_after=4 * MB, times=2)
    _, results = pulled(real_daemon, name)
    assert results[name].status == "pulled"
    assert 0 < registry.ranges[layer][1] <= 4 * MB
    assert registry.sent[layer] < slack(10 * MB)


def test_a_stall_before_the_first_byte_is_ended_and_resumed(real_daemon, registry):
    name = registry.add("one", ballast(3 * MB))
    registry.faults[blob(registry, "one")] = Fault(stall_after=0)
    _, results = pulled(real_daemon, name, patience=PullTimeouts(stall=1, first=0.1))
    assert results[name].status == "pulled"


def test_a_stall_in_the_middle_keeps_what_came(real_daemon, registry):
    name = registry.add("one", ballast(10 * MB))
    layer = blob(registry, "one")
    registry.faults[layer] = Fault(stall_after=6 * MB)
    _, results = pulled(real_daemon, name, patience=PullTimeouts(stall=1, first=0.1))
    assert results[name].status == "pulled"
    assert registry.ranges[layer][1] > 5 * MB


def test_a_registry_that_answers_500_at_first_is_asked_again(real_daemon, registry):
    name = registry.add("one", tiny())
    registry.manifest_status["library/one/latest"] = Fault(status=500, times=3)  # the plan asks, too
    _, results = pulled(real_daemon, name)
    assert results[name].status == "pulled"


def test_a_registry_that_only_answers_500_fails_the_model_and_no_other(real_daemon, registry):
    bad, good = registry.add("bad", tiny()), registry.add("good", tiny())
    registry.manifest_status["library/bad/latest"] = Fault(status=500, times=1000)
    _, results = pulled(real_daemon, bad, good)
    assert (results[bad].status, results[good].status) == ("failed", "pulled")
    assert "500" in results[bad].error.message
    assert [m.split("/")[2] for m in real_daemon.manifests()] == ["good"]


def test_a_wrong_digest_is_never_registered(real_daemon, registry):
    name = registry.add("one", ballast(MB))
    layer = blob(registry, "one")
    registry.blobs[layer] = ballast(MB, b"y")
    _, results = pulled(real_daemon, name)
    assert results[name].status == "failed"
    assert "wrong digest" in results[name].error.message
    assert real_daemon.manifests() == []
    assert layer not in real_daemon.blobs()


def test_a_layer_spoiled_on_its_way_comes_anew(real_daemon, registry):
    name = registry.add("one", ballast(MB))
    layer = blob(registry, "one")
    right, registry.blobs[layer] = registry.blobs[layer], ballast(MB, b"y")

    def mend(download):
        if download.phase == "trying again":
            registry.blobs[layer] = right

    _, results = pulled(real_daemon, name, watch=mend)
    assert results[name].status == "pulled"


def test_a_layer_that_the_daemon_took_unverified_is_verified_here(real_daemon, registry):
    """As a daemon leaves it that is killed between a layer's last byte and its verification."""
    pulled(real_daemon, registry.add("other", tiny()))  # shows where the store is
    name = registry.add("one", ballast(MB))
    layer = blob(registry, "one")
    (real_daemon.store / "blobs" / layer.replace(":", "-")).write_bytes(ballast(MB, b"z"))
    _, results = pulled(real_daemon, name)
    assert results[name].status == "pulled"
    assert (real_daemon.store / "blobs" / layer.replace(":", "-")).read_bytes() == registry.blobs[layer]


def test_a_daemon_killed_and_restarted_goes_on_from_where_it_was(real_daemon, registry):
    """The daemon keeps parts of 100 MB: the small second part is whole when it dies, and is not asked for again."""
    name = registry.add("one", ballast(104 * MB))
    layer = blob(registry, "one")
    registry.rate = 8 * MB

    async def run():
        task = asyncio.create_task(pull(real_daemon, name, patience=UNTIL_IT_IS_BACK))
        await asyncio.to_thread(registry.wait_for, layer, 10 * MB)
        real_daemon.kill()
        registry.rate = 0
        registry.release.set()
        before, registry.ranges = registry.ranges, {}
        await asyncio.to_thread(real_daemon.start)
        return before, await task

    before, (_, results) = asyncio.run(run())
    assert sorted(before[layer]) == [0, 100 * MB]
    assert results[name].status == "pulled"
    assert registry.ranges[layer] == [0]


def test_what_a_cut_left_behind_survives_the_daemons_death(real_daemon, registry):
    name = registry.add("one", ballast(10 * MB))
    layer = blob(registry, "one")
    registry.faults[layer] = Fault(cut_after=6 * MB)

    async def run():
        patient = PullTimeouts(first=0.2, longest=4)  # in all for 14 s: beside others a daemon takes its time to start
        task = asyncio.create_task(pull(real_daemon, name, patience=patient))
        await asyncio.to_thread(registry.wait_for, layer, 6 * MB)
        part = next(real_daemon.store.glob("blobs/*-partial-0"))
        await asyncio.to_thread(until, lambda: b'"Completed":0' not in part.read_bytes())
        real_daemon.kill()
        await asyncio.to_thread(real_daemon.start)
        return await task

    _, results = asyncio.run(run())
    assert results[name].status == "pulled", results[name].error
    assert registry.ranges[layer][-1] > 5 * MB
    assert registry.sent[layer] < slack(10 * MB)


def test_a_daemon_that_does_not_come_back_fails_every_model_clearly(real_daemon, registry):
    names = [registry.add(f"m{n}", ballast(5 * MB, bytes([65 + n]))) for n in range(2)]
    registry.rate = MB

    async def run():
        task = asyncio.create_task(pull(real_daemon, *names, patience=PullTimeouts(first=0.01, longest=0.02)))
        await asyncio.to_thread(registry.wait_for, blob(registry, "m0"), MB // 10)
        real_daemon.kill()
        return await task

    _, results = asyncio.run(run())
    assert {result.status for result in results.values()} == {"failed"}
    assert all("no Ollama daemon answers" in result.error.message for result in results.values())
    assert real_daemon.manifests() == []


def test_stopped_and_begun_again_it_goes_on_from_where_it_was(real_daemon, registry):
    name = registry.add("one", ballast(20 * MB))
    layer = blob(registry, "one")
    registry.rate = 10 * MB

    async def stopped():
        task = asyncio.create_task(pull(real_daemon, name))
        await asyncio.to_thread(registry.wait_for, layer, 5 * MB)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(stopped())
    assert real_daemon.manifests() == []
    registry.rate = 0
    _, results = pulled(real_daemon, name)
    assert results[name].status == "pulled"
    assert registry.ranges[layer][-1] > MB
    assert registry.sent[layer] < slack(20 * MB)


def test_an_unknown_model_fails_alone(real_daemon, registry):
    good, bad = registry.add("good", tiny()), registry.name("nosuch")
    plan, results = pulled(real_daemon, bad, good)
    assert plan.items[0].unknown
    assert (results[bad].status, results[good].status) == ("failed", "pulled")
    assert "there is no model" in results[bad].error.message


def test_an_unreachable_registry_is_named(real_daemon):
    name = "localhost:9/library/one:latest"
    _, results = pulled(real_daemon, name)
    assert "cannot reach the registry" in results[name].error.message
    assert "refused" in results[name].error.message


def test_a_plain_http_registry_needs_insecure(real_daemon, registry):
    name = registry.add("one", tiny())
    _, results = pulled(real_daemon, name, insecure=False)
    assert "--insecure" in results[name].error.hint


def test_an_update_brings_what_changed_and_nothing_else(real_daemon, registry):
    name = registry.add("one", ballast(MB))
    _, before = pulled(real_daemon, name)
    _, unchanged = pulled(real_daemon, name, update=True)
    assert (unchanged[name].status, unchanged[name].bytes) == ("present", 0)

    registry.add("one", ballast(2 * MB, b"n"))
    plan, after = pulled(real_daemon, name, update=True)
    assert (after[name].status, plan.download) == ("updated", 2 * MB)
    assert after[name].digest != before[name].digest


def test_a_full_disk_is_named_and_nothing_is_registered(new_daemon, registry, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    mount = f'mount -t tmpfs -o size=3m none "{store}" && exec "$@"'
    wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    if (
        sys.platform != "linux"
        or not shutil.which("unshare")
        or subprocess.run([*wrapper, "true"], check=False).returncode
    ):
        pytest.skip("no small disk can be mounted here")
    real = new_daemon(wrapper)
    name = registry.add("one", ballast(8 * MB))
    _, results = pulled(real, name)
    assert results[name].status == "failed"
    assert "disk filled up" in results[name].error.message

    async def listed():
        async with Daemon(real.url, real.settings) as daemon:
            return await daemon.models()

    assert asyncio.run(listed()) == []


def test_a_daemon_that_is_frozen_is_not_waited_for_for_ever(real_daemon):
    from dataclasses import replace

    os.killpg(real_daemon.process.pid, signal.SIGSTOP)
    os.waitpid(real_daemon.process.pid, os.WUNTRACED)
    real_daemon.settings = replace(real_daemon.settings, read_timeout=0.3)

    async def asked():
        async with Daemon(real_daemon.url, real_daemon.settings) as daemon:
            await daemon.models()

    with pytest.raises(OllamaError, match=r"did not answer within 0\.3 s"):
        asyncio.run(asked())
