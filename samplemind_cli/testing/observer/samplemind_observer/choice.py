"""Selects among the collected tests: for `--changed`, `--shard`, `--rerun-from` and a second run of failed tests.

The file of `--samplemind-choice`: {"skip": [node id], "only": [node id] or null, "shard": [K, N] or null,
"seconds": {node id: seconds}, "cases": [[classname, name] of a JUnit file] or null}
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Deselection:
    """Deselects tests, after every other plugin has done so."""

    def __init__(self, file: str) -> None:
        self.selection: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        self.left_out = 0
        self.missing: list[str] = []
        self.cut = ""

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> Iterator[None]:
        """Deselect what is not chosen."""
        yield
        names = [item.nodeid for item in items]
        chosen = self.chosen(names)
        left_out = [item for item in items if item.nodeid not in chosen]
        self.left_out = len(left_out)
        if left_out:
            items[:] = [item for item in items if item.nodeid in chosen]
            config.hook.pytest_deselected(items=left_out)

    def chosen(self, names: Sequence[str]) -> set[str]:
        """The tests to run of those collected."""
        chosen = set(names)
        if self.selection["shard"]:
            number, count = self.selection["shard"]
            cut = shards(names, self.selection["seconds"], count)
            chosen, self.cut = cut[number - 1], cut_digest(cut)
        if self.selection["cases"] is not None:
            chosen &= self.failed_cases(names)
        if self.selection["only"] is not None:
            chosen.intersection_update(self.selection["only"])
        return chosen.difference(self.selection["skip"])

    def failed_cases(self, names: Sequence[str]) -> set[str]:
        """The tests for these cases of a JUnit file; for a module that could not be collected, all of its tests."""
        cases = [tuple(case) for case in self.selection["cases"]]
        matched: set[tuple[str, str]] = set()
        chosen = set()
        for name in names:
            classname, test = junit_name(name)
            for case in cases:
                prefixed = classname == case[0] or case[0].endswith("." + classname)  # --junit-prefix
                module = not case[0] and (classname == case[1] or classname.startswith(case[1] + "."))
                if (prefixed and test == case[1]) or module:
                    chosen.add(name)
                    matched.add(case)
        self.missing = [".".join(filter(None, case)) for case in cases if case not in matched]
        return chosen


def shards(names: Sequence[str], seconds: Mapping[str, float], count: int) -> list[set[str]]:
    """Every test in exactly one shard, by recorded seconds: the longest first, each into the shortest shard so far.

    A test without a record counts as the median of those with one.
    """
    known = [seconds[name] for name in set(names) if name in seconds]
    usual = median(known) if known else 1.0
    tests_of: list[set[str]] = [set() for _ in range(count)]
    load = [(0.0, 0, shard) for shard in range(count)]
    for name in sorted(set(names), key=lambda name: (-seconds.get(name, usual), name)):
        total, tests, shard = min(load)
        tests_of[shard].add(name)
        load[shard] = (round(total + seconds.get(name, usual), 6), tests + 1, shard)
    return tests_of


def cut_digest(cut: Sequence[set[str]]) -> str:
    """A short digest, by which machines can see that they cut the same tests in the same way."""
    return blake2b(json.dumps([sorted(shard) for shard in cut]).encode(), digest_size=4).hexdigest()


def junit_name(name: str) -> tuple[str, str]:
    """A test's classname and name as pytest writes them into a JUnit file."""
    address, bracket, parameters = name.partition("[")
    parts = address.split("::")
    parts[0] = re.sub(r"\.py$", "", parts[0].replace("/", "."))
    parts[-1] += bracket + parameters
    return ".".join(parts[:-1]), re.sub(
        r"[^\t\n\r\x20-\x7e\x80-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", _escaped, parts[-1]
    )


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"#x{number:02X}" if number <= 0xFF else f"#x{number:04X}"  # noqa: PLR2004
