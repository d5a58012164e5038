"""Redis's address: parses redis-py's URLs without redis-py, and those of Sentinel and Cluster."""

from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

SERVER, SENTINEL = 6379, 26379  # ports


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis server and database. `str()` of it shows no password.

    `redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DATABASE` names the sentinels of a master, `redis+cluster://HOST:PORT,…`
    some nodes of a Cluster; both are in `nodes`. With `rediss` all of them speak TLS.
    """

    host: str = "localhost"
    port: int = 6379
    path: str = ""  # of a unix socket, instead of host and port
    tls: bool = False
    database: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    kind: Literal["server", "sentinel", "cluster"] = "server"
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_password: str = field(default="", repr=False)

    @classmethod
    def read(cls, url: str) -> Self:
        """Parse a URL of one server, Sentinel or Cluster. Raises ValueError, which never quotes the URL."""
        if "+" in url.partition(":")[0]:
            return cls._of_several(url)
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

    @classmethod
    def _of_several(cls, url: str) -> Self:
        try:
            parts = urlsplit(url)
            scheme, _, kind = parts.scheme.partition("+")
            who, _, where = parts.netloc.rpartition("@")
            user, _, password = who.partition(":")
            nodes = tuple(_node(place, SENTINEL if kind == "sentinel" else SERVER) for place in where.split(","))
            service, _, database = parts.path.strip("/").partition("/")
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            number = int(database or 0)
        except ValueError:
            raise ValueError("it is not a Redis URL") from None
        if scheme not in ("redis", "rediss") or kind not in ("sentinel", "cluster"):
            raise ValueError("a Redis URL for several nodes begins with redis+sentinel:// or redis+cluster://")
        if bool(service) != (kind == "sentinel"):
            raise ValueError("a Sentinel URL ends with the service's name, and a Cluster URL has none")
        return cls(
            host=nodes[0][0], port=nodes[0][1], tls=scheme == "rediss", database=number, kind=kind,  # type: ignore[arg-type]
            user=unquote(user), password=unquote(password), nodes=nodes, service=service,
            sentinel_password=query.get("sentinel_password", ""),
        )  # fmt: skip

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
        scheme = f"redis{'s' * self.tls}"
        if self.kind == "server":
            return f"{scheme}://{_place(self.host, self.port)}/{self.database}"
        where = ",".join(_place(host, port) for host, port in self.nodes)
        return f"{scheme}+{self.kind}://{where}" + (f"/{self.service}/{self.database}" if self.service else "")


def _node(place: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{place}")
    if not parts.hostname:
        raise ValueError(place)
    return parts.hostname, parts.port or port


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
