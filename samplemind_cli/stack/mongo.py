"""MongoDB's serverStatus, by its own driver, which the extra `mongo` installs."""

from typing import Any

INSTALL = "pip install 'samplemind-cli[mongo]'"
LONGEST = 300  # characters of a reason


def server_status(address: tuple[str, int], timeout: float, whole: float = 3.0) -> dict[str, Any]:
    """The server's response to serverStatus: `timeout` seconds to connect, `whole` for all of it.

    Raises OSError if there is none, ModuleNotFoundError without pymongo.
    """
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    host, port = address
    limit = max(1, round(timeout * 1000))
    client: MongoClient[dict[str, Any]]
    try:
        with MongoClient(
            host, port, directConnection=True,
            connectTimeoutMS=limit, serverSelectionTimeoutMS=limit, timeoutMS=round(whole * 1000),
        ) as client:  # fmt: skip
            return client.admin.command("serverStatus")
    except PyMongoError as error:  # the rest of the message is the driver's own state
        raise OSError(str(error).partition(" (configured timeouts")[0].partition(", ")[0][:LONGEST]) from error
