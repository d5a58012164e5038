"""The named workload: its prompts, how often each is sent, and the hit rate of an ideal cache."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Zipf:
    """`requests` requests with `prompts` different prompts; the k-th most popular has the weight 1/k**`skew`.

    Zipf's law with a skew near 1 is what web caches see (Breslau et al., INFOCOM 1999).
    """

    prompts: int = 1000
    requests: int = 2000
    skew: float = 1.0
    seed: int = 1

    @property
    def name(self) -> str:
        """The workload's name, without which a hit rate means nothing."""
        return f"Zipf s={self.skew:g}, {self.prompts} prompts, {self.requests} requests, seed {self.seed}"

    def sequence(self) -> list[int]:
        """The prompts' numbers in the order of the requests."""
        weights = [1 / rank**self.skew for rank in range(1, self.prompts + 1)]
        draw = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        return draw.choices(range(self.prompts), weights, k=self.requests)


def ideal_hit_rate(sequence: Sequence[int]) -> float:
    """The hit rate of a cache that keeps everything: only each prompt's first request misses."""
    return 1 - len(set(sequence)) / len(sequence)


def prompt(number: int) -> str:
    """The text of a prompt: about 60 tokens, different for each number."""
    key = f"{'CDEFGAB'[number % 7]} {'major' if number % 2 else 'minor'}"
    return (
        f"Sample {number}: a drum loop of {2 + number % 7} bars at {60 + number % 120} bpm beside a bass in {key}, "
        "close microphones, compressed, with a little tape noise. Name its genre in one word, then say in one "
        "sentence which two sounds would go with it."
    )
