"""Bots in each other's way: one customer answered twice, one connection for two, one port taken twice.

Only what the configuration itself shows: two references may lead to one secret, and two enterprises' names to
one address, without anybody seeing it here. What two bots of a platform must not share its settings say
(`BotSettings.clash`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from mindbot.config import tree
from mindbot.config.tree import Finding, Node

if TYPE_CHECKING:
    from mindbot.config.bots import BotSettings
    from mindbot.config.checks import Findings
    from mindbot.config.model import Config

#: What is bound for hosts that are no addresses.
_ALL, _LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104 - nothing is bound here


@dataclass(frozen=True, slots=True)
class _Bot:
    """An enabled bot and where it is written."""

    platform: str
    settings: BotSettings
    node: Node

    def __str__(self) -> str:
        return f"{self.platform}/{self.settings.name}"


def clashes(root: Node, config: Config, found: Findings) -> None:
    """Refuse bots that would take each other's messages or port; warn of one application used twice."""
    for platform in config.platforms:
        for one, other in combinations(_bots(root, config, platform), 2):
            if clash := one.settings.clash(other.settings):
                told = found.problems if clash.refused else found.warnings
                told.append(_both(one, other, clash.what, clash.mend))
    _ports(root, config, found)


def _bots(root: Node, config: Config, platform: str) -> Iterator[_Bot]:
    for n, settings in enumerate(config.bots_of(platform)):
        if settings.enabled:
            yield _Bot(platform, settings, tree.find(root, (platform, n))[0])


def _both(one: _Bot, other: _Bot, what: str, mend: str) -> Finding:
    return Finding(other.node.origin, f"{other} and {one} (at {one.node.origin}) {what}. {mend}")


def _ports(root: Node, config: Config, found: Findings) -> None:
    """Refuse two hosts of one port of which one includes the other: it can be bound once."""
    by_port: dict[int, dict[str, _Bot]] = {}
    for platform in config.platforms:
        for bot in _bots(root, config, platform):
            if (place := bot.settings.listens()) is not None:
                by_port.setdefault(place[1], {}).setdefault(place[0], bot)
    for port, hosts in by_port.items():
        for (host, one), (host_, other) in combinations(hosts.items(), 2):
            if _overlap(host, host_):
                what = (
                    f"want port {port} on {host_ or _ALL} and {host or _ALL}, of which one includes the other"
                )
                found.problems.append(_both(one, other, what, "Give all bots of a port one `host`"))


def _overlap(one: str, other: str) -> bool:
    """Whether two hosts have an address in common, as far as can be said without looking names up.

    `::` takes IPv4's addresses as well (ipv6(7): ``bindv6only`` is off by default).
    """
    a, b = _address(one), _address(other)
    if a is None or b is None:
        return False
    return a == b or any(x.is_unspecified and x.version >= y.version for x, y in ((a, b), (b, a)))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(_LOOPBACK if host.lower() == "localhost" else host or _ALL)
    except ValueError:
        return None  # a name
