"""What both modes of WeCom AI bots have in common.

Sources: WeCom developer centre, "AI bot" (path/101039, 100719, 101027, 101031, 101032, 101138, 101463). A bot
is either called back (`webhook`) or connects itself (`connection`): the console switches one on and the other
off.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from mindbot.domain import fields
from mindbot.domain.abilities import Silence
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import Invalid, Rejected
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.platform import Receipt, Receive, Report
from mindbot.platforms.card_ledger import CardLedger, SentCard
from mindbot.platforms.wecombot import answer_url, say, wire
from mindbot.platforms.wecombot.media import decryption

if TYPE_CHECKING:
    from mindbot.platforms.wecombot.settings import WeComBotSettings

log = structlog.get_logger("mindbot.platforms.wecombot")

MEDIA_TTL = 300.0  # seconds a file's URL works


class WeComBot:
    """One bot, in either mode; its subclasses are the platforms."""

    name = "wecombot"

    def __init__(
        self, settings: WeComBotSettings, bot: str, host: Host, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Touches neither network nor secrets. ``clock`` tells Unix seconds."""
        self.bot = bot
        self._settings = settings
        self._host = host
        self._clock = clock
        self._ledger: CardLedger[Json] = CardLedger(host.keep, settings.card_ttl)
        self._report: Report = lambda state, reason: None
        host.http.allow(settings.api_base_url)

    # -- in ----------------------------------------------------------------------------------------------

    async def _take(
        self, body: Json, raw: str, receive: Receive, **address: object
    ) -> tuple[Message, Receipt]:
        """Put a callback on disk; returns it with its receipt. Raises Invalid, StoreError."""
        message = self._read(body, raw, address)
        return message, await receive(message)

    def _read(self, body: Json, raw: str, address: Json) -> Message:
        """Return the message of a callback; one that a mistake of ours cannot read is kept as it came."""
        received = self._clock()
        robot = self._settings.robot_name
        try:
            return wire.to_message(body, raw, bot=self.bot, received=received, robot=robot, address=address)
        except Invalid:
            raise
        except Exception:
            log.exception("a callback cannot be read", bot=self.bot, **wire.facts_of(body, raw))
            return wire.kept(body, raw, bot=self.bot, received=received, address=address)

    async def _press(self, body: Json, raw: str, receive: Receive, **address: object) -> Json | None:
        """Put the press of a card's button on disk, as what its user says; returns the card as it is then.

        A user's first press of a card counts. A press that nothing could answer stays an event.
        """
        event = wire.event_of(body)
        task, key, chosen = wire.press_of(event)
        message = self._read(body, raw, address)
        known = await self._ledger.find(task)
        card = known or SentCard[Json](task, Part("card"))
        text = " ".join([say.label_of(card.part, key), *chosen]).strip() or "[pressed]"
        said = card.said(text, key, {"chosen": chosen} if chosen else {})
        answerable = "req_id" in address or bool(message.reply_to["response_url"])
        await receive(
            Message(
                platform=message.platform,
                bot=message.bot,
                key=f"press:{task}:{message.sender}" if task else message.key,
                session=message.session,
                sender=message.sender,
                kind="text" if answerable else "event",
                parts=(said,),
                reply_to=message.reply_to | {"stream": False},
                raw=message.raw,
                chat=message.chat,
                ts=message.ts,
                received=message.received,
            )
        )
        return say.pressed(known.part, task, key) if known else None

    def answer_until(self, message: Message) -> float:
        """Return when what a callback offers for its answer is over; a connection can always speak first.

        That is its response_url (an hour), and where it brought none, the stream that is polled. See
        `AnswersInTime`.
        """
        to = message.reply_to
        if "req_id" in to or not (asked := fields.number(to.get("asked"))):
            return math.inf
        return asked + (
            answer_url.TTL if fields.text(to.get("response_url")) else self._settings.stream_lifetime
        )

    async def silence(self, message: Message) -> Silence | None:
        """Keep what a user thinks of an answer with its turn.

        It is a step of the event's own turn, which is on disk and run again until it is done. The event's id
        tells equal opinions apart, and lets the store know the same one when it is told again.

        Raises:
            StoreError: it could not be kept.
        """
        if message.kind != wire.EVENT or message.parts[0].data.get("eventtype") != "feedback_event":
            return None
        turn, fact = wire.feedback_of(message.parts[0].data)
        if turn:
            await self._host.told(turn, {**fact, "user": message.sender, "event": message.key})
        return Silence(f"the user rated {f'turn {turn}' if turn else 'an answer'}: {fact['feedback']}")

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download and decrypt what a part refers to. Its URL works for five minutes."""
        url = fields.text(part.data.get("url"))
        if not url:
            return None
        through = decryption(fields.text(part.data.get("aeskey")) or await self._file_key())
        try:
            name = fields.text(part.data.get("name"))
            return await self._host.media.fetch(url, name=name, through=through)
        except Rejected as error:
            if self._clock() - message.received < MEDIA_TTL:
                raise
            raise Rejected(f"its URL has ended: {error.message}", hint="it works for 5 minutes") from error

    async def _file_key(self) -> str:
        """Return the key of files that bring none."""
        raise Rejected("the file came without a key")

    # -- out ---------------------------------------------------------------------------------------------

    def can_stream(self, message: Message) -> bool:
        """Tell whether the answer can be shown while it grows."""
        return self._settings.enable_stream_reply and bool(message.reply_to.get("stream"))

    async def _card(self, part: Part, delivery: Delivery) -> Json:
        """Return a template card; what its buttons say is on disk before anybody can press one."""
        made = say.card(part, f"mb-{delivery.id}")
        card = SentCard[Json](made["task_id"], part, delivery.to, delivery.session, delivery.id)
        await self._ledger.open(card)
        return made
