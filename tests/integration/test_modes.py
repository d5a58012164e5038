"""What commands keep is the user's alone, whatever the umask."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from samplemind_cli.settings import Settings
from samplemind_cli.stack import declared, record
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.origin import StackOrigin

pytestmark = pytest.mark.integration
FOLDERS = (".cache", ".local", ".config")


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text("def test_good():\n    pass\n")
    (folder / "in.jsonl").write_text('{"prompt": "hi"}\n')
    return folder


@pytest.mark.usefixtures("mock_server")
@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize(
    "argv",
    [
        ("ask", "hi"),
        ("ask", "--conversation", "songs", "hi"),
        ("test", "--serial"),
        ("test", "--changed", "--serial"),
        ("profile", "--cpu", "test_it.py"),
        ("bench", "run", "--runs", "6", "--save", "main", "--", "true"),
        ("batch", "in.jsonl", "--out", "out.jsonl"),
    ],
)
def test_what_a_command_keeps_is_the_users_alone(home, umask, argv):
    command = [sys.executable, "-m", "samplemind_cli", *argv]
    env = {**os.environ, "HOME": str(home)}
    subprocess.run(command, cwd=home, env=env, stdin=subprocess.DEVNULL, umask=umask, check=True)

    kept = [path for name in FOLDERS for path in Path(home, name).rglob("*")]
    assert any(path.is_file() for path in kept)
    open_to_others = {str(path): oct(mode) for path in kept if (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077}
    assert open_to_others == {}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o700, 0o600}


@pytest.mark.usefixtures("mock_server")
def test_a_folder_that_an_earlier_version_left_open_is_closed_to_others(home):
    folder = home / ".cache" / "samplemind"
    (folder / "hot").mkdir(parents=True)
    for path in (folder, folder / "hot"):
        path.chmod(0o777)
    command = [sys.executable, "-m", "samplemind_cli", "ask", "hi"]
    subprocess.run(command, cwd=home, env={**os.environ, "HOME": str(home)}, stdin=subprocess.DEVNULL, check=True)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "hot")] == [0o700, 0o700]


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_record_of_a_stack_and_the_services_it_declares_are_the_users_alone(home, umask):
    before = os.umask(umask)
    try:
        settings = Settings(state_dir=str(home / "state" / "samplemind"), cache_dir=str(home / "cache" / "samplemind"))
        record.remember(
            settings,
            "shop",
            StackOrigin(str(home), carried=False),
            {"redis": {"target": 6379, "host": "127.0.0.1:6379"}},
        )
        declared.remember(settings, Stack(files=(home / "compose.yaml",)), {"name": "shop", "services": {"redis": {}}})
    finally:
        os.umask(before)

    kept = [*home.rglob("state/**/*"), *home.rglob("cache/**/*"), home / "state", home / "cache"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_file()} == {0o600}
