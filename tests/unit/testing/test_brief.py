"""Names and versions as testmon itself would have read them."""

from importlib.metadata import distributions

import pytest

from samplemind_cli.testing.observer.samplemind_brief import name_and_version

HEADER = "Metadata-Version: 2.1\nName: a-Package\nVersion: 1.0\nSummary: Name: of what\n"


def test_each_installed_package_has_the_name_and_version_that_importlib_reads():
    found = list(distributions())
    assert [name_and_version(package) for package in found] == [(p.metadata["Name"], p.version) for p in found]
    assert ("pytest-testmon", "2") in {(name, version[0]) for name, version in map(name_and_version, found)}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.dist-info/METADATA", f"{HEADER}\nName: no-package\nVersion: 2.0\n"),
        ("a.dist-info/METADATA", HEADER.replace("\n", "\r\n")),
        ("a.dist-info/METADATA", HEADER.replace("Name: a", "name:a")),
        ("a.egg-info/PKG-INFO", HEADER),
    ],
)
def test_a_package_of_any_form_is_read(tmp_path, file, text):
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_bytes(text.encode())
    [package] = distributions(path=[str(tmp_path)])
    assert name_and_version(package) == (package.metadata["Name"], package.version) == ("a-Package", "1.0")
