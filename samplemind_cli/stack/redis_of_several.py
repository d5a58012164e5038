"""Whether a Sentinel's master or a Cluster answers, which only redis-py can ask."""

from typing import Literal

from samplemind_cli.settings import Settings


def reached(settings: Settings) -> tuple[Literal["ok", "warn", "fail"], str, str]:
    """The verdict, its reason and the fix, as `doctor` has them."""
    from samplemind_cli.ai.cache import Cache

    wrong: list[str] = []
    found = Cache(settings, wrong.append).stats()["redis"]
    if found is None:
        return "fail", wrong[0], "correct SAMPLEMIND_REDIS_URL"
    if found["reachable"]:
        return "ok", f"Redis answers at {found['url']}", ""
    return "warn", found["reason"], "start it, or fix SAMPLEMIND_REDIS_URL"
