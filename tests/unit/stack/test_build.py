"""What a build is asked for and what it leaves behind, without an engine."""

import json
from contextlib import nullcontext

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import build
from samplemind_cli.stack.steps import BuildProgress

CONFIG = {
    "name": "shop",
    "services": {
        "api": {"build": {"context": "."}, "image": "shop-api:1"},
        "web": {"build": {"context": "."}},
        "redis": {"image": "redis:8"},
    },
}


class FakeEngine:
    """An engine with images, by path."""

    def __init__(self, images):
        self.images = images

    def get(self, path):
        name, _, what = path.removeprefix("/images/").rpartition("/")
        image = self.images.get(name)
        if image is None:
            return None
        layers, label = image
        if what == "history":
            return [{"Size": size} for size in layers.values()]
        return {
            "Id": name,
            "Config": {"Labels": {build.BASE_LABEL: label} if label else None},
            "RootFS": {"Layers": [*layers]},
        }


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """Record a build that took some seconds, in an engine with these images."""

    def finish(seconds, images):
        monkeypatch.setattr(build, "Engine", lambda: nullcontext(FakeEngine(images)))
        settings = Settings(state_dir=str(tmp_path / "state"))
        return build.recorded(settings, [build.Image(service="api", name="api:1")], BuildProgress(), seconds)

    return finish


def test_all_that_is_built_is_built_by_default():
    assert [(i.service, i.name) for i in build.buildable(CONFIG, [])] == [("api", "shop-api:1"), ("web", "shop-web")]


def test_services_are_chosen_by_name():
    assert [image.service for image in build.buildable(CONFIG, ["web"])] == ["web"]


@pytest.mark.parametrize(("name", "reason"), [("nope", "no service 'nope'"), ("redis", "redis is not built")])
def test_what_cannot_be_built_is_refused_with_what_can(name, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        build.buildable(CONFIG, [name])
    assert "api, web" in caught.value.hint


def test_a_stack_without_builds_says_so():
    with pytest.raises(UsageError, match="no service of this stack is built"):
        build.buildable({"name": "x", "services": {"redis": {}}}, [])


def test_the_share_over_the_base_is_told_when_the_base_is_below(finished):
    base = {"sha256:a": 100, "sha256:b": 50}
    images = {"python:3": (base, ""), "api:1": ({**base, "sha256:c": 7}, "python:3")}
    image = finished(1.0, images).images[0]
    assert (image.size, image.added, image.base) == (157, 7, "python:3")


def test_a_base_that_moved_on_says_nothing(finished):
    images = {"python:3": ({"sha256:new": 100}, ""), "api:1": ({"sha256:a": 90, "sha256:c": 7}, "python:3")}
    assert finished(1.0, images).images[0].added is None


def test_an_image_of_somebody_elses_dockerfile_has_no_base(finished):
    image = finished(1.0, {"api:1": ({"sha256:a": 90}, "")}).images[0]
    assert (image.size, image.added) == (90, None)


def test_each_build_is_compared_with_the_one_before(finished):
    first = finished(9.0, {"api:1": ({"sha256:a": 90}, "")})
    second = finished(2.0, {"api:1": ({"sha256:a": 80}, "")})
    assert (first.seconds_before, first.images[0].size_before) == (None, None)
    assert (second.seconds_before, second.images[0].size_before) == (9.0, 90)


def test_a_broken_record_is_no_record(finished, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "builds.json").write_text('{"api:1": 3}')
    assert finished(2.0, {"api:1": ({"sha256:a": 80}, "")}).seconds_before is None


def test_a_cache_folder_is_read_only_once_there_is_one(tmp_path):
    images = [build.Image(service="api", name="shop/api:1")]
    folder = tmp_path / "cache" / "shop_api_1"
    before = json.loads(build._cache_overlay(tmp_path, images, tmp_path / "cache").read_text())
    folder.mkdir(parents=True)
    (folder / "index.json").write_text("{}")
    after = json.loads(build._cache_overlay(tmp_path, images, tmp_path / "cache").read_text())
    assert before["services"]["api"]["build"]["cache_from"] == []
    assert after["services"]["api"]["build"]["cache_from"] == [f"type=local,src={folder}"]
    assert after["services"]["api"]["build"]["cache_to"] == [f"type=local,dest={folder}.new,mode=max"]


@pytest.mark.parametrize(
    ("status", "can"),
    [
        ([["driver-type", "io.containerd.snapshotter.v1"]], True),
        ([["Backing Filesystem", "extfs"]], False),
        (None, False),
    ],
)
def test_only_the_containerd_store_writes_a_layer_cache(status, can):
    class Told:
        def get(self, _path):
            return {"DriverStatus": status}

    assert build.exports_cache(Told()) is can
