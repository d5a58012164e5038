"""Where Redis is: the URL that redis-py understands, read without it."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis server and database. `str()` of it shows no password."""

    host: str = "localhost"
    port: int = 6379
    path: str = ""  # of a unix socket, instead of host and port
    tls: bool = False
    database: int = 0
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def read(cls, url: str) -> Self:
        """From redis://, rediss:// or unix://. Raises ValueError, which never quotes the URL."""
        try:
            parts = urlsplit(url)
            port = parts.port or 6379
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            in_path = parts.path.strip("/") if parts.scheme != "unix" else ""
            database = int(query.get("db") or in_path or 0)
        except ValueError:
            raise ValueError("it is not a Redis URL") from None
        if parts.scheme not in ("redis", "rediss", "unix") or (parts.scheme == "unix" and not parts.path):
            raise ValueError("a Redis URL begins with redis://, rediss:// or unix:///")
        return cls(
            host=parts.hostname or "localhost",
            port=port,
            path=unquote(parts.path) if parts.scheme == "unix" else "",
            tls=parts.scheme == "rediss",
            database=database,
            user=unquote(parts.username or "") or query.get("username", ""),
            password=unquote(parts.password or "") or query.get("password", ""),
        )

    def handshake(self) -> list[tuple[bytes, ...]]:
        """The commands that open a session: AUTH and SELECT where they are needed."""
        commands: list[tuple[bytes, ...]] = []
        if self.password:
            user = [self.user.encode()] if self.user else []
            commands.append((b"AUTH", *user, self.password.encode()))
        if self.database:
            commands.append((b"SELECT", b"%d" % self.database))
        return commands

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' * self.tls}://{host}:{self.port}/{self.database}"
