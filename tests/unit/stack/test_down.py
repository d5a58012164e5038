from samplemind_cli.stack.down import networks, outliving, volumes

DATA = [{"type": "volume", "source": "data", "target": "/data"}]
DECLARED = {
    "name": "shop",
    "services": {
        "redis": {"volumes": [*DATA, {"type": "bind", "source": "/"}]},
        "ollama": {"volumes": [{"type": "volume", "source": "models", "target": "/root/.ollama/"}]},
        "copy": {"volumes": [{"type": "volume", "source": "models", "target": "/models"}]},
        "web": {},
    },
    "volumes": {
        "data": {"name": "shop_data"},
        "models": {"name": "shop_models"},
        "spare": {"name": "shop_spare"},
        "theirs": {"name": "theirs", "external": True},
        "never": {"name": "shop_never"},
    },
}


class Engine:
    """One container with an anonymous volume, and the volumes there are."""

    def get(self, path, **_):
        if path == "/containers/json":
            mounts = [{"Type": "volume", "Name": "f" * 64, "Destination": "/cache"}, {"Type": "bind"}]
            return [{"Labels": {"com.docker.compose.service": "web"}, "Mounts": mounts}]
        names = {"shop_data": 10, "shop_models": 20, "shop_spare": -1, "theirs": 5, "f" * 64: 1, "foreign": 9}
        return {"Volumes": [{"Name": name, "UsageData": {"Size": size}} for name, size in names.items()]}


def told(*services):
    return {volume.name: volume for volume in volumes(Engine(), DECLARED, services)}


def test_the_whole_stack_s_volumes_are_those_that_exist_and_are_its_own():
    assert set(told()) == {"shop_data", "shop_models", "shop_spare", "f" * 64}
    assert (told()["shop_data"].size, told()["shop_spare"].size) == (10, -1)
    assert (told()["shop_data"].place, told()["f" * 64].place) == ("redis:/data", "web:/cache")


def test_models_are_known_by_where_ollama_keeps_them():
    assert [name for name, volume in told().items() if volume.models] == ["shop_models"]


def test_a_service_s_volumes_are_those_that_no_other_uses():
    assert set(told("redis")) == {"shop_data"}
    assert set(told("ollama")) == set()
    assert set(told("ollama", "copy")) == {"shop_models"}
    assert set(told("web")) == {"f" * 64}


def test_an_engine_without_volumes_has_none():
    class Empty(Engine):
        def get(self, path, **_):
            return [] if path == "/containers/json" else {"Volumes": None}

    assert volumes(Empty(), DECLARED, ()) == []


class Left(Engine):
    """What stays of the shop: a network, a named volume, one of models, an anonymous one; and a stranger's."""

    def get(self, path, **query):
        ours = {"com.docker.compose.project": "shop"}
        if path == "/networks":
            assert query["filters"] == {"label": ["com.docker.compose.project=shop"]}
            return [{"Id": "1", "Name": "shop_default"}, {"Id": "2", "Name": "shop_former"}]
        if "network" in query.get("filters", {}):
            return [{}] if query["filters"]["network"] == ["1"] else []
        if path == "/volumes":
            named = [{"Name": name, "Labels": ours} for name in ("shop_data", "shop_models")]
            return {"Volumes": [*named, {"Name": "f" * 64, "Labels": None}, {"Name": "e" * 64}, {"Name": "theirs"}]}
        return super().get(path, **query)


def test_what_outlives_the_containers_is_named_with_its_place():
    found = {volume.name: volume for volume in outliving(Left(), "shop", ())}
    assert set(found) == {"shop_data", "shop_models", "f" * 64}
    assert (found["f" * 64].place, found["f" * 64].anonymous) == ("web:/cache", True)
    assert not found["shop_data"].anonymous
    assert [volume.name for volume in outliving(Left(), "shop", ["web"])] == ["f" * 64]
    assert networks(Left(), "shop") == (["shop_former"], ["shop_default"])


def test_volumes_of_an_earlier_version_of_the_files_are_the_stack_s_too():
    class Earlier(Engine):
        def get(self, path, **_):
            if path == "/containers/json":
                return []
            label = {"com.docker.compose.project": "shop"}
            return {"Volumes": [{"Name": "shop_old", "Labels": label}, {"Name": "x", "Labels": None}]}

    assert [volume.name for volume in volumes(Earlier(), DECLARED, ())] == ["shop_old"]
    assert volumes(Earlier(), DECLARED, ["web"]) == []
