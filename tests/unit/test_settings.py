import json
import os
from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli import paths
from samplemind_cli import settings as settings_module
from samplemind_cli.budgets import Budget
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import CONVENTIONS, FOLDERS, KEYS, PROJECT_MAY, SECRETS, USER_ONLY, Settings, settable


@pytest.fixture
def home(tmp_path):
    (tmp_path / "project" / "deep").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def load(home):
    def settings(env=None, **flags):
        return Settings.load({"HOME": str(home), **(env or {})}, home / "project" / "deep", **flags)

    return settings


@pytest.fixture
def write(home):
    places = {
        "user": home / ".config/samplemind" / paths.USER_FILE,
        "project": home / "project" / paths.PROJECT_FILE,
        "stack": home / ".local/state/samplemind" / paths.STACK_FILE,
    }

    def file(place, text):
        places[place].parent.mkdir(parents=True, exist_ok=True)
        places[place].write_text(text)
        return places[place]

    return file


def stacks(**by_project):
    return json.dumps({"stacks": by_project})


def carried(**addresses):
    return {"folder": "", "carried": True, "services": {}, **addresses}


def own(folder, **addresses):
    return {"folder": str(folder), "carried": False, "services": {}, **addresses}


def test_each_source_is_stronger_than_the_one_before(load, write):
    assert load().ollama_host == "127.0.0.1:11434"
    write("stack", stacks(samplemind=carried(ollama_host="127.0.0.1:1")))
    assert load().ollama_host == "127.0.0.1:1"
    write("user", 'ollama_host = "127.0.0.1:2"')
    assert load().ollama_host == "127.0.0.1:2"
    assert load({"OLLAMA_HOST": "127.0.0.1:4"}).ollama_host == "127.0.0.1:4"
    both = {"OLLAMA_HOST": "127.0.0.1:4", "SAMPLEMIND_OLLAMA_HOST": "127.0.0.1:5"}
    assert load(both).ollama_host == "127.0.0.1:5"
    assert load(both, ollama_host="127.0.0.1:6").ollama_host == "127.0.0.1:6"


def test_a_projects_file_is_stronger_than_the_users_and_weaker_than_the_environment(load, write):
    write("user", 'ollama_model = "users"')
    write("project", 'ollama_model = "projects"')

    assert load().ollama_model == "projects"
    assert load({"SAMPLEMIND_OLLAMA_MODEL": "environments"}).ollama_model == "environments"


def test_a_flag_that_was_not_given_changes_nothing(load):
    assert load(read_timeout=None).read_timeout == 30.0


@pytest.mark.parametrize(("variable", "setting"), [(v, name) for name, vs in CONVENTIONS.items() for v in vs])
def test_the_fields_own_variable_names_are_read(load, variable, setting):
    assert load({variable: "something"}).value(setting) == "something"


def test_an_empty_variable_is_not_set(load):
    assert load({"OPENAI_BASE_URL": "", "SAMPLEMIND_CACHE_TTL": ""}) == load()


def test_every_setting_is_on_one_list_of_what_a_projects_file_may_or_may_not_set():
    lists = [*PROJECT_MAY, *USER_ONLY, *SECRETS, *FOLDERS]

    assert sorted(lists) == sorted(field.name for field in settable())


@pytest.mark.parametrize("place", ["user", "project"])
def test_no_file_says_who_set_an_address(load, write, place):
    write(place, 'sources = ["ollama_host"]')

    with pytest.raises(UsageError, match="sources"):
        load()


WORDS = {"history": "off", "on_budget": "local"}  # settings that are one of a few words


@pytest.mark.parametrize("name", [*SECRETS, *USER_ONLY, *FOLDERS])
def test_a_projects_file_may_not_say_where_keys_and_prompts_go_or_what_is_run(load, write, name):
    path = write("project", f'{name} = "https://elsewhere"')

    with pytest.raises(UsageError, match=f"may not set '{name}'") as refused:
        load()

    assert str(path) in refused.value.message
    variable = refused.value.hint.split()[1]
    assert load_without(path, {variable: "/7"}).value(name) in ("/7", "/7/samplemind", 7, ("/7",), *WORDS.values())


def load_without(path, env):
    path.unlink()
    try:
        return Settings.load({"HOME": "/nowhere", **env}, path.parent)
    except UsageError:  # a number
        value = next((word for name, word in WORDS.items() if f"SAMPLEMIND_{name.upper()}" in env), "7")
        return Settings.load({"HOME": "/nowhere", **dict.fromkeys(env, value)}, path.parent)


@pytest.mark.parametrize("name", USER_ONLY)
def test_the_users_own_file_may_say_all_of_that(load, write, name):
    numbers = ("cache_size", "history_size", "history_days")
    write("user", f"{name} = 7" if name in numbers else f'{name} = "{WORDS.get(name, "/7")}"')

    assert load().value(name) in ("/7", ("/7",), 7, *WORDS.values())


def test_a_setting_on_no_list_is_refused_in_a_projects_file(load, write, monkeypatch):
    monkeypatch.setattr(settings_module, "PROJECT_MAY", ())
    write("project", "cache_ttl = 5")

    with pytest.raises(UsageError, match="may not set 'cache_ttl'"):
        load()


@pytest.mark.parametrize(
    ("users", "projects", "in_force"),
    [("local", "on", "local"), ("off", "local", "off"), ("on", "off", "off"), ("on", "local", "local")],
)
def test_a_project_may_keep_fewer_answers_than_the_user_wants_and_never_more(load, write, users, projects, in_force):
    write("user", f'cache = "{users}"')
    write("project", f'cache = "{projects}"')

    assert load().cache == in_force


@pytest.mark.parametrize("model", ["gpt-oss:120b-cloud", "glm-4.6:cloud", "GLM-4.6:Cloud "])
def test_a_project_may_not_choose_a_model_that_the_daemon_passes_on_to_a_cloud(load, write, model):
    write("project", f"ollama_model = {model!r}")

    with pytest.raises(UsageError, match="would leave this machine") as refused:
        load()

    assert "SAMPLEMIND_OLLAMA_MODEL" in refused.value.hint


@pytest.mark.parametrize("name", KEYS)
def test_a_key_belongs_into_no_file_at_all(load, write, name):
    write("user", f'{name} = "sk-secret"')

    with pytest.raises(UsageError) as refused:
        load()

    assert "sk-secret" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "speed = 11",
        "\xff",
        "read_timeout = 'fast'",
        "cache = 'maybe'",
        "cache_size = inf",
        "cache_size = 1.5",
        "a = " + "[" * 9999,
    ],
)
def test_a_broken_file_is_a_usage_error_that_names_it(load, write, text):
    path = write("user", text)

    with pytest.raises(UsageError) as broken:
        load()

    assert str(path) in broken.value.message


def test_a_file_that_is_a_pipe_is_refused_instead_of_waited_for(load, write):
    path = write("user", "")
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(UsageError, match="it is a pipe"):
        load()


def test_a_terminal_is_not_waited_for_where_a_link_leads_to_it(load, write):
    ours, theirs = os.openpty()
    path = write("project", "")
    path.unlink()
    path.symlink_to(os.ttyname(theirs))
    path.chmod(0o620)
    try:
        with pytest.raises(UsageError, match="not a regular file"):
            load()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_file_without_end_is_not_read(load, write):
    path = write("project", "cache_ttl = 5")
    os.truncate(path, 1 << 40)

    with pytest.raises(UsageError, match="larger than"):
        load()


def test_a_home_of_another_user_is_named_as_what_may_be_wrong(load, write, monkeypatch):
    def refused(path, *_):
        raise PermissionError(13, "Permission denied", path)

    path = write("user", "cache_ttl = 5")
    monkeypatch.setattr(settings_module.trust, "content", refused)

    with pytest.raises(UsageError) as error:
        load()
    assert error.value.message == f"cannot read the settings in {path}: Permission denied"
    assert "is HOME another user's?" in error.value.hint


def test_a_file_may_begin_with_a_byte_order_mark(load, write):
    write("user", "\ufeffcache_ttl = 5")

    assert load().cache_ttl == 5


def test_a_key_out_of_a_file_loses_its_lines_end(load):
    assert load({"OPENAI_API_KEY": "sk-1\r\n"}).openai_api_key == "sk-1"


def test_a_projects_own_stack_counts_in_its_folder_and_below_and_nowhere_else(load, write, home):
    write("stack", stacks(shop=own(home / "project", ollama_host="127.0.0.1:1"), samplemind=carried()))
    assert load().ollama_host == "127.0.0.1:1"
    for elsewhere in (home, home / "project-2", home / "other" / "project"):
        elsewhere.mkdir(parents=True, exist_ok=True)
        assert Settings.load({"HOME": str(home)}, elsewhere).ollama_host == "127.0.0.1:11434"


def test_it_is_known_what_listens_here_for_projects_elsewhere(load, write, home):
    web = {"host": "127.0.0.1:80", "also": ["127.0.0.1:11434"]}
    shop = {**own(home / "shop"), "services": {"web": web, "ollama": {"host": "127.0.0.1:5", "adopted": True}}}
    write("stack", stacks(shop=shop, samplemind={**carried(), "services": {"redis": {"host": "127.0.0.1:6379"}}}))
    assert dict(load().strangers) == {"127.0.0.1:80": "shop", "127.0.0.1:11434": "shop"}
    assert Settings.load({"HOME": str(home)}, home / "shop").strangers == ()
    for broken in ("", "{}", '{"stacks": 7}', '{"stacks": {"x": {}}}'):
        write("stack", broken)
        assert load().strangers == ()


def test_a_link_into_a_projects_folder_is_inside_of_it(write, home):
    (home / "link").symlink_to(home / "project" / "deep")
    write("stack", stacks(shop=own(home / "project", ollama_host="127.0.0.1:1")))
    assert Settings.load({"HOME": str(home)}, home / "link").ollama_host == "127.0.0.1:1"


def test_the_nearest_projects_stack_is_stronger_than_those_around_it_and_than_the_carried_one(load, write, home):
    near, around = home / "project" / "deep", home / "project"
    found = {"a": own(near, ollama_host="near:1"), "z": own(around, ollama_host="around:1")}
    write("stack", stacks(**found, samplemind=carried(ollama_host="carried:1")))
    assert load().ollama_host == "near:1"
    write("stack", stacks(a=own(near), z=found["z"], samplemind=carried(ollama_host="carried:1")))
    assert load().ollama_host == "around:1"


def test_answers_are_never_written_into_the_redis_of_a_project(load, write, home):
    write("stack", stacks(shop=own(home / "project", redis_url="redis://theirs"), samplemind=carried()))
    assert load().redis_url == ""
    both = stacks(shop=own(home / "project", redis_url="redis://theirs"), samplemind=carried(redis_url="redis://ours"))
    write("stack", both)
    assert load().redis_url == "redis://ours"


def test_a_record_says_nothing_but_where_ollama_and_redis_are(load, write, home):
    write(
        "stack", stacks(shop=own(home / "project", openai_base_url="http://x"), s=carried(openai_base_url="http://x"))
    )
    assert load().openai_base_url == ""


def test_it_is_known_who_set_an_address(load, write, home):
    assert load().source("ollama_host") == "the default"
    write("stack", stacks(shop=own(home / "project", ollama_host="127.0.0.1:1")))
    assert load().source("ollama_host") == "the stack shop"
    path = write("user", 'ollama_host = "127.0.0.1:2"')
    assert load().source("ollama_host") == str(path)
    assert load({"OLLAMA_HOST": "127.0.0.1:4"}).source("ollama_host") == "the environment"
    assert load(ollama_host="127.0.0.1:6").source("ollama_host") == "the command line"
    assert load({"SAMPLEMIND_SOURCES": "x"}).sources == load().sources


BROKEN = [
    "not json",
    "[]",
    '{"ollama_host": "127.0.0.1:1"}',
    '{"stacks": 3}',
    '{"stacks": {"a": 3}}',
    '{"stacks": {"a": {"carried": false, "folder": 3, "ollama_host": "h:1"}}}',
    '{"stacks": {"a": {"carried": false, "folder": "relative", "ollama_host": "h:1"}}}',
    '{"stacks": {"a": {"carried": false, "folder": "", "ollama_host": "h:1"}}}',
    '{"stacks": {"a": {"carried": true, "ollama_host": 5}}}',
]


@pytest.mark.parametrize("record", BROKEN)
def test_a_broken_record_of_the_stack_is_no_record(load, write, record):
    write("stack", record)

    assert load() == load({})
    assert load().ollama_host == "127.0.0.1:11434"


@pytest.mark.parametrize(
    ("name", "value"), [("read_timeout", "-1"), ("read_timeout", "inf"), ("read_timeout", "nan"), ("cache_size", "1.5")]
)
def test_a_number_must_be_one(load, name, value):
    with pytest.raises(UsageError, match=name):
        load({f"SAMPLEMIND_{name.upper()}": value})


def test_a_list_is_written_with_commas_or_spaces(load):
    assert load({"SAMPLEMIND_MODELS": "a:1, b:2 c"}).models == ("a:1", "b:2", "c")


def test_no_secret_is_in_the_repr(load):
    env = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2", "GEMINI_API_KEY": "sk-3"}
    urls = dict.fromkeys(
        ("SAMPLEMIND_REDIS_URL", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GEMINI_BASE_URL"), "a://:sk-4@h"
    )
    shown = repr(load({**env, **urls}))

    assert "sk-" not in shown


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_no_text_in_the_environment_makes_it_crash(text):
    for field in fields(Settings):
        with suppress(UsageError):
            settings = Settings.load({"HOME": "/nowhere", f"SAMPLEMIND_{field.name.upper()}": text})
            assert isinstance(getattr(settings, field.name), type(field.default))


def test_the_nearest_project_file_counts_and_files_above_it_do_not(load, write, home):
    write("project", 'ollama_model = "above"')
    (home / "project" / "deep" / paths.PROJECT_FILE).write_text('gemini_model = "near"')

    assert (load().gemini_model, load().ollama_model) == ("near", Settings().ollama_model)


def test_a_relative_xdg_folder_is_ignored():
    assert paths.cache_dir({"HOME": "/h", "XDG_CACHE_HOME": "here"}) == "/h/.cache/samplemind"
    assert paths.cache_dir({"HOME": "/h", "XDG_CACHE_HOME": "/x"}) == "/x/samplemind"


def test_a_folder_that_was_removed_from_under_us_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()

    with pytest.raises(UsageError, match="the folder you are in has been removed"):
        Settings.load({})


VLLM = """
[providers.my-vllm]
url = "http://127.0.0.1:8000/v1"
key_variable = "LAB_TOKEN"
model = "qwen3"
local = true
"""


def test_a_block_in_the_users_file_makes_a_provider_with_settings_of_its_own(load, write):
    path = write("user", f"my_vllm_rpm = 9\n{VLLM}")
    variables = {"LAB_TOKEN": "k\n", "MY_VLLM_BASE_URL": "http://lab/v1", "SAMPLEMIND_MY_VLLM_MODEL": "glm"}

    plain, changed = load(), load(variables)

    row = plain.row("my-vllm")
    assert [plain.of(row, what) for what in ("model", "api_key", "base_url", "rpm")] == ["qwen3", "", "", 9]
    assert [changed.of(row, what) for what in ("model", "api_key", "base_url", "rpm")] == [
        "glm",
        "k",
        "http://lab/v1",
        9,
    ]
    assert (plain.source("my_vllm_base_url"), changed.source("my_vllm_base_url")) == (str(path), "the environment")


def test_a_projects_file_may_not_name_a_host(load, write):
    write("project", VLLM)

    with pytest.raises(UsageError, match="may not set 'providers'") as refused:
        load()

    assert "your own file" in refused.value.hint


@pytest.mark.parametrize("setting", ["my_vllm_base_url", "my_vllm_api_key"])
def test_a_projects_file_may_not_redirect_a_host_of_the_user(load, write, setting):
    write("user", VLLM)
    write("project", f'{setting} = "https://elsewhere"')

    with pytest.raises(UsageError, match=f"may not set '{setting}'"):
        load()


def test_a_projects_file_may_choose_the_model_of_such_a_host_if_no_cloud_answers_it(load, write):
    write("user", VLLM)
    write("project", 'my_vllm_model = "other"')
    assert load().value("my_vllm_model") == "other"

    write("project", 'my_vllm_model = "glm-4.6:cloud"')
    with pytest.raises(UsageError, match="would leave this machine"):
        load()


def test_a_key_of_such_a_host_belongs_into_no_file(load, write):
    write("user", f'my_vllm_api_key = "sk-secret"\n{VLLM}')

    with pytest.raises(UsageError) as refused:
        load()

    assert "sk-secret" not in refused.value.message
    assert "LAB_TOKEN" in refused.value.hint


@pytest.mark.parametrize(("said", "in_force"), [("1", True), ("true", True), ("off", False), ("No", False)])
def test_a_switch_is_on_or_off(load, said, in_force):
    assert load({"SAMPLEMIND_STRICT_FIELDS": said}).strict_fields is in_force


@pytest.mark.parametrize("said", ["strict_fields = 2", 'strict_fields = "maybe"', "strict_fields = []"])
def test_a_switch_is_nothing_else(load, write, said):
    write("user", said)

    with pytest.raises(UsageError, match="strict_fields"):
        load()


def test_the_users_own_file_says_what_may_be_spent(load, write):
    text = """
        [budgets]
        day = 5
        on_budget = "local"
        [budgets.client]
        day = 1.5
        [budgets.client.ci]
        month = 30
    """
    write("user", text)

    assert load().on_budget == "local"
    assert set(load().budgets) == {
        Budget(5, "day"),
        Budget(1.5, "day", "client"),
        Budget(30, "month", "client", "ci"),
    }


def test_a_projects_file_may_not_say_what_may_be_spent(load, write):
    write("project", "[budgets]\nday = 5000")

    with pytest.raises(UsageError, match="may not set 'budgets'"):
        load()


@pytest.mark.parametrize(
    "text",
    [
        "budgets = 5",
        "[budgets]\nyear = 5",
        "[budgets]\nday = -1",
        "[budgets]\nday = true",
        "[budgets]\nday = nan",
        "[budgets.team]\nday = 5",
        "[budgets.client.x.y]\nday = 5",
        '[budgets]\non_budget = "maybe"',
    ],
)
def test_a_budget_that_is_none_is_refused(load, write, text):
    path = write("user", text)

    with pytest.raises(UsageError) as refused:
        load()
    assert str(path) in refused.value.message
