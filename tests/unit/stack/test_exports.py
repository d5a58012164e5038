"""The exports of `samplemind env`."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.settings import Settings
from samplemind_cli.stack import exports

CONFIG = {
    "services": {
        "redis": {"ports": [{"target": 6379, "published": "7000", "host_ip": "127.0.0.1"}]},
        "ollama": {"ports": [{"target": 11434, "published": "11434", "host_ip": "0.0.0.0"}]},
        "mongodb": {"ports": [{"target": 27017, "published": "27017"}]},
        "my-web.1": {"ports": [{"target": 80, "published": "8080"}]},
        "worker": {},
        "ranged": {"ports": [{"target": 80, "published": "8000-8010"}]},
    }
}


def test_threads_are_the_cores_there_are():
    values = exports.speed(3)
    assert {values[f"{name}_THREADS"] for name in ("OMP_NUM", "MKL_NUM", "NUMEXPR_MAX")} == {"3"}
    assert values["DOCKER_BUILDKIT"] == values["COMPOSE_DOCKER_CLI_BUILD"] == "1"


def test_each_service_is_found_where_it_is_published():
    assert exports.addresses(CONFIG, Settings()) == {
        "REDIS_URL": "redis://127.0.0.1:7000",
        "SAMPLEMIND_REDIS_URL": "redis://127.0.0.1:7000",
        "OLLAMA_HOST": "http://127.0.0.1:11434",
        "MONGODB_URI": "mongodb://127.0.0.1:27017",
        "MY_WEB_1_URL": "http://127.0.0.1:8080",
    }


def test_services_in_use_instead_of_the_stacks_are_named():
    chosen = Settings(redis_url="redis://elsewhere:1/2", ollama_host="127.0.0.1:5")
    values = exports.addresses(CONFIG, chosen)
    assert values["REDIS_URL"] == "redis://elsewhere:1/2"
    assert values["OLLAMA_HOST"] == "127.0.0.1:5"


@pytest.mark.slow
@pytest.mark.parametrize("shell", [shell for shell in ("bash", "zsh", "fish") if shutil.which(shell)])
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20))
def test_any_value_survives_the_shell(shell, value):
    script = f'{exports.line("X", value, shell)}\nprintf %s "$X"'
    assert subprocess.run([shell, "-c", script], capture_output=True, check=True).stdout.decode() == value


@given(value=st.text(max_size=20))
def test_fish_leaves_no_quote_open(value):
    quoted = exports.line("X", value, "fish").removeprefix("set -gx X ")
    assert quoted.startswith("'")
    inner = quoted[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inner
    assert not inner.endswith("\\")
