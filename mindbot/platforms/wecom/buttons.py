"""Cards that can be pressed: what they do is on disk, a press is taken once, the card then shows it.

Sources: WeCom developer centre, "Event formats" (path/90240), template cards; "Update template card"
(path/94888): a ``response_code`` is good for 72 hours and one update. Sending a card gives one, and so does
every press.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

import anyio
import structlog

from mindbot.domain import fields
from mindbot.domain.delivery import Delivery
from mindbot.domain.errors import (
    AuthFailed,
    Conflict,
    Invalid,
    MindBotError,
    NotFound,
    RateLimited,
    Rejected,
    StoreError,
)
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Message, Part
from mindbot.platforms.card_ledger import CardLedger, SentCard
from mindbot.platforms.wecom import incoming, limits, say, templates
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecom_shared.xml import text_of

if TYPE_CHECKING:
    from mindbot.platforms.wecom.settings import WeComSettings

log = structlog.get_logger("mindbot.platforms.wecom")

_OURS = "mb-"  # our task ids begin so
_CODE_TTL = 72 * 3600.0  # seconds
_RETRY = 5.0  # seconds until an update is tried again
_RETRY_AUTH = 60.0
_PRESSED, _EXPIRED = "✓ ", "已过期 (expired)"


def task_of(delivery: Delivery) -> str:
    """Return the task id of a delivery's card."""
    return f"{_OURS}{delivery.id}"


class _Press(TypedDict):
    """A press in WeCom's words: the button's ``key``, and the ids chosen by question."""

    key: str
    selected: dict[str, list[str]]
    user: NotRequired[str]


class _Update(TypedDict):
    """A change of a card that is due, as it is kept; ``code`` is good for one."""

    code: str
    task: str
    agentid: int | None
    to: Json
    change: Json


class TemplateCards:
    """The cards of one bot."""

    def __init__(
        self, api: Api, settings: WeComSettings, host: Host, clock: Callable[[], float], retry: float = _RETRY
    ) -> None:
        self._api = api
        self._settings = settings
        self._keep = host.keep
        self._clock = clock
        self._retry = retry
        self._ledger: CardLedger[_Press] = CardLedger(host.keep, settings.card_ttl)
        self._due = anyio.Event()
        self.presses = 0
        self.updates = 0
        self.failed = 0

    async def opens(self, delivery: Delivery, task: str) -> None:
        """Put on disk what a card does, before anybody can press it.

        Raises:
            Rejected: another card has this task id, or what comes in the card's place is over a limit.
            StoreError: it is not on disk.
        """
        known = await self._ledger.find(task)
        if known is not None and known.delivery != delivery.id:
            raise Rejected(f"template_card.task_id is there twice: {task!r}", hint="leave it out")
        after = delivery.parts[0].data.get("after")
        if isinstance(after, dict):
            limits.check_card(templates.with_task(after, task))
        await self._ledger.open(SentCard.of(delivery, task))

    async def sent(self, task: str, answer: Json) -> None:
        """Keep the code by which the card can be changed without a press.

        Never raises: the card is out, and can be pressed all the same.
        """
        if code := fields.text(answer.get("response_code")):
            try:
                await self._keep.put(f"code:{task}", {"code": str(code)}, ttl=_CODE_TTL)
            except StoreError as error:
                log.warning("a card can only be changed by a press", task=task, reason=str(error))

    async def dropped(self, task: str) -> None:
        """Forget a card that was not sent; raises StoreError."""
        await self._ledger.drop(task)

    # -- presses -----------------------------------------------------------------------------------------

    async def pressed(self, message: Message) -> bool:
        """Take a press: the first is a message of the session, later ones show what it was.

        Returns whether the card is one of ours. When it returns, all of it is on disk; the card is changed
        by `run`, after the ack. Raises StoreError: the press then comes again, or not at all.
        """
        event = message.parts[0].data
        task, code = text_of(event, "TaskId"), text_of(event, "ResponseCode")
        async with self._ledger.pressing(task):
            card = await self._ledger.find(task)
            if card is None and not task.startswith(_OURS):
                return False
            press: _Press = {"key": text_of(event, "EventKey"), "selected": incoming.selected(event)}
            if text_of(event, "Event").lower() == incoming.MENU:  # stays as it is: it may be used again
                if card is not None:
                    await self._ledger.record(None, [_said(message, card, press, key=message.key)])
            else:
                await self._take(card, message, {**press, "user": message.sender}, code)
        self.presses += 1
        self._due.set()
        return True

    async def _take(self, card: SentCard[_Press] | None, message: Message, press: _Press, code: str) -> None:
        """Put a press on disk, with how its card is to look then; None: a card of which nothing is known."""
        said: list[Message] = []
        values: dict[str, _Update] = {}
        if card is not None and card.press(press):
            said.append(_said(message, card, press, key=f"press:{card.id}"))
        if code:
            task, to = text_of(message.parts[0].data, "TaskId"), card.to if card else message.reply_to
            change = _after(card) if card else _shows(_EXPIRED)
            agent = message.reply_to.get("agentid")
            values[_update_key(code)] = {
                "code": code,
                "task": task,
                "agentid": agent,
                "to": to,
                "change": change,
            }
        if card is not None or values:
            await self._ledger.record(card, said, values)

    async def run(self) -> None:
        """Change pressed cards until cancelled; what was due before a restart is done first."""
        while True:
            self._due = anyio.Event()
            wait = await self._catch_up()
            if wait:
                with anyio.move_on_after(wait):
                    await self._due.wait()
            else:
                await self._due.wait()

    async def _catch_up(self) -> float:
        """Do all updates that are due; returns the seconds until those that failed are tried again."""
        wait = 0.0
        try:
            for key, update in (await self._keep.items("update:")).items():
                wait = max(wait, await self._update(key, cast(_Update, update)))
        except (RateLimited, AuthFailed) as error:  # the others would fare no better
            log.warning("card updates are waiting", reason=str(error))
            wait = error.retry_after if isinstance(error, RateLimited) else max(self._retry, _RETRY_AUTH)
        except MindBotError as error:
            log.warning("card updates are waiting", reason=str(error))
            wait = max(wait, self._retry)
        return wait

    async def _update(self, key: str, update: _Update) -> float:
        """Do one update; returns the seconds to wait before it is tried again, 0 at its end.

        Raises:
            RateLimited, AuthFailed: it is for later, and so are all others.
        """
        try:
            await self._change(update["code"], update["to"], update["agentid"], update["change"])
            self.updates += 1
        except (RateLimited, AuthFailed):
            raise
        except MindBotError as error:
            if error.retryable:
                return self._retry
            self.failed += 1
            log.warning("a card was not changed", task=update["task"], reason=str(error))
        await self._keep.put(key, None)
        return 0.0

    async def _change(self, code: str, to: Json, agent: int | None, change: Json) -> None:
        users = say.receivers(to)
        whom: Json = {"userids": [str(to["touser"])]} if len(users) == 1 else {"atall": 1}
        agentid = agent or to.get("agentid") or self._settings.agent_id
        await self._api.post(
            "message/update_template_card", {**whom, "agentid": agentid, "response_code": code, **change}
        )

    async def replace(self, task: str, change: Part | str) -> None:
        """Change a card that nobody pressed: another card in its place, or a text on its grey button.

        Raises:
            NotFound: the card is too old, or was changed already.
            Conflict: somebody pressed it; it shows that.
            VendorError: WeCom refused.
        """
        card, kept = await self._ledger.find(task), await self._keep.get(f"code:{task}")
        if card is not None and card.pressed is not None:
            raise Conflict("the card was pressed already")
        if card is None or kept is None:
            raise NotFound(f"no card {task!r} that can be changed", hint="within 72 hours, and once")
        body = _shows(change) if isinstance(change, str) else _replaced(change, f"{task}-r")
        await self._keep.put(f"code:{task}", None)  # good for one call, whatever comes of it
        await self._change(kept["code"], card.to, None, body)


def _said(message: Message, card: SentCard[_Press], press: _Press, *, key: str) -> Message:
    text, _ = templates.pressed(card.part, press["key"], press["selected"])
    part = card.said(text, press["key"], press["selected"])
    return replace(message, key=key, session=card.session, kind="text", parts=(part,))


def _after(card: SentCard[_Press]) -> Json:
    """Return how a card looks once it was pressed: ``data["after"]`` says it, or the button turns grey."""
    after, press = card.part.data.get("after"), card.pressed
    assert press is not None
    if isinstance(after, dict):
        return {"template_card": templates.with_task(after, f"{card.id}-r")}
    if isinstance(after, str) and after:
        return _shows(after)
    return _shows(_PRESSED + templates.pressed(card.part, press["key"], press["selected"])[1])


def _replaced(part: Part, task: str) -> Json:
    card = templates.of_part(part, task)
    if card is None:
        raise Invalid("a card is changed into another card, or its button into a text")
    limits.check_card(card)
    return {"template_card": card}


def _shows(text: str) -> Json:
    return {"button": {"replace_name": text}}


def _update_key(code: str) -> str:
    return f"update:{hashlib.sha256(code.encode()).hexdigest()[:40]}"
