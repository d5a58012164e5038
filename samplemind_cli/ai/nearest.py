"""The stored question that has most in common with a new one, found by its parts without a look at every question."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

Parts = Mapping[str, str]  # fingerprints by name, in the order in which providers read a prompt


class StoredQuestion(NamedTuple):
    """A question whose answer was stored: when (unix seconds), under which key, and its parts."""

    at: float
    key: str
    parts: Parts


class Nearest:
    """The last `most` questions."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._next = 0
        self._questions: dict[int, StoredQuestion] = {}  # by number, oldest first
        self._having: dict[tuple[str, str], list[int]] = {}  # the numbers of those that have a part, by that part

    def add(self, question: StoredQuestion) -> None:
        """Take in a question, younger than those before; the oldest may have to go."""
        for part in question.parts.items():
            self._having.setdefault(part, []).append(self._next)
        self._questions[self._next] = question
        self._next += 1
        if len(self._questions) > self._most:
            self._forget(next(iter(self._questions)))

    def clear(self) -> None:
        """Forget them all."""
        self._questions.clear()
        self._having.clear()

    def all(self) -> list[StoredQuestion]:
        """Every question, oldest first."""
        return list(self._questions.values())

    def to(self, parts: Parts, before: float = float("inf")) -> StoredQuestion | None:
        """The question with the most of these parts, of several the youngest; of those stored `before` alone."""
        common = Counter[int]()
        for part in parts.items():
            common.update(self._having.get(part, ()))
        found = ((common[n], n) for n, question in self._questions.items() if question.at < before)
        best = max(found, default=None)
        return self._questions[best[1]] if best else None

    def _forget(self, number: int) -> None:
        for part in self._questions.pop(number).parts.items():
            numbers = self._having[part]
            numbers.remove(number)
            if not numbers:
                del self._having[part]
