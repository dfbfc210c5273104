"""What users see of a bot: streams that grow, messages, cards. The same in both modes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.sim.phones import Phones
from mindbot.sim.wecombot import checks
from mindbot.sim.wecombot.checks import Refused


@dataclass(slots=True)
class Bubble:
    """One stream on a screen."""

    id: str
    screen: str
    opened: float
    content: str = ""
    finished: bool = False
    frames: list[str] = field(default_factory=list)
    feedback: str = ""

    def to_json(self) -> Json:
        return {"id": self.id, "user": self.screen, "finished": self.finished, "frames": self.frames}


class Screens:
    """All of them. ``lifetime`` is how many seconds a stream may grow."""

    def __init__(
        self, phones: Phones, counters: Counter[str], clock: Callable[[], float], lifetime: float
    ) -> None:
        self._phones = phones
        self._counters = counters
        self._clock = clock
        self.lifetime = lifetime
        self._ids = itertools.count(1)
        self.bubbles: dict[tuple[str, str], Bubble] = {}
        self.cards: dict[str, tuple[str, str, Json]] = {}  # task id → (screen, message, card)

    def stream(self, screen: str, body: Json, *, polled: bool) -> Bubble:
        """Draw a frame of a stream.

        Raises:
            Refused: it is not as documented, too old, or changes what has ended.
        """
        stream = checks.stream_of(body, polled=polled)
        card = checks.card_of(body) if body.get("template_card") else None
        key = (screen, str(stream["id"]))
        bubble = self.bubbles.get(key)
        content, finish = str(stream.get("content", "")), bool(stream.get("finish"))
        if bubble is None:
            bubble = self.bubbles[key] = Bubble(key[1], screen, self._clock())
            bubble.feedback = str((stream.get("feedback") or {}).get("id", ""))
            self._phones.show(
                screen, msgid=key[1], msgtype="stream", text=content, body=stream, via="stream", tell=False
            )
        elif bubble.finished:
            if finish and content == bubble.content:
                return bubble  # the same last frame again
            raise Refused(846608)
        elif not polled and self._clock() - bubble.opened > self.lifetime:
            raise Refused(846608)
        self._counters["stream.frames"] += 1
        bubble.content, bubble.finished = content, finish
        bubble.frames.append(content)
        said = finish and bool(content or stream.get("msg_item"))
        self._phones.change(screen, key[1], content, stream, tell=said)
        if finish and not said and card is None:
            self._phones.remove(screen, key[1])  # nothing was said
        if card is not None:
            self._card(screen, card)
        return bubble

    def message(self, screen: str, body: Json, *, group: bool, via: str, kinds: frozenset[str]) -> str:
        """Draw a message; returns its id. Raises Refused."""
        kind = str(body.get("msgtype"))
        if kind not in kinds:
            raise Refused(40008)
        if kind == "template_card":
            if group:
                raise Refused(40008, "cards are for one-to-one chats")
            return self._card(screen, checks.card_of(body), via)
        if kind in ("text", "markdown"):
            return self._show(screen, kind, checks.text_of(body), body, via)
        return self._show(screen, kind, f"[{kind}]", body, via)

    def update(self, card: Json) -> None:
        """Replace a card by another of the same task; raises Refused."""
        found = self.cards.get(str(card.get("task_id", "")))
        if found is None:
            raise Refused(40058, "no such task_id")
        screen, msgid, _ = found
        self.cards[str(card["task_id"])] = (screen, msgid, card)
        self._phones.change(screen, msgid, checks.card_text(card), card)

    def _card(self, screen: str, card: Json, via: str = "stream") -> str:
        id = self._show(screen, "template_card", checks.card_text(card), card, via)
        if card.get("task_id"):
            self.cards[str(card["task_id"])] = (screen, id, card)
        return id

    def _show(self, screen: str, kind: str, text: str, body: Json, via: str) -> str:
        id = f"bm{next(self._ids)}"
        self._phones.show(screen, msgid=id, msgtype=kind, text=text, body=body, via=via)
        return id

    def clear(self) -> None:
        """Forget everything."""
        self.bubbles.clear()
        self.cards.clear()
        self._phones.clear()
