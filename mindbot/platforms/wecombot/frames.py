"""The last frame of an answer: text, pictures and a card in one.

Source: WeCom developer centre, "Passive reply" of AI bots (path/101031).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread

from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import NotFound
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.platforms.wecombot import say


class Frames:
    """Makes them. ``card`` makes a template card of a part."""

    def __init__(self, host: Host, card: Callable[[Part, Delivery], Awaitable[Json]]) -> None:
        self._media = host.media
        self._card = card

    async def last(self, turn: str, delivery: Delivery) -> tuple[Json, Json]:
        """Return the frame, and what the delivery should say of it.

        Pictures that WeCom does not take are named in the text. Raises StoreError.
        """
        paths, gone = await self._paths(delivery)
        items, refused = await anyio.to_thread.run_sync(say.pictures, paths) if paths else ([], [])
        text = say.text_of(delivery.parts)
        notes: Json = {}
        if refused or gone:
            named = "\n".join([*filter(None, [text]), *["[image]"] * (len(refused) + len(gone))])
            text, left_out = say.whole(named)
            notes["left_out"] = [
                *(f"{name}: not a JPEG or PNG of 10 MB at most" for name in refused),
                *(f"{name}: not there any more" for name in gone),
            ]
            if left_out:
                notes["cut"] = left_out
        frame = say.stream(turn, text, finish=True, items=items)
        card = next((part for part in delivery.parts if say.is_card(part)), None)
        if card is not None:
            frame |= {
                "msgtype": "stream_with_template_card",
                "template_card": await self._card(card, delivery),
            }
        return frame, notes

    async def _paths(self, delivery: Delivery) -> tuple[list[Path], list[str]]:
        """Return where the pictures are, and the ids of those that are nowhere any more."""
        paths: list[Path] = []
        gone: list[str] = []
        for part in delivery.parts:
            if part.kind == "image" and (id := str(part.data.get("media") or "")):
                try:
                    paths.append(await self._media.path(id))
                except NotFound:
                    gone.append(id)
        return paths, gone
