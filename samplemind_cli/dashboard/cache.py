"""The answer cache: its contents, the answers used most and the largest, and removing answers."""

import logging
from typing import Any

from samplemind_cli.ai.cache import Cache
from samplemind_cli.ai.cache.removal import Removal
from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import waited
from samplemind_cli.formats.fields import document
from samplemind_cli.ledger.clearing import ClearRequest, removal_fields
from samplemind_cli.ledger.log import most_used, prompts
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings

log = logging.getLogger(__name__)
SHOWN = 20  # answers of each list


class Entries:
    """Does what `samplemind cache` does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger(settings)

    async def answer(self, _: Incoming) -> Reply:
        """Both tiers, the answers used most, and the largest."""
        return as_json(await waited(self._contents))

    async def clear(self, incoming: Incoming) -> Reply:
        """Remove the answers that the body's fields choose, as `samplemind cache clear` does; all without fields."""
        fields = document(incoming.body)
        request = ClearRequest(*(fields.get(name, str) or "" for name in ClearRequest._fields))
        return as_json(await waited(lambda: self._cache().clear(Removal(**removal_fields(self._settings, request)))))

    def _contents(self) -> dict[str, Any]:
        cache = self._cache()
        largest = cache.largest(SHOWN)
        with self._ledger.open() as connection:
            used = most_used(connection, SHOWN)
            by_key = prompts(connection, [key for key, _ in largest])
        sizes = [{"key": key, "bytes": size, "prompt": by_key.get(key)} for key, size in largest]
        return {"cache": self._settings.cache, **cache.stats(), "used": used, "largest": sizes}

    def _cache(self) -> Cache:
        return Cache(self._settings, log.warning)
