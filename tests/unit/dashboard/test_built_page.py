import gzip
import re

from samplemind_cli.dashboard.operations import page


def test_the_script_stays_small():
    assert len(gzip.compress((page() / "app.js").read_bytes(), 9)) <= 150_000


def test_the_page_is_made_of_its_own_files_alone():
    index = (page() / "index.html").read_text()

    loaded = re.findall(r'(?:src|href)="([^"]+)"', index)
    assert sorted(path.removeprefix("/dashboard/") for path in loaded) == ["app.js", "icon.svg", "index.css"]
    assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", index), "the policy allows nothing inline"
    assert not re.search(r"url\(|@import", (page() / "index.css").read_text())


def test_whoever_gets_the_page_gets_the_licences_of_what_it_is_built_from():
    licences = (page() / "licenses.md").read_text()

    for name in ("react", "react-dom", "@tanstack/react-query", "@tanstack/react-virtual"):
        assert f"## {name} - " in licences
