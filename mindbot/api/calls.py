"""The local API as functions: each returns a `ApiCall`, which a client of either kind carries out.

Client().ask(calls.turns('platform == "wecom"'))
await AsyncClient().ask(calls.status())
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindbot.api import failure_models, models, provider_models
from mindbot.api.one_call import ApiCall as ApiCall
from mindbot.api.one_call import many, nothing, one, segment
from mindbot.domain.message import Json
from mindbot.domain.shapes.turns import Settling


def _bot(platform: str, bot: str) -> str:
    return f"/v1/platforms/{segment(platform, 'bot')}/{segment(bot, 'bot')}"


def ping() -> ApiCall[models.Ping]:
    """Is a daemon there?"""
    return ApiCall("GET", "/v1/ping", one(models.Ping), timeout=10.0)


def version() -> ApiCall[models.Version]:
    return ApiCall("GET", "/v1/version", one(models.Version))


def status() -> ApiCall[models.Status]:
    return ApiCall("GET", "/v1/status", one(models.Status))


def ready() -> ApiCall[models.Health]:
    """How the components are, and whether messages are taken (``ready``)."""
    return ApiCall("GET", "/v1/health/ready", one(models.Health), also=(503,))


def platforms() -> ApiCall[list[models.PlatformView]]:
    return ApiCall("GET", "/v1/platforms", many(models.PlatformView))


def platform(platform: str, bot: str) -> ApiCall[models.PlatformView]:
    return ApiCall("GET", _bot(platform, bot), one(models.PlatformView))


def _provider(name: str) -> str:
    return f"/v1/providers/{segment(name, 'provider')}"


def providers() -> ApiCall[list[provider_models.ProviderView]]:
    return ApiCall("GET", "/v1/providers", many(provider_models.ProviderView))


def provider(name: str) -> ApiCall[provider_models.ProviderView]:
    return ApiCall("GET", _provider(name), one(provider_models.ProviderView))


def test_provider(name: str, model: str = "") -> ApiCall[list[models.PlatformCheck]]:
    """A real conversation with a model, step by step."""
    return ApiCall(
        "POST", f"{_provider(name)}/test", many(models.PlatformCheck), query={"model": model}, timeout=320.0
    )


def switch_provider(name: str, *, on: bool) -> ApiCall[provider_models.ProviderView]:
    """Off until it is switched on again, also over restarts."""
    verb = "enable" if on else "disable"
    return ApiCall("POST", f"{_provider(name)}/{verb}", one(provider_models.ProviderView))


def provider_models_of(name: str, *, ask: bool = False) -> ApiCall[list[provider_models.ModelView]]:
    """Its models; with ``ask`` those that its vendor tells of too."""
    query = {"ask": "true"} if ask else {}
    return ApiCall(
        "GET", f"{_provider(name)}/models", many(provider_models.ModelView), query=query, timeout=60.0
    )


def usage(
    by: str = "provider", days: int = 1, *, limit: int = 1000, after: str = ""
) -> ApiCall[list[provider_models.SpentView]]:
    """Tokens and money by day, the newest first; ``after`` is the ``day/who`` of the last row before."""
    query = {"by": by, "days": str(days), "limit": str(limit)}
    if after:
        query["after"] = after
    return ApiCall("GET", "/v1/providers/usage", many(provider_models.SpentView), query=query)


def start_platform(platform: str, bot: str) -> ApiCall[None]:
    return ApiCall("POST", _bot(platform, bot) + "/start", nothing)


def stop_platform(platform: str, bot: str) -> ApiCall[None]:
    """What the bot has to send waits until it is started again."""
    return ApiCall("POST", _bot(platform, bot) + "/stop", nothing)


def test_platform(platform: str, bot: str) -> ApiCall[list[models.PlatformCheck]]:
    """A real round trip with the platform."""
    path = _bot(platform, bot) + "/test"
    return ApiCall("POST", path, many(models.PlatformCheck), timeout=90.0)


def push(platform: str, bot: str, message: models.Push) -> ApiCall[models.TurnView]:
    """Let a bot say something of its own accord."""
    path = _bot(platform, bot) + "/push"
    body = message.model_dump(mode="json")
    return ApiCall("POST", path, one(models.TurnView), body=body, timeout=message.timeout + 10)


def failures(window: float) -> ApiCall[failure_models.FailuresView]:
    """What went wrong in the last ``window`` seconds, by its cause."""
    query = {"window": f"{window:g}"}
    return ApiCall("GET", "/v1/failures", one(failure_models.FailuresView), query=query)


def failure_bundles(window: float) -> ApiCall[list[failure_models.BundleView]]:
    """The same, the bundles alone."""
    whole = failures(window)
    return ApiCall(whole.method, whole.path, lambda said: whole.read(said).bundles, query=whole.query)


def failure_bundle(id: str, window: float) -> ApiCall[failure_models.OpenBundleView]:
    """One bundle, with its people."""
    path = f"/v1/failures/{segment(id, 'bundle')}"
    return ApiCall("GET", path, one(failure_models.OpenBundleView), query={"window": f"{window:g}"})


def reruns(id: str) -> ApiCall[failure_models.RerunsView]:
    """Return what came of trying a bundle again."""
    return ApiCall("GET", f"/v1/failures/{segment(id, 'bundle')}/reruns", one(failure_models.RerunsView))


def retry_bundle(id: str, window: float) -> ApiCall[failure_models.RetriedBundle]:
    """Try again what people of a bundle wait for."""
    path = f"/v1/failures/{segment(id, 'bundle')}/retry"
    query = {"window": f"{window:g}"}
    return ApiCall("POST", path, one(failure_models.RetriedBundle), query=query, timeout=120.0)


def transfer(session: str, to: str) -> ApiCall[models.Transferred]:
    """Hand a session to people, or back."""
    path = f"/v1/sessions/{segment(session, 'session')}/transfer"
    return ApiCall("POST", path, one(models.Transferred), body={"to": to})


def clear(session: str) -> ApiCall[models.Cleared]:
    """Let the bot forget what was said in a session so far."""
    return ApiCall("POST", f"/v1/sessions/{segment(session, 'session')}/clear", one(models.Cleared))


def take_back(turn: str) -> ApiCall[list[models.TakenBack]]:
    """Take back what a turn sent, the newest delivery first."""
    return ApiCall(
        "POST", f"/v1/turns/{segment(turn, 'turn')}/take-back", many(models.TakenBack), timeout=120.0
    )


def upload(file: Path) -> ApiCall[models.MediaFile]:
    """Put a local file into the media store."""
    return ApiCall("POST", "/v1/media", one(models.MediaFile), {"name": file.name}, file=file, timeout=300.0)


def media_facts(id: str) -> ApiCall[models.MediaFile]:
    """What is known of a file of the media store; so much of its id is enough as no other begins with."""
    return ApiCall("GET", f"/v1/media/{segment(id, 'file')}/facts", one(models.MediaFile), timeout=120.0)


def media_content(id: str) -> ApiCall[None]:
    """The file itself: use a client's ``save``, not ``ask``."""
    return ApiCall("GET", f"/v1/media/{segment(id, 'file')}", nothing, timeout=300.0)


def restart_platform(platform: str, bot: str) -> ApiCall[None]:
    """Stop a bot's adapter and start it again."""
    return ApiCall("POST", _bot(platform, bot) + "/restart", nothing)


def sessions(limit: int = 100, before: str = "") -> ApiCall[list[models.SessionView]]:
    """The most recently active first; ``before`` is ``last`` of the last one of the page before."""
    query = {"limit": str(limit)} | ({"before": before} if before else {})
    return ApiCall("GET", "/v1/sessions", many(models.SessionView), query=query)


def turns(filter: str = "", limit: int = 50, before: str = "") -> ApiCall[list[models.TurnSummary]]:
    """Newest first; ``before`` is the last turn of the page before."""
    query = {"limit": str(limit)}
    if filter:
        query["filter"] = filter
    if before:
        query["before"] = before
    return ApiCall("GET", "/v1/turns", many(models.TurnSummary), query=query)


def turn_page(
    filter: str = "", limit: int = 50, before: str = "", patience: float = 2.0
) -> ApiCall[models.TurnPage]:
    """As `turns`, and how far back was looked in ``patience`` seconds."""
    query = {"limit": str(limit), "patience": f"{patience:g}"}
    if filter:
        query["filter"] = filter
    if before:
        query["before"] = before
    return ApiCall("GET", "/v1/turns/page", one(models.TurnPage), query=query, timeout=patience + 30.0)


def turn(id: str) -> ApiCall[models.TurnView]:
    return ApiCall("GET", f"/v1/turns/{segment(id, 'turn')}", one(models.TurnView))


def spans(turn: str) -> ApiCall[list[models.SpanView]]:
    return ApiCall("GET", f"/v1/turns/{segment(turn, 'turn')}/spans", many(models.SpanView))


def send(message: models.SendMessage) -> ApiCall[models.TurnView]:
    """Inject a message. With ``wait`` the answer is the finished turn; the call outlives its timeout a
    little, so that the daemon can say itself that it timed out."""
    patience = message.timeout + 10.0 if message.wait else 30.0
    return ApiCall(
        "POST", "/v1/turns", one(models.TurnView), body=message.model_dump(mode="json"), timeout=patience
    )


def send_streamed(message: models.SendMessage) -> ApiCall[models.StreamLine]:
    """Inject a message and read its answer as lines: use a client's ``lines``, not ``ask``."""
    body = message.model_dump(mode="json") | {"stream": True}
    return ApiCall("POST", "/v1/turns", one(models.StreamLine), body=body, timeout=message.timeout + 10.0)


def dead_letters(
    limit: int = 100, filter: str = "", *, settled: bool = False
) -> ApiCall[list[models.DeadLetter]]:
    """The newest first; with ``settled`` also those that an operator settled lately, with what came of it."""
    query = {"limit": str(limit)} | ({"filter": filter} if filter else {})
    query |= {"settled": "true"} if settled else {}
    return ApiCall("GET", "/v1/dead-letters", many(models.DeadLetter), query=query)


def settle_dead_letters(
    action: Settling,
    ids: Sequence[str] | None = None,
    filter: str | None = None,
    below: str = "",
) -> ApiCall[models.SettledLetters]:
    """Settle those named (at most 1,000), or those that a filter lets through (an empty one: all), the newest
    1,000 that are older than ``below``.

    Raises Invalid or NotFound, here and now, for an id that can be nobody's.
    """
    for id in ids or ():
        segment(id, "dead letter")  # a name that can be nobody's is said here
    body: Json = {"ids": list(ids)} if ids is not None else {"filter": filter or ""}
    if below:
        body["below"] = below
    path = f"/v1/dead-letters/{action}"
    return ApiCall("POST", path, one(models.SettledLetters), body=body, timeout=120.0)


def dead_letter(id: str) -> ApiCall[models.DeadLetter]:
    """One of them."""
    return ApiCall("GET", f"/v1/dead-letters/{segment(id, 'dead letter')}", one(models.DeadLetter))


def settle_dead_letter(id: str, action: Settling) -> ApiCall[None]:
    """Retry or discard one, or take its discarding back."""
    return ApiCall("POST", f"/v1/dead-letters/{segment(id, 'dead letter')}/{action}", nothing)


def secrets() -> ApiCall[list[str]]:
    """Names only."""
    return ApiCall("GET", "/v1/secrets", list)


def set_secret(name: str, value: str) -> ApiCall[None]:
    return ApiCall("PUT", f"/v1/secrets/{segment(name, 'secret')}", nothing, body={"value": value})


def delete_secret(name: str) -> ApiCall[None]:
    return ApiCall("DELETE", f"/v1/secrets/{segment(name, 'secret')}", nothing)


def config() -> ApiCall[models.ConfigValues]:
    return ApiCall("GET", "/v1/config", one(models.ConfigValues))


def check_config() -> ApiCall[models.Checked]:
    """Read the files as a reload would, and change nothing."""
    return ApiCall("POST", "/v1/config/check", one(models.Checked), timeout=120.0)


def reload() -> ApiCall[models.Reloaded]:
    """Read the configuration again; raises ConfigError and keeps the old one when it cannot be used."""
    return ApiCall("POST", "/v1/config/reload", one(models.Reloaded), timeout=120.0)


def backup() -> ApiCall[None]:
    """The database as a file: for `Client.save`."""
    return ApiCall("GET", "/v1/database/backup", nothing, timeout=3600.0)


def logs(limit: int = 200, filter: str = "") -> ApiCall[list[models.LogLine]]:
    """The last lines that match, oldest first."""
    query = {"limit": str(limit)} | ({"filter": filter} if filter else {})
    return ApiCall("GET", "/v1/logs", many(models.LogLine), query=query)


def log_levels() -> ApiCall[dict[str, str]]:
    """By logger; the root's name is empty."""
    return ApiCall("GET", "/v1/log-levels", dict)


def set_log_levels(levels: dict[str, str]) -> ApiCall[dict[str, str]]:
    """Change some until the daemon ends, and return them all; an empty one follows its parent again."""
    return ApiCall("PUT", "/v1/log-levels", dict, body=levels)
