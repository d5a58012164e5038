"""What a request's query says, each part checked."""

from urllib.parse import parse_qs

from samplemind_cli.server.message import HttpError, Incoming

LONGEST = 1000  # characters of one value


class Query:
    """The parts of a query by name; of several with one name the last counts."""

    def __init__(self, incoming: Incoming) -> None:
        try:
            found = parse_qs(incoming.query, max_num_fields=50)
        except ValueError as error:
            raise HttpError(400, "the query has too many parameters", "invalid_value") from error
        self._parts = {name: values[-1] for name, values in found.items()}

    def text(self, name: str) -> str:
        """A part as it is; "" where it is not given."""
        value = self._parts.get(name, "")
        if len(value) > LONGEST or "\0" in value:
            raise HttpError(400, f"{name} is too long or contains a NUL", "invalid_value", param=name)
        return value

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within bounds; None where it is not given."""
        value = self._parts.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) < 16 and least <= int(value) <= most):  # noqa: PLR2004 - digits
            raise HttpError(400, f"{name} must be a whole number from {least} to {most}", "invalid_value", param=name)
        return int(value)

    def one_of(self, name: str, words: tuple[str, ...], otherwise: str) -> str:
        """One of these words."""
        value = self._parts.get(name, otherwise)
        if value not in words:
            raise HttpError(400, f"{name} must be one of: {', '.join(words)}", "invalid_value", param=name)
        return value
