"""What a parked turn would send if it went on now: the bubbles of its phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mindbot.api.models import TurnView
from mindbot.domain.saying import Say, english
from mindbot_tui.state.phone import Bubble, blocks_of, exchange


def would_send(turn: TurnView, scopes: Mapping[str, Any], say: Say = english) -> Iterator[Bubble]:
    """Yield what its user wrote, as it was edited, what was sent already, and what is not sent yet."""
    text = _at(scopes, "message", "text")
    told = list(exchange(turn, say=say))
    for bubble in told:
        if bubble.side == "user" and text and bubble.blocks and text != turn.text:
            blocks = (("text", text), *bubble.blocks[1:])
            yield replace(bubble, blocks=blocks, note=say("edited"), kind="wait")
        elif bubble.side == "user" or turn.deliveries:
            yield bubble
    reply = tuple(_reply(scopes, say))
    if reply:
        yield Bubble("bot", turn.bot, 0.0, reply, say("would be sent when it goes on"), "wait")
    else:
        yield Bubble("", "", 0.0, (), say("nothing to send yet: the answer is still to come"), "wait")


def _reply(scopes: Mapping[str, Any], say: Say) -> Iterator[tuple[str, str]]:
    """Yield the reply's parts; before there are any, what the answer says so far."""
    parts = scopes.get("reply")
    found = [block for part in parts for block in blocks_of(part, say)] if isinstance(parts, list) else []
    if found:
        yield from found
    elif text := _at(scopes, "answer", "text"):
        yield "text", text


def _at(scopes: Mapping[str, Any], scope: str, name: str) -> str:
    found = scopes.get(scope)
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
