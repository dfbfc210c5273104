"""Events and answers as bytes: one ``data:`` line an event, whose name stands inside; no end marker."""

from __future__ import annotations

import json

from mindbot.domain.message import Json
from mindbot.sim.dify.errors import CODES, worded
from mindbot.sim.dify.rules import DifyServerRules
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.models.streams import StreamShape
from mindbot.sim.server import dumped

PING = b"event: ping\n\n"
_A_TOKEN = 0.000002  # what one costs, in dollars


def encoded(doc: Json, rules: DifyServerRules, number: int = 0) -> bytes:
    """Return an event; ``number`` is its place in the run."""
    data = json.dumps(doc).encode() if rules.escaped else dumped(doc)
    head = b"id: %d\n" % number if rules.event_ids and number else b""
    return head + b"data: " + data + b"\n\n"


def error_event(code: str, message: str = "", **ids: str) -> Json:
    """Return the event of a failure after the 200: it has no task's id."""
    status = CODES.get(code, (500, ""))[0]
    return {"event": "error", "message_id": "", **ids, **worded(status, code, message)}


SHAPE = StreamShape(
    error=lambda code: encoded(error_event(code or "internal_server_error"), DifyServerRules()), comment=PING
)


def usage(reply: ModelReply) -> Json:
    """Return what an answer has used; prices are decimals, as text."""
    asked, told = reply.prompt_tokens, reply.tokens
    return {
        "prompt_tokens": asked,
        "completion_tokens": told,
        "total_tokens": asked + told,
        "prompt_unit_price": f"{_A_TOKEN:.7f}",
        "prompt_price_unit": "1",
        "prompt_price": f"{asked * _A_TOKEN:.7f}",
        "completion_unit_price": f"{_A_TOKEN:.7f}",
        "completion_price_unit": "1",
        "completion_price": f"{told * _A_TOKEN:.7f}",
        "total_price": f"{(asked + told) * _A_TOKEN:.7f}",
        "currency": "USD",
        "latency": 0.5,
    }
