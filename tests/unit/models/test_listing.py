from datetime import UTC, datetime

from samplemind_cli.models.daemon import Loaded, Model
from samplemind_cli.models.listing import rows

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def model(name):
    return Model(name, "d", 7, NOW, "3B", "Q8_0", "llama")


def test_installed_come_first_then_what_the_set_or_a_task_lacks():
    loaded = Loaded(10, 4, None, 4096)
    found = rows(
        [model("a:latest"), model("Phi3.5:3.8b-mini-instruct-q4_K_M")],
        {"a:latest": loaded},
        ["phi3.5:mini", "b"],
        {"c:1": ("genre",), "a": ("tools",)},
    )
    assert [(row.name, bool(row.installed), row.wanted, row.tasks) for row in found] == [
        ("a:latest", True, False, ("tools",)),
        ("Phi3.5:3.8b-mini-instruct-q4_K_M", True, True, ()),
        ("b:latest", False, True, ()),
        ("c:1", False, False, ("genre",)),
    ]
    assert found[0].loaded is loaded


def test_json_has_every_field_and_null_where_there_is_nothing():
    installed, missing = rows([model("a:latest")], {"a:latest": Loaded(10, 4, NOW, 4096)}, ["b"], {})
    told = installed.as_json()
    assert told["loaded"] == {"size": 10, "size_vram": 4, "until": NOW.isoformat(), "context_length": 4096}
    assert (told["modified"], told["quantization"]) == (NOW.isoformat(), "Q8_0")
    assert missing.as_json().keys() == told.keys()
    assert {k for k, v in missing.as_json().items() if v is not None} == {"name", "installed", "wanted", "tasks"}
