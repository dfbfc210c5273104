"""What people are shown of a bot: the same facts in the command line and the console."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mindbot.api.models import PlatformView

#: Numbers under these names are times, in Unix seconds.
_TIMES = frozenset({"since", "until", "pulled", "last", "at", "expires"})
#: Labels of `facts`, beside those that platforms bring.
LABELS = (
    *("state", "reason", "find out", "start it", "messages", "sent", "last failure", "callback"),
    *("connections", "accounts", "details"),
)
_EPOCH = 1e9  # a smaller number is no time of ours


def ago(seconds: float) -> str:
    """Return a duration in words, in its largest unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(seconds, 0))} s"


def links(bot: PlatformView) -> str:
    """Return how many connections or accounts are up, as ``1/2``; empty where a bot has neither."""
    connections = _rows(bot, "connections")
    if connections:
        return f"{sum(each.get('state') == 'connected' for each in connections)}/{len(connections)}"
    accounts = _rows(bot, "accounts")
    if accounts:
        return f"{sum(not each.get('error') for each in accounts)}/{len(accounts)}"
    return ""


def _rows(bot: PlatformView, name: str) -> list[Mapping[str, Any]]:
    found = bot.details.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def facts(bot: PlatformView, now: float) -> Iterator[tuple[str, str]]:
    """Yield what is known of a bot, as labels and texts; ``now`` is Unix seconds.

    An empty label goes on with the one before.
    """
    since = f" for {ago(now - bot.since)}, since {_clock(bot.since, now)}" if bot.since else ""
    yield "state", f"{bot.state}{since}"
    if bot.reason:
        yield "reason", bot.reason
    if bot.state in ("failed", "degraded") and "test" in bot.abilities:
        yield "find out", f"mindbot platform test {bot.platform}/{bot.bot}"
    if bot.state == "stopped":
        yield "start it", f"mindbot platform start {bot.platform}/{bot.bot}"
    t = bot.traffic
    repeats = f", {t.duplicates} repeats" if t.duplicates else ""
    yield "messages", f"{t.received}{repeats}{_last(t.last_message, now)}"
    more = [
        f"{n} {what}" for n, what in ((t.waiting, "waiting"), (t.retried, "retried"), (t.dead, "dead")) if n
    ]
    yield "sent", f"{', '.join([str(t.sent), *more])}{_last(t.last_sent, now)}"
    if t.error:
        yield "last failure", f"{ago(now - t.failed)} ago: {t.error}"
    if bot.callback:
        yield "callback", f"{bot.callback}, listening on {bot.listen}"
    single = {name: value for name, value in bot.details.items() if not isinstance(value, list)}
    for name, value in bot.details.items():
        if name not in single:
            yield from _list(_words(name), value, now)
    if single:
        yield "details", _line(single, now)


def _last(when: float, now: float) -> str:
    return f", the last {ago(now - when)} ago" if when else ""


def _list(name: str, values: Sequence[object], now: float) -> Iterator[tuple[str, str]]:
    if not values:
        yield name, "none"
    for n, each in enumerate(values):
        yield "" if n else name, _line(each, now) if isinstance(each, Mapping) else str(each)


def _line(row: Mapping[str, Any], now: float) -> str:
    """Return one connection, account, … on a line: what it is first, then its numbers by name."""
    said: list[str] = []
    for name, value in row.items():
        if value in ("", None):
            continue
        if isinstance(value, str) and not said:  # the first one is what it is about
            said.append(value)
        elif name == "since" and isinstance(value, float) and said:
            said[0] += f" for {ago(now - value)}"
        else:
            said.append(f"{_words(name)} {_said(name, value, now)}")
    return ", ".join(said)


def _said(name: str, value: object, now: float) -> str:
    if isinstance(value, Mapping):
        return _line(value, now) or "none"
    if isinstance(value, float) and name in _TIMES:
        if value == 0:
            return "never"
        return f"{ago(now - value)} ago" if now >= value > _EPOCH else f"{value:g}"
    return str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _clock(then: float, now: float) -> str:
    today = time.localtime(then)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", time.localtime(then))
