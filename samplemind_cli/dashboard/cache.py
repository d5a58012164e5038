"""The answer cache: what it holds, which answers are given most and are largest, and how to be rid of them."""

import logging
from typing import Any

from samplemind_cli.ai.cache import Cache
from samplemind_cli.ai.cache.removal import Removal
from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.work import waited
from samplemind_cli.formats.fields import document
from samplemind_cli.ledger import repeats
from samplemind_cli.ledger.clearing import ClearWish, facts
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings

log = logging.getLogger(__name__)
SHOWN = 20  # answers of each list


class Entries:
    """What `samplemind cache` says and does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = Ledger(settings)

    async def answer(self, _: Incoming) -> Reply:
        """Both tiers, and the answers in them that matter most."""
        return as_json(await waited(self._told))

    async def clear(self, incoming: Incoming) -> Reply:
        """Remove the answers that the body's fields choose, as `samplemind cache clear` does; without any all."""
        fields = document(incoming.body)
        wish = ClearWish(*(fields.get(name, str) or "" for name in ClearWish._fields))
        return as_json(await waited(lambda: self._cache().clear(Removal(**facts(self._settings, wish)))))

    def _told(self) -> dict[str, Any]:
        cache = self._cache()
        largest = cache.largest(SHOWN)
        with self._ledger.open() as connection:
            used = repeats.most_used(connection, SHOWN)
            prompts = repeats.prompts(connection, [key for key, _ in largest])
        sizes = [{"key": key, "bytes": size, "prompt": prompts.get(key)} for key, size in largest]
        return {"cache": self._settings.cache, **cache.stats(), "used": used, "largest": sizes}

    def _cache(self) -> Cache:
        return Cache(self._settings, log.warning)
