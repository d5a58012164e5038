"""The parameters of a request's query string, checked."""

from urllib.parse import parse_qs

from samplemind_cli.server.message import HttpError, Incoming

LONGEST = 1000  # characters of one value


class Query:
    """Parameters by name; of several with one name the last counts. Its methods raise HttpError."""

    def __init__(self, incoming: Incoming) -> None:
        try:
            parameters = parse_qs(incoming.query, max_num_fields=50)
        except ValueError as error:
            raise HttpError(400, "the query has too many parameters", "invalid_value") from error
        self._parts = {name: values[-1] for name, values in parameters.items()}

    def text(self, name: str) -> str:
        """A parameter as it is; "" if not given."""
        value = self._parts.get(name, "")
        if len(value) > LONGEST or "\0" in value:
            raise HttpError(400, f"{name} is too long or contains a NUL", "invalid_value", param=name)
        return value

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number from `least` to `most`; None if not given."""
        value = self._parts.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) < 16 and least <= int(value) <= most):  # noqa: PLR2004 - digits
            raise HttpError(400, f"{name} must be a whole number from {least} to {most}", "invalid_value", param=name)
        return int(value)

    def one_of(self, name: str, words: tuple[str, ...], otherwise: str) -> str:
        """One of `words`; `otherwise` if not given."""
        value = self._parts.get(name, otherwise)
        if value not in words:
            raise HttpError(400, f"{name} must be one of: {', '.join(words)}", "invalid_value", param=name)
        return value
