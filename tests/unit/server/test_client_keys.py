import json
import stat
import threading

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.server.client_keys import FILE, ClientKeys, digest


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "config"


def test_a_key_is_kept_as_its_hash_in_a_file_of_the_users_alone(folder):
    key = ClientKeys(folder).add("ci", rpm=60, tpm=1000, models=["ollama/*"])
    file = folder / FILE

    assert key.startswith("sm-")
    assert len(key) > 40
    assert key not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = ClientKeys(folder).find(["other", key])
    assert (found.name, found.rpm, found.tpm, found.models) == ("ci", 60, 1000, ("ollama/*",))


def test_a_key_that_was_added_or_revoked_counts_from_the_next_look_on(folder):
    reading = ClientKeys(folder)
    assert reading.find(["anything"]) is None

    key = ClientKeys(folder).add("ci")
    assert reading.find([key]).name == "ci"
    assert ClientKeys(folder).revoke("ci").name == "ci"
    assert reading.find([key]) is None


def test_a_key_that_is_nearly_right_is_nobodys(folder):
    key = ClientKeys(folder).add("ci")

    assert ClientKeys(folder).find([key[:-1], f"{key}x", key.upper(), "", " ", "\udc80"]) is None


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", ".", "é", "a" * 65, "a\n"])
def test_a_name_is_one_word(folder, name):
    with pytest.raises(UsageError, match="name"):
        ClientKeys(folder).add(name)


def test_a_name_has_one_key(folder):
    ClientKeys(folder).add("ci")

    with pytest.raises(UsageError) as failed:
        ClientKeys(folder).add("ci")
    assert failed.value.hint == "samplemind keys revoke ci"
    with pytest.raises(UsageError, match="no key named"):
        ClientKeys(folder).revoke("other")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"keys": 1}',
        '{"keys": [{}]}',
        '{"keys": [{"name": "a", "digest": "D", "rpm": "many"}]}',
        '{"keys": [{"name": "a", "digest": "D", "tpm": true}]}',
        '{"keys": [{"name": "a", "digest": "D", "models": "ollama/*"}]}',
        '{"keys": [{"name": 1, "digest": "D"}]}',
    ],
)
def test_a_broken_file_lets_nobody_in_and_is_not_overwritten(folder, text):
    folder.mkdir()
    (folder / FILE).write_text(text := text.replace("D", digest("d")))

    assert ClientKeys(folder).find(["d"]) is None
    with pytest.raises(UsageError, match="cannot read"):
        ClientKeys(folder).add("ci")
    assert (folder / FILE).read_text() == text


def test_keys_that_are_added_at_the_same_time_are_all_kept(folder):
    threads = [threading.Thread(target=ClientKeys(folder).add, args=(f"client-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(key.name for key in ClientKeys(folder).all()) == [f"client-{n}" for n in range(8)]
    assert not {file.name for file in folder.iterdir()} - {FILE, f"{FILE}.lock"}


def test_a_limit_that_is_not_in_the_file_is_none(folder):
    folder.mkdir()
    (folder / FILE).write_text(json.dumps({"keys": [{"name": "a", "digest": "d", "later": True}]}))

    assert [(key.name, key.rpm, key.models) for key in ClientKeys(folder).all()] == [("a", 0, ())]


@pytest.mark.parametrize("mode", [0o666, 0o777])
def test_keys_that_everybody_could_have_written_open_nothing(folder, mode):
    key = ClientKeys(folder).add("ci")
    (folder if mode == 0o777 else folder / FILE).chmod(mode)

    assert ClientKeys(folder).find([key]) is None


def test_where_no_file_can_be_written_no_key_is_made(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match=r"cannot write .*keys\.json: Not a directory"):
        ClientKeys(tmp_path / "file" / "samplemind").add("ci")


def test_below_a_file_there_are_no_keys(tmp_path):
    (tmp_path / "file").touch()

    assert ClientKeys(str(tmp_path / "file" / "samplemind")).all() == []
