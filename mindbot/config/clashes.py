"""Bots in each other's way: one customer answered twice, one connection for two, one port taken twice.

Only what the configuration itself shows: two references may lead to one secret, and two enterprises' names to
one address, without anybody seeing it here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from mindbot.config import tree
from mindbot.config.tree import Finding, Node

if TYPE_CHECKING:
    from mindbot.config.checks import Findings
    from mindbot.config.model import Config
    from mindbot.config.vendors import WeComCsSettings, WeComSettings

#: Sections whose bots WeCom calls back.
_CALLED = ("wecom", "wecomcs", "wecombot")
#: What is bound for hosts that are no addresses.
_ALL, _LOOPBACK = "0.0.0.0", "127.0.0.1"  # noqa: S104 - nothing is bound here


@dataclass(frozen=True, slots=True)
class _Bot:
    """An enabled bot and where it is written."""

    platform: str
    settings: Any
    node: Node

    def __str__(self) -> str:
        return f"{self.platform}/{self.settings.name}"


def clashes(root: Node, config: Config, found: Findings) -> None:
    """Refuse bots that would take each other's messages or port; warn of one application used twice."""
    for one, other in _same(root, config, "dingtalk", lambda b: (b.client_id, b.api_base_url)):
        what = (
            f"are one app (client_id {other.settings.client_id}): DingTalk gives each a part of the messages"
        )
        found.problems.append(_both(one, other, what, "Remove one, or give it an app of its own"))
    for one, other in _same(root, config, "wecombot", _connection):
        what = f"are one AI bot (bot_id {other.settings.bot_id}): each connection puts the other out"
        found.problems.append(_both(one, other, what, "Remove one, or give it a bot of its own"))
    for one, other in _same(root, config, "wecomcs", lambda b: (b.corpid, b.api_base_url)):
        if what := _shared_accounts(one.settings, other.settings):
            mend = "Give each its own accounts in `open_kfids`, or remove one"
            found.problems.append(_both(one, other, f"{what}: both would answer every customer", mend))
    for one, other in _same(root, config, "wecom", lambda b: (b.corpid, b.api_base_url)):
        if what := _shared_application(one.settings, other.settings):
            what += ": an application has one callback URL, so one of them hears nothing"
            found.warnings.append(_both(one, other, what, "Remove one, unless it only writes to people"))
    _ports(root, config, found)


def _bots(root: Node, config: Config, platform: str) -> Iterator[_Bot]:
    for n, settings in enumerate(getattr(config, platform)):
        if settings.enabled:
            yield _Bot(platform, settings, tree.find(root, (platform, n))[0])


def _same(
    root: Node, config: Config, platform: str, key: Callable[[Any], Hashable | None]
) -> Iterator[tuple[_Bot, _Bot]]:
    """Yield each two bots of a platform that have the same key; None is no key."""
    for one, other in combinations(_bots(root, config, platform), 2):
        shared = key(one.settings)
        if shared is not None and shared == key(other.settings):
            yield one, other


def _connection(bot: Any) -> Hashable | None:
    return (bot.bot_id, bot.ws_url) if bot.mode == "connection" else None


def _shared_accounts(one: WeComCsSettings, other: WeComCsSettings) -> str:
    """Say which accounts of an enterprise two bots serve; no list means all of them."""
    shared = sorted(set(one.open_kfids) & set(other.open_kfids))
    if shared:
        return f"serve the same accounts ({', '.join(shared)})"
    if one.open_kfids and other.open_kfids:
        return ""
    return f"serve the same accounts (all of {one.corpid}, where `open_kfids` is empty)"


def _shared_application(one: WeComSettings, other: WeComSettings) -> str:
    if one.agent_id is not None and one.agent_id == other.agent_id:
        return f"are one application (agent_id {one.agent_id})"
    return "are one application (the same secret)" if one.secret == other.secret else ""


def _both(one: _Bot, other: _Bot, what: str, mend: str) -> Finding:
    return Finding(other.node.origin, f"{other} and {one} (at {one.node.origin}) {what}. {mend}")


def _ports(root: Node, config: Config, found: Findings) -> None:
    """Refuse two hosts of one port of which one includes the other: it can be bound once."""
    by_port: dict[int, dict[str, _Bot]] = {}
    for platform in _CALLED:
        for bot in _bots(root, config, platform):
            if platform != "wecombot" or bot.settings.mode == "webhook":
                by_port.setdefault(bot.settings.port, {}).setdefault(bot.settings.host, bot)
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
