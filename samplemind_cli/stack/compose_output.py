"""Parses Compose's progress: the images it pulls, their bytes, the step it builds."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.stack.docker import plain

# ` 4f4fb700ef54 Downloading [==>      ]  1.2MB/34.5MB`, from Compose's plain progress.
_LAYER = re.compile(r"^(\S+) (?:Downloading|Extracting) +\[[^]]*\] +([\d.]+)([kMG]?)B/([\d.]+)([kMG]?)B")
_PULL = re.compile(r"^(?:Image )?(\S+) +(Pulling$|Pulled|Error|Interrupted|Skipped)")
_STEP = re.compile(r"^#\d+ (\[.+)")  # BuildKit's plain progress
_FACTOR = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(slots=True)
class ComposeOutput:
    """Compose's output as plain lines, and the progress parsed from it."""

    lines: list[str] = field(default_factory=list)
    starting: bool = False  # pulls and builds are over: containers are being created and started
    created: int = 0  # how many containers were created or recreated
    _pulling: dict[str, None] = field(default_factory=dict)
    _layers: dict[str, tuple[float, float]] = field(default_factory=dict)
    _step: str = ""

    def read(self, raw: bytes) -> None:
        """Parse a line, plain or a JSON event (Compose 2.36 and later, which knows COMPOSE_PROGRESS=json)."""
        text = plain(raw)
        event = _event(text)
        if event is not None:
            text = event.get("message") or f"{event.get('id', '')} {event.get('text', '')}".strip()
            if event.get("total"):
                self._layers[event["id"]] = (event.get("current", 0), event["total"])
        elif layer := _LAYER.match(text):
            name, current, unit, total, total_unit = layer.groups()
            self._layers[name] = (float(current) * _FACTOR[unit], float(total) * _FACTOR[total_unit])
        elif (done := text.removesuffix(" Download complete")) in self._layers:
            self._layers[done] = (self._layers[done][1],) * 2
        if text:
            self.lines.append(text)
            self._update(text)

    def _update(self, text: str) -> None:
        if pull := _PULL.match(text):
            if pull[2] == "Pulling":
                self._pulling[pull[1]] = None
            else:
                self._pulling.pop(pull[1], None)
        elif step := _STEP.match(text):
            self._step = step[1]
        elif text.startswith("Container "):
            self.starting = True
            self.created += text.endswith(("Created", "Recreated"))

    @property
    def activity(self) -> str:
        """What is being pulled or built now; empty if nothing is."""
        if self._pulling:
            return f"pulling {', '.join(self._pulling)}"
        return f"building {self._step}" if self._step and not self.starting else ""

    @property
    def pulled(self) -> tuple[float, float]:
        """The pulled bytes and the total of the layers that Compose reports; zeros if it reports none."""
        layers = self._layers.values() if self._pulling else ()
        return sum(done for done, _ in layers), sum(total for _, total in layers)


def _event(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        return dict(json.loads(text))
    except (ValueError, RecursionError):
        return None
