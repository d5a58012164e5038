"""The level of a log line, in any of the usual notations."""

import json
import re
from typing import Any

LEVELS = ("debug", "info", "warning", "error", "fatal")

_WORDS = {
    **dict.fromkeys(("trace", "verbose", "debug", "dbug", "dbg", "d1", "d2", "d3", "d4", "d5", "d", ".", "-"), "debug"),
    **dict.fromkeys(("info", "information", "informational", "notice", "log", "i", "*"), "info"),
    **dict.fromkeys(("warn", "warning", "wrn", "w", "#"), "warning"),
    **dict.fromkeys(("error", "eror", "err", "severe", "fail", "e"), "error"),
    **dict.fromkeys(("fatal", "critical", "crit", "panic", "emerg", "emergency", "alert", "f"), "fatal"),
}
_NAMED = "trace|debug|info|notice|warn|warning|error|err|fatal|critical|crit|panic|emerg|alert"
_LEVEL = re.compile(
    rf"\b(?:level|lvl|severity)=[\"']?(\w+)|\[({_NAMED}|{_NAMED.upper()})\]|^\W*(?i:({_NAMED}|fail|dbug)!?):|\b({_NAMED.upper()})\b"
    r"|^\d+:[XCSM] .{20,30} ([.*#-]) "  # Redis: role, date, then a sign for the level
    r"|^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ "  # klog and glog: level, month and day, time
    r"|^(fatal)(?: error)?: "  # Go's runtime, git
    r"|^(error)(?: [A-Z]+\d+|\[E\d+\]): "  # tsc, MSBuild, rustc
    r"|^thread '.*' (panic)ked at "  # Rust
)
_STATUS = re.compile(r"\| (\d{3}) \|")  # Ollama's request log
_RAISED = re.compile(
    r"Traceback \(most recent|Exception in thread "
    r"|[\w.]+(?:Error|Exception)\b|(?:Uncaught )?(?:Error|Exception)(?=[:\s]*$|:| \[)"
)

# The fields of JSON lines that hold it, in any case: most libraries, python-json-logger, ECS, OpenTelemetry, Serilog,
# .NET, MongoDB's `s` (https://www.mongodb.com/docs/manual/reference/log-messages/).
_KEYS = ("level", "levelname", "log.level", "severity", "severity_text", "severitytext", "lvl", "@l", "loglevel", "s")
# pino and bunyan number them (https://getpino.io/#/docs/api?id=logger-level).
_NUMBERS = ((60, "fatal"), (50, "error"), (40, "warning"), (30, "info"), (10, "debug"))


def level_of(message: str) -> str:
    """One of LEVELS, from JSON, logfmt, klog, Redis' signs, a request's status or a level's name; empty if unknown."""
    if message.startswith("{"):
        return _in_json(message)
    if match := _LEVEL.search(message[:160]):
        return _WORDS.get(match[match.lastindex or 0].lower(), "")
    if match := _STATUS.search(message[:80]):
        return {"4": "warning", "5": "error"}.get(match[1][0], "info")
    return "error" if _RAISED.match(message) else ""


def _in_json(message: str) -> str:
    try:
        record: Any = json.loads(message)
    except (ValueError, RecursionError):
        return ""
    record = {key.lower(): value for key, value in record.items()}
    nested = record.get("log")
    values = [record.get(key) for key in _KEYS] + [nested.get("level") if isinstance(nested, dict) else None]
    return next((level for value in values if (level := _of_value(value))), "")


def _of_value(value: Any) -> str:
    if isinstance(value, str) and not value.isdecimal():
        return _WORDS.get(value.lower(), "")
    value = float(value) if isinstance(value, str) else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return next((level for least, level in _NUMBERS if value >= least), "")
    return ""
