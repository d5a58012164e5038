from samplemind_cli.models.daemon import Model
from samplemind_cli.models.fit import Machine
from samplemind_cli.models.pull_plan import PullPlan, arrange
from samplemind_cli.models.wire import Layer, Manifest

GB = 1_000_000_000


def model(name, size=GB):
    return Model(name, "d" * 64, size, None, "3B", "Q4", "llama")


def manifest(**layers):
    return Manifest(tuple(Layer(f"sha256:{digest}", size) for digest, size in layers.items()))


def test_a_present_model_needs_nothing():
    plan = arrange({"a:latest": model("a:latest")}, {})
    assert (plan.wanted, plan.download) == ((), 0)
    assert plan.lines() == ["a:latest: present, 1.0 GB"]


def test_a_shared_layer_counts_once_and_is_lacking_to_both():
    plan = arrange({"a:1": None, "b:1": None}, {"a:1": manifest(x=GB, s=2 * GB), "b:1": manifest(y=GB, s=2 * GB)})
    assert [item.download for item in plan.items] == [3 * GB, GB]
    assert plan.download == 4 * GB
    assert all("sha256:s" in item.lacking for item in plan.items)


def test_what_the_daemon_holds_or_has_in_part_need_not_come():
    plan = arrange({"a:1": None}, {"a:1": manifest(x=GB, y=2 * GB)}, {"sha256:x"}, {"sha256:y": GB // 2})
    assert plan.download == 3 * GB // 2
    assert plan.items[0].lacking == {"sha256:y"}
    assert "1.5 GB of 3.0 GB to download" in plan.lines()[0]


def test_a_silent_registry_leaves_the_size_unknown_and_the_plan_standing():
    plan = arrange({"mine:1": None}, {"mine:1": Manifest(trouble="registry.ollama.ai answers 503")})
    assert plan.items[0].download is None
    assert plan.lines() == ["mine:1: size unknown (registry.ollama.ai answers 503)"]
    assert plan.shortages() == []


def test_a_silent_registry_does_not_hide_what_is_known_anyway():
    plan = arrange({"qwen2.5:7b-instruct": None}, {"qwen2.5:7b-instruct": Manifest(trouble="no way")})
    assert plan.download == 4_700_000_000
    assert "a guess, no way" in plan.lines()[0]


def test_a_model_its_registry_does_not_know_is_told_with_the_nearest_name():
    plan = arrange({"qwen2.5:7b-instrct": None}, {"qwen2.5:7b-instrct": Manifest(trouble="no", unknown=True)})
    assert "did you mean qwen2.5:7b-instruct" in plan.lines()[0]


def test_an_update_of_what_nobody_can_size_is_not_guessed():
    plan = arrange({"qwen2.5:7b-instruct": model("x")}, {"qwen2.5:7b-instruct": Manifest(trouble="no way")})
    assert plan.items[0].download is None
    assert plan.as_json()["models"][0]["status"] == "update"


def test_too_little_disk_and_too_little_memory_are_said_before_the_first_byte():
    items = arrange({"qwen2.5:7b-instruct": None}, {"qwen2.5:7b-instruct": manifest(x=5 * GB)}).items
    disk, memory = PullPlan(items, Machine(memory=4 * GB, vram=0, free=GB)).shortages()
    assert disk == "5.0 GB to download, but only 1.0 GB free on the daemon's disk"
    assert memory.startswith("qwen2.5:7b-instruct needs about 6.5 GB of memory, this machine has 4.0 GB")
    assert memory.endswith("use qwen2.5:3b-instruct")


def test_a_present_model_that_is_too_large_is_not_complained_about():
    items = arrange({"a:1": model("a:1", 90 * GB)}, {}).items
    assert PullPlan(items, Machine(memory=GB, vram=0, free=0)).shortages() == []


def test_nothing_is_said_of_a_machine_that_is_out_of_sight():
    plan = arrange({"a:1": None}, {"a:1": manifest(x=900 * GB)})
    assert plan.shortages() == []
    assert plan.lines() == ["a:1: 900 GB to download, needs about 1081 GB of memory"]
