"""Reads a JSON object from a client: each field has a type, and a wrong one is a 400 that names it."""

import json
from collections.abc import Container
from typing import Any, TypeVar

import orjson

T = TypeVar("T")
_NAMES = {str: "a string", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}


class BadRequestError(Exception):
    """An invalid request: the message, a code, and the field (`param`); reported in the client's format."""

    def __init__(self, message: str, code: str = "invalid_value", param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.status = status


def document(body: bytes) -> "Fields":
    """A request's body as an object; integers may exceed 64 bits, as JSON allows. Raises BadRequestError."""
    try:
        value = orjson.loads(body)
    except ValueError as error:
        value = _slowly(body, error)
    if not isinstance(value, dict):
        raise BadRequestError("the body is not a JSON object", "invalid_json")
    return Fields(value)


def _slowly(body: bytes, error: ValueError) -> Any:
    """Parse what orjson refuses and JSON allows, such as large integers; but lone surrogates could not be sent on."""

    def refused(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    try:
        value = json.loads(body, parse_constant=refused)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadRequestError(f"the body is not JSON: {error}", "invalid_json") from None
    return value


class Fields:
    """An object's fields; null counts as absent, as OpenAI's clients send it."""

    def __init__(self, value: dict[str, Any], where: str = "") -> None:
        self._value = value
        self._where = where

    def name(self, key: str) -> str:
        """The full name of a field, as in an error's `param`."""
        return f"{self._where}.{key}" if self._where else key

    def wrong(self, key: str, why: str, code: str = "invalid_value") -> BadRequestError:
        """The error about a field."""
        return BadRequestError(f"{self.name(key)} {why}", code, self.name(key))

    def get(self, key: str, kind: type[T]) -> T | None:
        """A field of this type, or None. Raises BadRequestError."""
        value = self._value.get(key)
        if value is None or type(value) is kind:
            return value
        raise self.wrong(key, f"must be {_NAMES[kind]}")

    def need(self, key: str, kind: type[T]) -> T:
        """A required field. Raises BadRequestError."""
        value = self.get(key, kind)
        if value is None:
            raise self.wrong(key, "is required")
        return value

    def number(self, key: str, least: float, most: float) -> float | None:
        """A number within bounds, or None. Raises BadRequestError."""
        value = self._value.get(key)
        if value is None:
            return None
        if type(value) not in (int, float) or not least <= value <= most:
            raise self.wrong(key, f"must be a number from {least:g} to {most:g}")
        return float(value)

    def whole(self, key: str, least: int = 1, most: int = 2**31 - 1) -> int | None:
        """A whole number within bounds, or None; 5.0 is one. Raises BadRequestError."""
        given = self._value.get(key)
        value = int(given) if isinstance(given, float) and given.is_integer() else self.get(key, int)
        if value is not None and not least <= value <= most:
            raise self.wrong(key, f"must be a whole number from {least} to {most}")
        return value

    def one_of(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of the choices, or the default. Raises BadRequestError."""
        value = self.get(key, str)
        value = default if value is None else value
        if value not in choices:
            raise self.wrong(key, f"must be one of {', '.join(choices)}")
        return value

    def json_text(self, key: str) -> str:
        """JSON text, or an object as its text; an empty one when it is absent."""
        value = self._value.get(key)
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return self.get(key, str) or ""

    def json_object(self, key: str) -> dict[str, Any]:
        """An object, or the JSON text of one; an empty one when it is absent."""
        value = self._value.get(key)
        if isinstance(value, str):
            try:
                value = json.loads(value or "{}")
            except (ValueError, RecursionError):
                raise self.wrong(key, "must be an object") from None
        return self.instead({key: value}).get(key, dict) or {}

    def inner(self, key: str) -> "Fields":
        """The object in a field; an empty one if it is absent. Raises BadRequestError."""
        return Fields(self.get(key, dict) or {}, self.name(key))

    def items(self, key: str) -> list["Fields"]:
        """The objects in a list; none if it is absent. Raises BadRequestError."""
        values = self.get(key, list) or []
        for n, value in enumerate(values):
            if not isinstance(value, dict):
                raise self.wrong(f"{key}[{n}]", "must be an object")
        return [Fields(value, self.name(f"{key}[{n}]")) for n, value in enumerate(values)]

    def parts(self, key: str) -> list["Fields"]:
        """The parts in a list, or one alone; a text among them is a part, too. Raises BadRequestError."""
        given = self._value.get(key)
        several = given if isinstance(given, list) else [given] if isinstance(given, dict) else []
        parts = [{"type": "text", "text": one} if isinstance(one, str) else one for one in several]
        return self.instead({key: parts}).items(key)

    def instead(self, value: dict[str, Any]) -> "Fields":
        """Another object in this one's place, as errors name it."""
        return Fields(value, self._where)

    def others(self, known: Container[str], inside: str = "") -> dict[str, Any]:
        """Every field that is not `known`; with dotted names if the object is `inside` another one."""
        before = f"{inside}." if inside else ""
        return {f"{before}{key}": value for key, value in self._value.items() if key not in known and value is not None}

    @property
    def raw(self) -> dict[str, Any]:
        """The object itself."""
        return self._value


def function_tool(fields: Fields) -> dict[str, Any]:
    """A tool as OpenAI's and Ollama's clients declare it, or as responses have it. Raises BadRequestError."""
    fields.one_of("type", ("function",), "function")
    if is_flat(fields.raw):
        said = {name: fields.raw[name] for name in _FLAT if name in fields.raw}
        fields = fields.instead({**fields.others(_FLAT), "function": said})
    function = fields.inner("function")
    function.need("name", str)
    function.get("description", str)
    function.get("parameters", dict)
    return {"type": "function", **{name: value for name, value in fields.raw.items() if value is not None}}


def is_flat(tool: dict[str, Any]) -> bool:
    """Whether a function stands in a tool without an object of its own."""
    return "function" not in tool and "name" in tool


_FLAT = ("name", "description", "parameters", "strict")
