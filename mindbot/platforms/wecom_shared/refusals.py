"""Why a callback gets no further, and the HTTP status it is answered with."""

from __future__ import annotations

from typing import ClassVar

from mindbot.domain.errors import MindBotError


class RefusedCallback(MindBotError):
    """A callback that gets no further; ``status`` is the HTTP status it is answered with."""

    kind = "refused_callback"
    status: ClassVar[int] = 400


class WrongSignature(RefusedCallback):
    """``msg_signature`` does not belong to the request: a wrong Token, or not WeCom."""

    kind = "wrong_signature"
    status = 403


class WrongReceiver(RefusedCallback):
    """The message was encrypted for somebody else than our corp id."""

    kind = "wrong_receiver"
    status = 403


class StaleTimestamp(RefusedCallback):
    """The request was signed too long ago, or too far ahead: an old replay, or a wrong clock."""

    kind = "stale_timestamp"
    status = 403


class Undecryptable(RefusedCallback):
    """The signed text is not what EncodingAESKey decrypts."""

    kind = "undecryptable"


class Malformed(RefusedCallback):
    """Parameters, envelope or message do not have the documented shape."""

    kind = "malformed"


class OfAnother(Malformed):
    """The callback of another product of WeCom's: its URL was entered in the wrong place."""


class CallbackTooLarge(RefusedCallback):
    """The body is over the limit."""

    kind = "too_large"
    status = 413


class WrongMethod(RefusedCallback):
    """Neither a URL verification (GET) nor a push (POST)."""

    kind = "wrong_method"
    status = 405
