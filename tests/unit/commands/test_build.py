import os
import stat

import pytest

from samplemind_cli.commands import build
from samplemind_cli.settings import Settings
from samplemind_cli.stack import build as builder
from samplemind_cli.stack import engine


class Silent:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_layers_that_ci_keeps_are_the_users_alone(tmp_path, monkeypatch, umask):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(engine, "Engine", Silent)
    monkeypatch.setattr(builder, "exports_cache", lambda _: True)
    before = os.umask(umask)
    try:
        folder = build._cache_of_ci(Settings(cache_dir=str(tmp_path / "cache")))
    finally:
        os.umask(before)
    assert folder == tmp_path / "cache" / "build"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
