"""Parses BuildKit's plain progress into steps."""

import re
from collections import deque
from dataclasses import dataclass, field

from samplemind_cli.errors import SamplemindError, StackError
from samplemind_cli.stack import docker

TAIL = 20  # lines of a failed step's output
# BuildKit's plain progress: `#7 [api deps 2/4] RUN pip …`, then `#7 CACHED`, or `#7 1.5 output` and `#7 DONE 2.0s`.
_STEP = re.compile(r"#(\d+) \[(?:.* )?\d+/\d+\] (.+)")
_EVENT = re.compile(r"#(\d+) (CACHED|DONE|ERROR|CANCELED|[\d.]+ )(.*)")


@dataclass(slots=True)
class BuildStep:
    """One instruction of a Dockerfile; `state`: running, or BuildKit's CACHED, DONE, ERROR or CANCELED."""

    name: str
    state: str = "running"
    output: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))


class BuildProgress:
    """The steps of a running build so far. FROM is not a step: it is never built."""

    def __init__(self) -> None:
        self.steps: dict[str, BuildStep] = {}
        self.messages: list[str] = []  # what is not about a step: warnings, and why a build failed before its first one

    def read(self, line: str) -> BuildStep | None:
        """Parse one line; returns the step that it ends, if any."""
        if match := _STEP.fullmatch(line):
            if not match[2].startswith("FROM "):
                self.steps.setdefault(match[1], BuildStep(" ".join(match[2].split())))
        elif (match := _EVENT.fullmatch(line)) and (step := self.steps.get(match[1])):
            if not match[2].isupper():
                step.output.append(match[3])
            elif step.state == "running":
                step.state = match[2]
                return step
        elif not line.startswith("#"):
            self.messages.append(line)
        return None

    def count(self, *states: str) -> int:
        """How many steps are in one of these states."""
        return sum(step.state in states for step in self.steps.values())

    def failure(self) -> SamplemindError:
        """The error of a failed build: the failed step and the end of its output, or Docker's own message."""
        for step in self.steps.values():
            if step.state == "ERROR":
                return StackError(
                    "\n".join([f"a build step failed: {step.name}", *step.output]), "fix it, then build again"
                )
        return docker.failure("\n".join(self.messages))
