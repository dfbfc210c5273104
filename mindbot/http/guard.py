"""Keeps calls away from addresses that are nobody's business but the operator's.

A URL may come from a user, a model or a vendor's answer. Only the hosts and ports of configured base URLs
may be private; anything else must resolve to public addresses, and exactly those are connected to.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from anyio import getaddrinfo, move_on_after
from yarl import URL

from mindbot.domain.errors import Forbidden

#: Host and port of the configured base URLs.
Allowed = set[tuple[str, int]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LONGEST_SHOWN = 24
_LOOKUP = 2.0  # seconds a name may take to resolve before it counts as unknown here


def is_public(address: str) -> bool:
    """Tell whether an IP address, also one wrapped in IPv6, is on the public internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def check(url: URL, allowed: Allowed) -> None:
    """Refuse a URL whose host is a private address, written as one, or that is no HTTP.

    Raises:
        Forbidden: names are left to `GuardedResolver`, addresses are decided here.
    """
    if url.scheme not in ("http", "https"):  # aiohttp knows ws and tcp as well
        raise Forbidden(f"{url.scheme}: is no way to call a vendor", hint="http and https alone are")
    host = url.raw_host
    if host is None or (host, url.port) in allowed:
        return
    try:
        public = is_public(host)
    except ValueError:  # a name
        return
    if not public:
        raise _refused(host)


async def check_name(url: URL, allowed: Allowed) -> None:
    """Refuse a name that means a private address here, for a call that a proxy will resolve.

    What nobody here knows is the proxy's to decide: behind some proxies no name of the internet resolves.
    Such a name must at least have a dot: a bare one is of this network.

    Raises:
        Forbidden: any of its addresses is private.
    """
    host, port = url.raw_host or "", url.port or 0
    if (host, port) in allowed:
        return
    found: list[str] = []
    with move_on_after(_LOOKUP), suppress(OSError):
        # Of both kinds, also where this machine has but one: the proxy may have the other.
        found = [str(address[0]) for *_, address in await getaddrinfo(host, port)]
    if not all(map(is_public, found)) or (not found and "." not in host.rstrip(".")):
        raise _refused(host)


class GuardedResolver(ThreadedResolver):
    """Resolves names in the loop's threads and drops private answers, whatever the name says.

    ``allowed`` may have any address; so may ``ways``, the proxies.
    """

    def __init__(self, allowed: Allowed, ways: Allowed | None = None) -> None:
        super().__init__()
        self._allowed = allowed
        self._ways = ways or set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if (host, port) in self._allowed or (host, port) in self._ways:
            return found
        public = [each for each in found if is_public(each["host"])]
        if not public:
            raise _refused(host)
        return public


def endpoint(base_url: str, path: str) -> str:
    """Return the address of one call: the base URL's path, this one, and the base URL's query."""
    base, mark, query = base_url.partition("?")
    return base.rstrip("/") + path + mark + query


def safe_target(url: str) -> str:
    """Return scheme, host and path for people to read: no user info, no query, no token-like segments.

    Robot webhooks carry their secret as a long path segment, so long segments are cut.
    """
    try:
        parsed = URL(url)
    except ValueError:
        return "(an unusable URL)"
    if not parsed.raw_host:
        return "(a URL without a host)"
    port = "" if parsed.is_default_port() else f":{parsed.port}"
    path = "/".join(
        part if len(part) <= _LONGEST_SHOWN else part[:4] + "…" for part in parsed.raw_path.split("/")
    )
    return f"{parsed.scheme}://{parsed.host_subcomponent}{port}{path}"


def _refused(host: str) -> Forbidden:
    return Forbidden(f"{host} is a private address", hint="only hosts of configured base URLs may be private")
