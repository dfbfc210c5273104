"""What people are shown of a bot: the same facts in the command line and the console.

Texts are put together from whole pieces, which the console has in another language as well.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mindbot.api.models import BotMinutes, PlatformView, TurnView
from mindbot.domain.saying import Say as Say
from mindbot.domain.saying import ago as ago
from mindbot.domain.saying import english as english

#: Numbers under these names are times, in Unix seconds.
_TIMES = frozenset({"since", "until", "pulled", "last", "at", "expires"})
_LAST = "last_"  # so are those whose name begins like this: last_callback
#: Labels of `facts`, beside those that platforms bring.
LABELS = (
    *("state", "reason", "find out", "start it", "messages", "sent", "last failure", "callback"),
    "last 30 min",
    *("connections", "accounts", "details"),
)
STATES = ("ok", "starting", "degraded", "failed", "stopped")
#: Reasons that the daemon gives itself.
REASONS = ("stopped by an operator",)
#: How connections are, and the modes of a bot.
LINES = (
    *("connected", "connecting", "disconnected", "closed", "needs credentials", "evicted"),
    *("connection", "webhook"),
)
#: Names of what the built-in platforms count and tell; those of others are shown as they are.
DETAILS = (
    *("state", "reason", "since", "opened", "cards", "received", "acked", "left", "swaps", "lost", "unread"),
    *("account", "name", "pulled", "pulls", "callbacks", "messages", "skipped", "error", "place lost"),
    *("last callback", "sent", "held for member limit", "uploaded", "pressed", "changed", "not changed"),
    *("contacts", "mode", "connection", "streams", "last call", "collected", "by response url"),
    *("evicted", "polls", "renewed", "refused callbacks", "last refused", "last refusal", "unstored"),
    *("called at", "stray requests", "last stray", "last stray path"),
)
#: The steps of their self-tests.
CHECKS = (
    *(
        "access token",
        "application",
        "callback secrets",
        "callbacks",
        "connections",
        "contacts secret",
        "callback path",
    ),
    *("managed by the API", "members", "people", "permissions", "pulls", "round trip", "secret"),
    *("stream gateway", "subscription", "trusted IP", "sending", "AI cards", "accounts", "test"),
)
#: Pieces of which the other texts are made.
TEXTS = (
    *("{state} for {age}", "{state} for {age}, since {clock}", "{text}, the last {age} ago", ", "),
    *("{n} repeats", "{n} waiting", "{n} retried", "{n} dead", "{age} ago", "{age} ago: {error}"),
    *("in {age}", "{received} in, {sent} out; a minute now {in_rate} in, {out_rate} out"),
    *("{share} of sends failed", "{age} ago, and sent again since: {error}"),
    *("{callback}, listening on {listen}", "never", "none", "{n} d", "{n} h", "{n} min", "{n} s"),
)
_LATELY = 5  # minutes that rates are of
_EPOCH = 1e9  # a smaller number is no time of ours


def padded(text: str, width: int) -> str:
    """Return a text with blanks behind it, to so many cells of a terminal: Chinese characters take two."""
    return text + " " * max(width - cells(text), 0)


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def links(bot: PlatformView) -> str:
    """Return how many connections or accounts are up, as ``1/2``; empty when none are, or it is stopped."""
    if bot.state == "stopped":
        return ""
    connections = [*_rows(bot, "connections"), *_rows(bot, "connection")]
    if connections:
        return f"{sum(each.get('state') == 'connected' for each in connections)}/{len(connections)}"
    accounts = _rows(bot, "accounts")
    if accounts:
        return f"{sum(not each.get('error') for each in accounts)}/{len(accounts)}"
    return ""


def not_reached(turn: TurnView) -> list[str]:
    """Return those of several receivers whom the platform could not reach, each once."""
    missed = [each.get("notes", {}).get("not_reached", []) for each in turn.deliveries]
    return list(dict.fromkeys(str(user) for users in missed for user in users))


def _rows(bot: PlatformView, name: str) -> list[Mapping[str, Any]]:
    found = bot.details.get(name)
    found = [found] if isinstance(found, Mapping) else found
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def facts(bot: PlatformView, now: float, say: Say = english) -> Iterator[tuple[str, str]]:
    """Yield what is known of a bot, as labels and texts; ``now`` is Unix seconds.

    An empty label goes on with the one before.
    """
    state = say(bot.state)
    if bot.since:
        age = ago(now - bot.since, say)
        state = say("{state} for {age}, since {clock}", state=state, age=age, clock=_clock(bot.since, now))
    yield say("state"), state
    if bot.reason:
        yield say("reason"), say(bot.reason)
    if bot.state in ("failed", "degraded") and "test" in bot.abilities:
        yield say("find out"), f"mindbot platform test {bot.platform}/{bot.bot}"
    if bot.state == "stopped":
        yield say("start it"), f"mindbot platform start {bot.platform}/{bot.bot}"
    t = bot.traffic
    came = [str(t.received), *([say("{n} repeats", n=t.duplicates)] if t.duplicates else [])]
    yield say("messages"), _last(came, t.last_message, now, say)
    more = ((t.waiting, "{n} waiting"), (t.retried, "{n} retried"), (t.dead, "{n} dead"))
    went = [str(t.sent), *(say(text, n=n) for n, text in more if n)]
    yield say("sent"), _last(went, t.last_sent, now, say)
    if t.minutes.received:
        yield say("last 30 min"), say(", ").join(_lately(t.minutes, say))
    if t.error:
        yield say("last failure"), say("{age} ago: {error}", age=ago(now - t.failed, say), error=t.error)
    elif t.last_error:
        past = say(
            "{age} ago, and sent again since: {error}", age=ago(now - t.last_failed, say), error=t.last_error
        )
        yield say("last failure"), past
    if bot.callback:
        where = say("{callback}, listening on {listen}", callback=bot.callback, listen=bot.listen)
        yield say("callback"), where
    single = {n: value for n, value in bot.details.items() if not isinstance(value, list | Mapping)}
    for name, value in bot.details.items():
        if name not in single:
            values = value if isinstance(value, list) else [value] if value else []
            yield from _list(say(_words(name)), values, now, say)
    if single and (line := _line(single, now, say, about=False)):
        yield say("details"), line


def rate(minutes: Sequence[int]) -> str:
    """Return how many there are a minute, of the last five, in few characters."""
    last = minutes[-_LATELY:]
    mean = sum(last) / max(len(last), 1)
    return f"{mean:.0f}" if mean >= 10 or not mean else f"{mean:.1f}"


def errors(minutes: BotMinutes) -> str:
    """Return the share of attempts to send that failed; empty where none was made."""
    failed, tries = sum(minutes.failed), sum(minutes.failed) + sum(minutes.sent)
    return f"{100 * failed / tries:.0f}%" if tries else ""


def _lately(minutes: BotMinutes, say: Say) -> Iterator[str]:
    yield say(
        "{received} in, {sent} out; a minute now {in_rate} in, {out_rate} out",
        received=sum(minutes.received),
        sent=sum(minutes.sent),
        in_rate=rate(minutes.received),
        out_rate=rate(minutes.sent),
    )
    if sum(minutes.failed):
        yield say("{share} of sends failed", share=errors(minutes))


def _last(counts: Sequence[str], when: float, now: float, say: Say) -> str:
    text = say(", ").join(counts)
    return say("{text}, the last {age} ago", text=text, age=ago(now - when, say)) if when else text


def _list(name: str, values: Sequence[object], now: float, say: Say) -> Iterator[tuple[str, str]]:
    if not values:
        yield name, say("none")
    for n, each in enumerate(values):
        yield "" if n else name, _line(each, now, say) if isinstance(each, Mapping) else str(each)


def _line(row: Mapping[str, Any], now: float, say: Say, *, about: bool = True) -> str:
    """Return one connection, account, … on a line: what it is ``about`` first, then its numbers by name."""
    said: list[str] = []
    for name, value in row.items():
        if value in ("", None) or value in said[:1]:  # an account without a name is called by its id
            continue
        if isinstance(value, str) and about and not said:
            said.append(say(value) if value in LINES else value)
        elif name == "since" and isinstance(value, float) and said:
            said[0] = say("{state} for {age}", state=said[0], age=ago(now - value, say))
        else:
            said.append(f"{say(_words(name))} {_said(name, value, now, say)}")
    return say(", ").join(said)


def _said(name: str, value: object, now: float, say: Say) -> str:
    if isinstance(value, Mapping):
        return _line(value, now, say) or say("none")
    if isinstance(value, float) and (name in _TIMES or name.startswith(_LAST)):
        if value == 0:
            return say("never")
        if value <= _EPOCH:
            return f"{value:g}"
        if value - now >= 1:  # two clocks, or the time a request took, differ by less
            return say("in {age}", age=ago(value - now, say))
        return say("{age} ago", age=ago(now - value, say))
    return say(value) if isinstance(value, str) and value in LINES else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _clock(then: float, now: float) -> str:
    today = time.localtime(then)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", time.localtime(then))
