"""Keeps calls away from addresses that are nobody's business but the operator's.

A URL may come from a user, a model or a vendor's answer. Only the hosts and ports of configured base URLs
may be private; anything else must resolve to public addresses, and exactly those are connected to.
"""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from mindbot.domain.errors import Forbidden

#: Host and port of the configured base URLs.
Allowed = set[tuple[str, int]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LONGEST_SHOWN = 24


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


class GuardedResolver(ThreadedResolver):
    """Resolves names in the loop's threads and drops private answers, whatever the name says."""

    def __init__(self, allowed: Allowed) -> None:
        super().__init__()
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if (host, port) in self._allowed:
            return found
        public = [each for each in found if is_public(each["host"])]
        if not public:
            raise _refused(host)
        return public


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
