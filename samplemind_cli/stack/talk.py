"""What Compose says while it works: which image it pulls and how much of it is there, which step it builds."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# ` 4f4fb700ef54 Downloading [==>      ]  1.2MB/34.5MB`, from Compose's plain progress.
_LAYER = re.compile(r"^(\S+) (?:Downloading|Extracting) +\[[^]]*\] +([\d.]+)([kMG]?)B/([\d.]+)([kMG]?)B")
_PULL = re.compile(r"^(?:Image )?(\S+) +(Pulling$|Pulled|Error|Interrupted|Skipped)")
_STEP = re.compile(r"^#\d+ (\[.+)")  # BuildKit's plain progress
_FACTOR = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(slots=True)
class ComposeOutput:
    """Compose's lines, as people read them (`lines`), and what they come to."""

    lines: list[str] = field(default_factory=list)
    starting: bool = False  # pulls and builds are over: containers are being made and started
    made: int = 0  # how often a container was said to be there
    _pulling: dict[str, None] = field(default_factory=dict)
    _layers: dict[str, tuple[float, float]] = field(default_factory=dict)
    _step: str = ""

    def hear(self, raw: bytes) -> None:
        """One more line, plain or a JSON event (Compose 2.36 and later, where COMPOSE_PROGRESS=json is understood)."""
        text = _ANSI.sub("", raw.decode("utf-8", "replace")).strip()
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
            self._fold(text)

    def _fold(self, text: str) -> None:
        if pull := _PULL.match(text):
            if pull[2] == "Pulling":
                self._pulling[pull[1]] = None
            else:
                self._pulling.pop(pull[1], None)
        elif step := _STEP.match(text):
            self._step = step[1]
        elif text.startswith("Container "):
            self.starting = True
            self.made += text.endswith(("Created", "Recreated"))

    @property
    def activity(self) -> str:
        """What is being pulled or built right now; empty when nothing is."""
        if self._pulling:
            return f"pulling {', '.join(self._pulling)}"
        return f"building {self._step}" if self._step and not self.starting else ""

    @property
    def pulled(self) -> tuple[float, float]:
        """The bytes that are here and those there will be, of the layers Compose has told of; zeros when of none."""
        layers = self._layers.values() if self._pulling else ()
        return sum(here for here, _ in layers), sum(whole for _, whole in layers)


def _event(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        return dict(json.loads(text))
    except (ValueError, RecursionError):
        return None
