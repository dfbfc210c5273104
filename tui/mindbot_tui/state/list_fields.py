"""What filters of the console's lists may name, by view. Bare words search everything that a line says."""

from __future__ import annotations

from mindbot.filters.fields import Field, FieldSet, Kind

_WORDS = Field("words", Kind.TEXT, "everything that its line says")
_PLATFORM = Field("platform", Kind.TEXT, "the chat network: wecom, dingtalk, console, …")
_BOT = Field("bot", Kind.TEXT, "the configured bot on that platform")
_STATE = Field("state", Kind.TEXT, "how it is")
_NAME = Field("name", Kind.TEXT, "its name")
_TYPE = Field("type", Kind.TEXT, "its type")
_REASON = Field("reason", Kind.TEXT, "why it is so")


def _of(*fields: Field) -> FieldSet:
    return FieldSet((*fields, _WORDS), search="words")


#: Records of these fields have them as attributes of the row, and ``words``: see `Table.record`.
WORDS_ONLY = _of()
SESSION_FIELDS = _of(
    _PLATFORM,
    _BOT,
    _STATE,
    Field("session", Kind.TEXT, "the conversation"),
    Field("user", Kind.TEXT, "who sent the message"),
    Field("chat", Kind.TEXT, "the group or chat it came from"),
    Field("text", Kind.TEXT, "the last message"),
    Field("turns", Kind.NUMBER, "how many turns it has had"),
    Field("left", Kind.NUMBER, "how much may still be said"),
    Field("active", Kind.TIME, "when the last message arrived"),
)
CONFIG_FIELDS = _of(
    Field("key", Kind.TEXT, "what it is called"),
    Field("value", Kind.TEXT, "what it is"),
    Field("origin", Kind.TEXT, "where it was written; default: nowhere"),
)
PLATFORM_FIELDS = _of(_PLATFORM, _BOT, _STATE, _REASON)
PROVIDER_FIELDS = _of(_NAME, _TYPE, _STATE, _REASON)
WORKFLOW_FIELDS = _of(_NAME, _TYPE, _STATE, _REASON)
LOG_FIELDS = _of(
    Field("level", Kind.TEXT, "debug, info, warning, error, critical"),
    Field("who", Kind.TEXT, "the part of the daemon that speaks"),
    Field("text", Kind.TEXT, "what it says"),
    Field("turn", Kind.TEXT, "the id of the turn it is about"),
    Field("at", Kind.TIME, "when it happened"),
)
QUEUE_FIELDS = _of(
    _PLATFORM,
    _BOT,
    _STATE,
    Field("place", Kind.TEXT, "inbox, outbox or dead letter"),
    Field("user", Kind.TEXT, "who sent the message"),
    Field("session", Kind.TEXT, "the conversation"),
    Field("why", Kind.TEXT, "what it waits for, or that it runs"),
    Field("error", Kind.TEXT, "what went wrong at the last try"),
    Field("attempts", Kind.NUMBER, "how often it was tried"),
    Field("since", Kind.TIME, "when it came"),
)
METRIC_FIELDS = _of(
    Field("what", Kind.TEXT, "turn, stage, model, workflow or send"),
    _NAME,
    Field("count", Kind.NUMBER, "how often"),
    Field("mean", Kind.NUMBER, "its mean time in seconds"),
    Field("p95", Kind.NUMBER, "the time that 95 of 100 stay under, in seconds"),
)
BUS_FIELDS = _of(
    Field("kind", Kind.TEXT, "topic, handler, observer or client"),
    _NAME,
    Field("waiting", Kind.NUMBER, "how many events wait for it"),
    Field("lost", Kind.NUMBER, "how many it never got"),
)
API_FIELDS = _of(
    Field("method", Kind.TEXT, "GET, POST, PUT, PATCH or DELETE"),
    Field("path", Kind.TEXT, "where it is"),
    Field("does", Kind.TEXT, "what it does"),
)
LIST_FIELDS = (
    *(WORDS_ONLY, SESSION_FIELDS, CONFIG_FIELDS, PLATFORM_FIELDS, PROVIDER_FIELDS, WORKFLOW_FIELDS),
    *(LOG_FIELDS, QUEUE_FIELDS, METRIC_FIELDS, BUS_FIELDS, API_FIELDS),
)
