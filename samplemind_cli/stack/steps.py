"""BuildKit's plain progress, read step by step."""

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
    """One instruction of a Dockerfile; `state`: running, CACHED, DONE, ERROR or CANCELED, as BuildKit says it."""

    name: str
    state: str = "running"
    output: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))


class BuildProgress:
    """What a running build has said so far. FROM is no step: it is never built."""

    def __init__(self) -> None:
        self.steps: dict[str, BuildStep] = {}
        self.said: list[str] = []  # all that is not about a step: warnings, and why a build fails before its first one

    def read(self, line: str) -> BuildStep | None:
        """Take one line; the step that it ends, if it ends one."""
        if found := _STEP.fullmatch(line):
            if not found[2].startswith("FROM "):
                self.steps.setdefault(found[1], BuildStep(" ".join(found[2].split())))
        elif (found := _EVENT.fullmatch(line)) and (step := self.steps.get(found[1])):
            if not found[2].isupper():
                step.output.append(found[3])
            elif step.state == "running":
                step.state = found[2]
                return step
        elif not line.startswith("#"):
            self.said.append(line)
        return None

    def count(self, *states: str) -> int:
        """How many steps are in one of these states."""
        return sum(step.state in states for step in self.steps.values())

    def failure(self) -> SamplemindError:
        """Why the build failed: the step that did and the end of its output, or what Docker said instead."""
        for step in self.steps.values():
            if step.state == "ERROR":
                return StackError(
                    "\n".join([f"a build step failed: {step.name}", *step.output]), "fix it, then build again"
                )
        return docker.failure("\n".join(self.said))
