import json
import struct
import sys
from pathlib import Path

import pytest

from samplemind_cli.child.python import Python
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.profiling import living
from samplemind_cli.profiling.runs import ProfileRequest

# As py-spy 0.4.3 prints it, for a container whose first process is Docker's init.
PRINTED = """\
py-spy> Sampling process 100 times a second for 2 seconds. Press Control-C to exit.

process 1:"/sbin/docker-init -- python -c
def hot(): pass
hot()";process 7:"python -c
hot()";<module> (<string>:1);hot (/srv/app (old)/shop.py:3) 150
process 1:"/sbin/docker-init -- python";process 9:"python";<module> (<string>:1);make.<locals>.cold (/srv/shop.py:9) 1
py-spy> Wrote raw flamegraph data to '/dev/stdout'. Samples: 151 Errors: 0
"""
ASKED = ProfileRequest(words=("api",), kinds=("cpu",), watch=2, directory="/nowhere")
PYTHON = Python(Path(sys.executable), "ours", {})


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """The profile that is made of what py-spy printed; no page is drawn."""
    monkeypatch.setattr(living, "render", lambda *_: [2.0])
    return lambda printed: living.keep(ASKED, printed, PYTHON, str(tmp_path), print)


def test_the_stacks_of_all_processes_become_one_session(keep):
    session = json.loads((keep(PRINTED).folder / "cpu.1.raw").read_bytes())
    assert session["frame_records"] == [
        [["<module>\0<string>\x001", "hot\0/srv/app (old)/shop.py\x003"], 1.5],
        [["<module>\0<string>\x001", "make.<locals>.cold\0/srv/shop.py\x009"], 0.01],
    ]
    assert (session["duration"], session["cpu_time"], session["sample_count"]) == (2, 1.51, 151)


def test_a_service_that_did_nothing_makes_no_profile(keep, tmp_path):
    with pytest.raises(SamplemindError, match="api did nothing in 2 s"):
        keep("py-spy> Wrote raw flamegraph data to '/dev/stdout'. Samples: 0 Errors: 0\n")
    assert list(tmp_path.iterdir()) == []


def test_the_program_must_be_one_for_the_engine_s_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(living.sysconfig, "get_path", lambda _: str(tmp_path))
    (tmp_path / "py-spy").write_bytes(b"\x7fELF\x02\x01" + bytes(12) + struct.pack("<H", 62))
    assert living.program("amd64", "/nowhere") == tmp_path / "py-spy"
    with pytest.raises(UsageError) as raised:
        living.program("arm64", str(tmp_path))
    assert f"--platform manylinux2014_aarch64 --target {tmp_path}/py-spy-aarch64 py-spy" in raised.value.hint
    fetched = tmp_path / "py-spy-aarch64" / "bin" / "py-spy"
    fetched.parent.mkdir(parents=True)
    fetched.write_bytes(b"\x7fELF\x02\x01" + bytes(12) + struct.pack("<H", 183))
    assert living.program("arm64", str(tmp_path)) == fetched


def test_a_program_of_another_system_does_not_do(tmp_path, monkeypatch):
    monkeypatch.setattr(living.sysconfig, "get_path", lambda _: str(tmp_path))
    (tmp_path / "py-spy").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(30))  # macOS
    with pytest.raises(UsageError, match="py-spy for Linux on x86_64 is not installed"):
        living.program("amd64", str(tmp_path))
