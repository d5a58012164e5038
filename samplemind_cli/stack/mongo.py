"""MongoDB's serverStatus, through its own driver, which the extra `mongo` installs."""

from typing import Any

INSTALL = "pip install 'samplemind-cli[mongo]'"


def server_status(address: tuple[str, int], timeout: float) -> dict[str, Any]:
    """The server's answer to serverStatus. Raises OSError without one, ModuleNotFoundError without pymongo."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    host, port = address
    limit = max(1, round(timeout * 1000))
    client: MongoClient[dict[str, Any]]
    try:
        with MongoClient(
            host, port, directConnection=True,
            connectTimeoutMS=limit, serverSelectionTimeoutMS=limit, socketTimeoutMS=limit,
        ) as client:  # fmt: skip
            return client.admin.command("serverStatus")
    except PyMongoError as error:  # what follows is the driver's own state
        raise OSError(str(error).partition(" (configured timeouts")[0].partition(", ")[0]) from error
