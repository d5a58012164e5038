"""Reads the failed tests from a JUnit file, as CI writes it."""

import xml.etree.ElementTree as ET
from pathlib import Path

from samplemind_cli.errors import UsageError

Case = tuple[str, str]  # classname and name, as pytest writes them
MAKE_ONE = "make one: samplemind test --junit-xml=FILE"


def failed_cases(file: Path) -> list[Case]:
    """The cases with a failure or an error, in the file's order, without duplicates. Raises UsageError."""
    try:
        root = ET.parse(file).getroot()  # noqa: S314 - the user's own file; expat bounds what entities may grow to
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", "check its name and path") from error
    except (ET.ParseError, ValueError, LookupError) as error:
        raise UsageError(f"{file} is not a JUnit file: {error}", MAKE_ONE) from error
    cases = list(root.iter("testcase"))
    if not cases and root.tag not in {"testsuites", "testsuite"}:
        raise UsageError(f"{file} is not a JUnit file: it holds <{root.tag}>", MAKE_ONE)
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return list(dict.fromkeys((case.get("classname", ""), case.get("name", "")) for case in failed))
