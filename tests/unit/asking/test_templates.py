"""Templates: whose counts, what it may say, how it is filled."""

import os

import pytest

from samplemind_cli.asking import templates
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

REVIEW = """+++
model = "openai/gpt-6-luna"
system = "You review code."
max_tokens = 500
[variables]
language = "Python"
+++
Review this {{ language }}:

{{input}}
"""


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The user's folder of templates and the project's; the current folder is below the project's."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own, project = tmp_path / "config" / "samplemind" / "templates", tmp_path / "project" / ".samplemind" / "templates"
    for folder in (own, project, tmp_path / "project" / "deep", tmp_path / "project" / ".git"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "deep")
    return own, project


def find(name="review"):
    return templates.find(Settings.load(), name)


def test_a_template_has_its_text_and_what_it_is_asked_with(folders):
    (folders[0] / "review.md").write_text(REVIEW)
    found = find()

    assert found.fill("x = 1", {}) == "Review this Python:\n\nx = 1"
    assert found.fill("x = 1", {"language": "Rust"}) == "Review this Rust:\n\nx = 1"
    given = {"model": None, "system": "Be kind", "max_tokens": None, "schema": None, "task": None}
    assert found.options(given) == {
        "model": "openai/gpt-6-luna", "system": "Be kind", "max_tokens": 500, "schema": None, "task": None,
    }  # fmt: skip
    assert found.origin.endswith("review.md, your own, model openai/gpt-6-luna")


def test_a_toml_file_holds_the_same(folders):
    (folders[0] / "review.toml").write_text('system = "Hi"\nprompt = """Say {{word}}"""\n')

    assert find().fill("", {"word": "ho"}) == "Say ho"
    assert find().fields == {"system": "Hi"}


def test_text_alone_is_a_template_and_what_is_given_follows_it(folders):
    (folders[0] / "review.md").write_text("Review this\n")

    assert find().fill("x = 1", {}) == "Review this\n\nx = 1"
    assert find().fill("", {}) == "Review this"


def test_what_is_given_is_never_taken_for_a_variable(folders):
    (folders[0] / "review.md").write_text("{{input}} {{word}}")

    assert find().fill("{{word}} {{other}}", {"word": "{{input}}"}) == "{{word}} {{other}} {{input}}"


def test_the_users_own_comes_before_a_projects_and_the_nearest_before_one_above(folders, tmp_path):
    near = tmp_path / "project" / "deep" / ".samplemind" / "templates"
    near.mkdir(parents=True)
    for folder, text in ((folders[1], "above"), (near, "near")):
        (folder / "review.md").write_text(text)
    assert (find().text, find().own) == ("near", False)
    assert "the project's" in find().origin

    (folders[0] / "review.md").write_text("own")
    assert (find().text, find().own) == ("own", True)
    assert templates.names(Settings.load()) == ["review"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_projects_template_that_another_user_could_have_written_does_not_count(folders):
    (folders[1] / "review.md").write_text("theirs")
    os.chown(folders[1] / "review.md", 12345, 12345)

    with pytest.raises(UsageError, match="no template"):
        find()


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ('model = "https://elsewhere/v1"', "choose where the prompt goes"),
        ('model = "gpt-oss:120b-cloud"', "choose where the prompt goes"),
        ('model = "my-vllm/m"', "provider of your own"),
        ('schema = "../../secret.json"', "outside of its folder"),
        ('schema = "/etc/passwd"', "outside of its folder"),
        ('base_url = "https://elsewhere"', "may not set 'base_url'"),
        ('provider = "openai"', "may not set 'provider'"),
        ('attach = "/etc/passwd"', "may not set 'attach'"),
    ],
)
def test_a_projects_template_chooses_neither_where_prompts_go_nor_what_is_read(folders, head, why):
    config = folders[0].parent / "config.toml"
    config.write_text('[providers.my-vllm]\nurl = "http://127.0.0.1:9/v1"\n')
    (folders[1] / "review.md").write_text(f"+++\n{head}\n+++\nhi")

    with pytest.raises(UsageError, match=why):
        find()


def test_a_link_out_of_a_projects_folder_is_no_schema(folders):
    (folders[1].parent / "s.json").write_text("{}")
    (folders[1] / "s.json").symlink_to(folders[1].parent / "s.json")
    (folders[1] / "review.md").write_text('+++\nschema = "s.json"\n+++\nhi')

    with pytest.raises(UsageError, match="outside of its folder"):
        find()


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_projects_template_is_no_link_to_a_file_of_the_users(folders, tmp_path, linked):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "review.md").write_text("the user's own secret")
    if linked == "folder":
        folders[1].rmdir()
        folders[1].symlink_to(notes)
    else:
        (folders[1] / "review.md").symlink_to(notes / "review.md")

    with pytest.raises(UsageError, match="leads out of"):
        find()


def test_a_link_within_the_project_is_followed(folders):
    (folders[1].parents[1] / "prompt.md").write_text("hi")
    (folders[1] / "review.md").symlink_to("../../prompt.md")

    assert find().text == "hi"


def test_a_template_that_is_no_file_is_not_waited_for(folders):
    os.mkfifo(folders[1] / "review.md")

    with pytest.raises(UsageError, match="not a regular file"):
        find()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("+++\nmodel = 5\n+++\nhi", "model cannot be 5"),
        ('+++\neffort = "much"\n+++\nhi', "effort cannot be"),
        ("+++\nmodel = \n+++\nhi", "cannot read"),
        ("+++\nhi", "closing"),
        ("+++\n+++\n\n", "contains no text"),
        ("x" * (templates.LARGEST + 1), "too large"),
        (b"\xff\xfe", "cannot read"),
    ],
)
def test_a_template_that_is_none_is_told_by_its_path(folders, text, why):
    path = folders[0] / "review.md"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(UsageError, match=why) as refused:
        find()
    assert str(path) in refused.value.message


def test_a_variable_without_a_value_and_a_value_without_a_variable_are_told(folders):
    (folders[0] / "review.md").write_text("{{input}} {{word}}")
    for given, values, why in [("", {"word": "x"}, "input has no value"), ("x", {}, "word has no value"),
                               ("x", {"word": "x", "wrod": "y"}, "no variable 'wrod'")]:  # fmt: skip
        with pytest.raises(UsageError, match=why):
            find().fill(given, values)


@pytest.mark.parametrize("name", ["nothing", "../config", "a/b", ""])
def test_an_unknown_name_is_told_with_those_that_are_known(folders, name):
    (folders[0] / "plan.md").write_text("Plan")

    with pytest.raises(UsageError, match="no template") as refused:
        find(name)
    assert refused.value.hint == "known: plan"


@pytest.mark.parametrize("given", ["word", "=x", "input=x", "a b=c"])
def test_a_variable_is_a_name_and_a_value(given):
    with pytest.raises(UsageError, match="NAME=VALUE"):
        templates.variables([given])


@pytest.mark.parametrize(("name", "file"), [("review", "review.md"), ("../review", "NAME.md")])
@pytest.mark.usefixtures("folders")
def test_where_there_is_no_template_at_all_the_file_to_write_is_named(name, file):
    with pytest.raises(UsageError) as told:
        find(name)

    assert told.value.hint.endswith(f"/samplemind/templates/{file}")


@pytest.mark.parametrize("value", ['["x"]', "5", "1979-05-27", "{a = 1}"])
def test_a_prompt_is_a_text(folders, value):
    (folders[0] / "review.toml").write_text(f"prompt = {value}\n")

    with pytest.raises(UsageError, match="prompt cannot be"):
        find()
