"""The local API as functions: each returns a `Call`, which a client of either kind carries out.

Client().ask(calls.turns('platform == "wecom"'))
await AsyncClient().ask(calls.status())
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from mindbot.api import models
from mindbot.domain.errors import Invalid, NotFound
from mindbot.domain.message import Json

T = TypeVar("T")
M = TypeVar("M", bound=models.Answer)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how to read its answer. ``timeout`` is seconds; ``also`` are statuses from 400 on whose
    body is an answer as well."""

    method: str
    path: str
    read: Callable[[Any], T]
    query: dict[str, str] = field(default_factory=dict)
    body: Json | None = None
    timeout: float = 30.0
    file: Path | None = None  # sent as the body instead
    also: tuple[int, ...] = ()

    @property
    def target(self) -> str:
        """The path with its query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


def _one(model: type[M]) -> Callable[[Any], M]:
    return model.model_validate


def _many(model: type[M]) -> Callable[[Any], list[M]]:
    return lambda found: [model.model_validate(each) for each in found]


def _nothing(_: Any) -> None:
    return None


#: Where the names of things are listed.
_LISTS = {
    "bot": "see: mindbot platform list",
    "turn": "see: mindbot turns",
    "session": "see: mindbot session list",
    "dead letter": "see: mindbot dlq list",
    "secret": "see: mindbot secret list",
}


def _segment(text: str, what: str) -> str:
    """Return a name as one part of a path.

    Raises:
        Invalid: it is empty: the path would be another one.
        NotFound: it has a slash, which only sessions have.
    """
    if not text:
        raise Invalid(f"which {what}? its name is empty", hint=_LISTS[what])
    if "/" in text and what != "session":
        raise NotFound(f"no {what} {text!r}", hint=_LISTS[what])
    return quote(text, safe="", errors="replace")


def _bot(platform: str, bot: str) -> str:
    return f"/v1/platforms/{_segment(platform, 'bot')}/{_segment(bot, 'bot')}"


def ping() -> Call[models.Ping]:
    """Is a daemon there?"""
    return Call("GET", "/v1/ping", _one(models.Ping), timeout=10.0)


def version() -> Call[models.Version]:
    return Call("GET", "/v1/version", _one(models.Version))


def status() -> Call[models.Status]:
    return Call("GET", "/v1/status", _one(models.Status))


def ready() -> Call[models.Health]:
    """How the components are, and whether messages are taken (``ready``)."""
    return Call("GET", "/v1/health/ready", _one(models.Health), also=(503,))


def platforms() -> Call[list[models.PlatformView]]:
    return Call("GET", "/v1/platforms", _many(models.PlatformView))


def platform(platform: str, bot: str) -> Call[models.PlatformView]:
    return Call("GET", _bot(platform, bot), _one(models.PlatformView))


def start_platform(platform: str, bot: str) -> Call[None]:
    return Call("POST", _bot(platform, bot) + "/start", _nothing)


def stop_platform(platform: str, bot: str) -> Call[None]:
    """What the bot has to send waits until it is started again."""
    return Call("POST", _bot(platform, bot) + "/stop", _nothing)


def test_platform(platform: str, bot: str) -> Call[list[models.PlatformCheck]]:
    """A real round trip with the platform."""
    path = _bot(platform, bot) + "/test"
    return Call("POST", path, _many(models.PlatformCheck), timeout=90.0)


def push(platform: str, bot: str, message: models.Push) -> Call[models.TurnView]:
    """Let a bot say something of its own accord."""
    path = _bot(platform, bot) + "/push"
    body = message.model_dump(mode="json")
    return Call("POST", path, _one(models.TurnView), body=body, timeout=message.timeout + 10)


def transfer(session: str, to: str) -> Call[models.Transferred]:
    """Hand a session to people, or back."""
    path = f"/v1/sessions/{_segment(session, 'session')}/transfer"
    return Call("POST", path, _one(models.Transferred), body={"to": to})


def clear(session: str) -> Call[models.Cleared]:
    """Let the bot forget what was said in a session so far."""
    return Call("POST", f"/v1/sessions/{_segment(session, 'session')}/clear", _one(models.Cleared))


def take_back(turn: str) -> Call[list[models.TakenBack]]:
    """Take back what a turn sent, the newest delivery first."""
    return Call(
        "POST", f"/v1/turns/{_segment(turn, 'turn')}/take-back", _many(models.TakenBack), timeout=120.0
    )


def upload(file: Path) -> Call[models.MediaFile]:
    """Put a local file into the media store."""
    return Call("POST", "/v1/media", _one(models.MediaFile), {"name": file.name}, file=file, timeout=300.0)


def restart_platform(platform: str, bot: str) -> Call[None]:
    """Stop a bot's adapter and start it again."""
    return Call("POST", _bot(platform, bot) + "/restart", _nothing)


def sessions(limit: int = 100, before: str = "") -> Call[list[models.SessionView]]:
    """The most recently active first; ``before`` is ``last`` of the last one of the page before."""
    query = {"limit": str(limit)} | ({"before": before} if before else {})
    return Call("GET", "/v1/sessions", _many(models.SessionView), query=query)


def turns(filter: str = "", limit: int = 50, before: str = "") -> Call[list[models.TurnSummary]]:
    """Newest first; ``before`` is the last turn of the page before."""
    query = {"limit": str(limit)}
    if filter:
        query["filter"] = filter
    if before:
        query["before"] = before
    return Call("GET", "/v1/turns", _many(models.TurnSummary), query=query)


def turn(id: str) -> Call[models.TurnView]:
    return Call("GET", f"/v1/turns/{_segment(id, 'turn')}", _one(models.TurnView))


def spans(turn: str) -> Call[list[models.SpanView]]:
    return Call("GET", f"/v1/turns/{_segment(turn, 'turn')}/spans", _many(models.SpanView))


def send(message: models.SendMessage) -> Call[models.TurnView]:
    """Inject a message. With ``wait`` the answer is the finished turn; the call outlives its timeout a
    little, so that the daemon can say itself that it timed out."""
    patience = message.timeout + 10.0 if message.wait else 30.0
    return Call(
        "POST", "/v1/turns", _one(models.TurnView), body=message.model_dump(mode="json"), timeout=patience
    )


def send_streamed(message: models.SendMessage) -> Call[models.StreamLine]:
    """Inject a message and read its answer as lines: use a client's ``lines``, not ``ask``."""
    body = message.model_dump(mode="json") | {"stream": True}
    return Call("POST", "/v1/turns", _one(models.StreamLine), body=body, timeout=message.timeout + 10.0)


def dead_letters(limit: int = 100) -> Call[list[models.DeadLetter]]:
    return Call("GET", "/v1/dead-letters", _many(models.DeadLetter), query={"limit": str(limit)})


def settle_dead_letter(id: str, action: Literal["retry", "discard"]) -> Call[None]:
    """Retry or discard one."""
    return Call("POST", f"/v1/dead-letters/{_segment(id, 'dead letter')}/{action}", _nothing)


def secrets() -> Call[list[str]]:
    """Names only."""
    return Call("GET", "/v1/secrets", list)


def set_secret(name: str, value: str) -> Call[None]:
    return Call("PUT", f"/v1/secrets/{_segment(name, 'secret')}", _nothing, body={"value": value})


def delete_secret(name: str) -> Call[None]:
    return Call("DELETE", f"/v1/secrets/{_segment(name, 'secret')}", _nothing)


def config() -> Call[models.ConfigValues]:
    return Call("GET", "/v1/config", _one(models.ConfigValues))


def check_config() -> Call[models.Checked]:
    """Read the files as a reload would, and change nothing."""
    return Call("POST", "/v1/config/check", _one(models.Checked), timeout=120.0)


def reload() -> Call[models.Reloaded]:
    """Read the configuration again; raises ConfigError and keeps the old one when it cannot be used."""
    return Call("POST", "/v1/config/reload", _one(models.Reloaded), timeout=120.0)


def backup() -> Call[None]:
    """The database as a file: for `Client.save`."""
    return Call("GET", "/v1/database/backup", _nothing, timeout=3600.0)


def logs(limit: int = 200, filter: str = "") -> Call[list[models.LogLine]]:
    """The last lines that match, oldest first."""
    query = {"limit": str(limit)} | ({"filter": filter} if filter else {})
    return Call("GET", "/v1/logs", _many(models.LogLine), query=query)


def log_levels() -> Call[dict[str, str]]:
    """By logger; the root's name is empty."""
    return Call("GET", "/v1/log-levels", dict)


def set_log_levels(levels: dict[str, str]) -> Call[dict[str, str]]:
    """Change some until the daemon ends, and return them all; an empty one follows its parent again."""
    return Call("PUT", "/v1/log-levels", dict, body=levels)
