"""An answer that breaks off on a card, a provider out of money: what the user and the trace see of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports.platform import Receive, Report
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

LONG = "a question whose answer takes many pieces, so that some of it is on the card when it stops growing"


class Card:
    """A bot whose answers grow on a card."""

    name, bot, idempotent, pace = "cards", "default", True, 0.0

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.sent: list[Delivery] = []

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    async def send(self, delivery: Delivery) -> Sent:
        self.sent.append(delivery)
        return Sent()

    def can_stream(self, message: Message) -> bool:
        return True

    async def stream(self, delivery: Delivery, text: str) -> None:
        self.shown.append(text)


@asynccontextmanager
async def a_runtime(
    folder: Path, card: Card, places: MemoryPlaces, **sections: Any
) -> AsyncIterator[Runtime]:
    loaded = load(environ={}, overrides=sections)
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(loaded, folder, store=places.store) as runtime:
            runtime.outbox.serve(Bot.of(card))
            yield runtime


async def say(runtime: Runtime, key: str, text: str = "hello") -> Json:
    """Return everything known of the turn of a message, once its answer is sent."""
    parts = (text_part(text),)
    session = "cards:default:lin"
    message = Message("cards", "default", key, session, "lin", "text", parts, {}, received=time.time())
    turn = ids.show((await runtime.receive(message)).turn)
    await runtime.resources.turns.wait_sent(turn, 10)
    return dict(await runtime.resources.turns.get_turn(turn))


def model_span(turn: Json) -> Json:
    (span,) = [span for span in turn["spans"] if span["kind"] == "model"]
    return dict(span["data"])


async def test_what_broke_off_on_a_card_is_replaced_by_the_next_ones_answer(tmp_path: Path) -> None:
    card = Card()
    async with simulated("openai", fault="stall:after=12") as broken, simulated("openai") as sound:
        entry: Json = {"type": "openai", "api_key": "k", "models": ["m"], "timeout": 0.5}
        providers = {name: {**entry, "base_url": far.base_url} for name, far in (("a", broken), ("b", sound))}
        selection = {"fallback_order": ["b"]}
        sections = {"providers": providers, "provider_selection": selection}
        async with a_runtime(tmp_path, card, MemoryPlaces(), **sections) as runtime:
            turn = await say(runtime, "m1", LONG)
    assert turn["state"] == "answered" and turn["reply"] == f"echo: {LONG}"
    (last,) = card.sent
    assert (last.kind, last.text) == ("stream", f"echo: {LONG}")
    assert card.shown and f"echo: {LONG}".startswith(card.shown[0]), "some of the first one was seen"
    assert not any(text.count("echo: ") > 1 for text in card.shown)
    data = model_span(turn)
    assert (data["provider"], data["key"], data["choice"]) == ("b", "key", "first")
    assert [(failure["provider"], failure["kind"]) for failure in data["failures"]] == [("a", "stalled")]


async def test_a_restart_neither_asks_who_is_out_of_money_nor_forgets_what_was_spent(tmp_path: Path) -> None:
    places, card = MemoryPlaces(), Card()
    poor = {"type": "scripted", "rules": [{"match": "", "error": "quota_exceeded"}]}
    sections = {
        "providers": {"poor": poor, "b": {"type": "scripted"}},
        "provider_selection": {"fallback_order": ["b"]},
        "budgets": {"limits": [{"per": "user", "who": "cards/*", "tokens": 10}], "notice": "That was all."},
    }
    async with a_runtime(tmp_path, card, places, **sections) as runtime:
        data = model_span(await say(runtime, "m1", "hello, and some words more than fit"))
        assert (data["provider"], data["failures"][0]["kind"]) == ("b", "quota_exceeded")
    async with a_runtime(tmp_path, card, places, **sections) as runtime:
        turn = await say(runtime, "m2")
        assert (turn["state"], turn["reply"]) == ("dropped", "That was all.")
        assert turn["reason"].startswith("budget_spent: ")
        (waiting, _) = await runtime.generation.providers.status()
        assert (waiting.state, waiting.keys[0].reason) == ("cooling", "quota")
