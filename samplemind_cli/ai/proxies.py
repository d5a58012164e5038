"""The environment's proxy for an address."""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from samplemind_cli.ai.router import is_loopback, shown


def of(url: str) -> str:
    """The proxy for a URL, with its credentials; empty where there is none. This machine is always reached directly."""
    target, proxies = urlsplit(url), getproxies()
    if (target.scheme == "http" and is_loopback(url)) or proxy_bypass(urlsplit(shown(url)).netloc):
        return ""
    proxy = proxies.get(target.scheme) or proxies.get("all", "")
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def check_ports() -> None:
    """Raise ValueError for a proxy's invalid port, which httpx notices only when it connects."""
    for scheme, proxy in getproxies().items():
        if scheme in ("http", "https", "all") and urlsplit(proxy if "://" in proxy else f"//{proxy}").port == 0:
            raise ValueError(proxy)
