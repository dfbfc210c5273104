"""AI cards: answers that grow while they are written.

Sources: "Create and deliver cards", "AI card streaming update", "AI card templates" (open.dingtalk.com/
document/development); the template that every app may use, and that it wants its state set, are the official
Python SDK's (PyPI dingtalk-stream).
"""

from __future__ import annotations

import random
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import anyio

from mindbot.domain import fields
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import NetworkFailed, RateLimited, Rejected, VendorError
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.platforms.before_sending import unsent
from mindbot.platforms.dingtalk.client import DingTalkClient
from mindbot.platforms.dingtalk.markdown import broken
from mindbot.platforms.dingtalk.sender import users_of
from mindbot.platforms.split import printable

if TYPE_CHECKING:
    from mindbot.platforms.dingtalk.settings import DingTalkSettings

_AI_TEMPLATE = "382e4302-551d-4880-bf29-a30acfab2e71.schema"
_STREAMING = "/v1.0/card/streaming"
_CREATE = "/v1.0/card/instances/createAndDeliver"
_UPDATE = "/v1.0/card/instances"
_INPUTING, _FINISHED, _FAILED = "2", "3", "5"
_TRIES = 5  # to put the last text on a card, within one attempt
_ATTEMPTS = 5  # of the outbox, after which a card that cannot be finished is given up for a plain reply
_UNSURE_ATTEMPTS = 12  # the same where the last update may have arrived
_SHARE = 0.75  # of the calls that may be made
_OPEN = 10_000  # cards remembered
_FINISH = 20.0  # seconds for one attempt to end a card; the outbox gives one thirty
_MARK = 3.0  # seconds for marking a card as failed
_PLACE = 6.0  # seconds that a card waits to be made; whoever shows an answer gives an update ten
_BESIDE = 1.0  # seconds that an update waits for others; last ones wait as long as it takes
_DECIDED = 86_400.0  # seconds it is known that an answer is not on its card

INTERRUPTED = "（已中断，见下 interrupted, see below）"


def track_of(delivery: Delivery) -> str:
    """Return the card's outTrackId, the same at every attempt."""
    return f"mb-{delivery.id}"


def turn_of(track: str) -> str:
    """Return the public id of the turn a card answers, empty when it is none of ours."""
    head, _, rest = track.partition("-")
    return rest.rpartition("-")[0] if head == "mb" else ""


class AnswerCards:
    """Cards that show an answer while it is written."""

    def __init__(
        self, client: DingTalkClient, settings: DingTalkSettings, keep: Keep, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._keep = keep
        self._settings = settings
        self._template = settings.card_template_id or _AI_TEMPLATE
        self._explicit = not settings.card_template_id  # the shared template wants its state set by hand
        self._key = settings.card_key or ("msgContent" if self._explicit else "content")
        self._shown: OrderedDict[str, str] = OrderedDict()  # outTrackId → the text on it
        self._carriers: dict[str, str] = {}  # outTrackId → what quotes of the card name it by
        self._began = clock()  # cards from before may be there although nothing here knows of them

    @property
    def open(self) -> int:
        """Cards that are being written now."""
        return len(self._shown)

    @property
    def pace(self) -> float:
        """Seconds to a card's next update.

        Many open cards share what the app may call: each waits as long as lets all of them have a turn.
        Never quite the same, so that cards begun together spread out.
        """
        fair = len(self._shown) / (self._settings.calls_per_second * _SHARE)
        return max(self._settings.card_pace, fair) * random.uniform(0.8, 1.2)

    async def show(self, delivery: Delivery, text: str) -> None:
        """Show the text so far; an update that must wait for its turn is left out. Raises VendorError."""
        track = track_of(delivery)
        if not text or text.isspace() or self._too_long(text):
            return
        text = broken(printable(text))
        if track not in self._shown:
            if not await self._client.pace(_CREATE).soon(_PLACE):
                return
            try:
                await self._open(delivery, track)
                if self._explicit:
                    await self._set(track, {self._key: "", "flowStatus": _INPUTING})
            except RateLimited:
                return  # the pace is held; the next update tries again
        if text == self._shown.get(track) or not await self._client.pace(_STREAMING).soon(_BESIDE):
            return
        try:
            await self._stream(track, text)
        except RateLimited:
            return  # the pace is held; the next update brings all of it
        self._shown[track] = text

    async def _open(self, delivery: Delivery, track: str) -> None:
        """Create the card. It is known from before on: a call that is cut off may have made it."""
        self._shown[track] = ""
        while len(self._shown) > _OPEN:
            self._carriers.pop(self._shown.popitem(last=False)[0], None)
        try:
            await self._create(delivery, track)
        except VendorError as error:
            if not (isinstance(error, NetworkFailed) and error.sent):
                self._shown.pop(track, None)
            if isinstance(error, Rejected):
                await self._plainly(track, error)
            raise

    async def finish(self, delivery: Delivery, text: str) -> Sent | None:
        """Put the whole answer on the card; None when that cannot be, and it must be said plainly.

        Raises:
            VendorError, StoreError: not now; the same call later cannot show anything twice.
        """
        track = track_of(delivery)
        before = delivery.again or delivery.attempts > 1 or delivery.created < self._began
        if track not in self._shown and (not before or await self._keep.get(f"plain:{track}")):
            return None
        try:
            if self._too_long(text):
                raise Rejected("longer than a card may be", hint="see `card_bytes`", code="card_bytes")
            await _in_time(self._stubborn(track, broken(printable(text))))
        except VendorError as error:
            unsure = isinstance(error, NetworkFailed) and error.sent
            if error.retryable and delivery.attempts < (_UNSURE_ATTEMPTS if unsure else _ATTEMPTS):
                # It may be repeated freely: how it ended need not be known.
                raise unsent(error)  # noqa: B904 - with its cause
            delivery.notes.card_error = str(error)
            await self._plainly(track, error)
            await self._give_up(track)
            return None
        self._shown.pop(track, None)
        return Sent(track, {"card": track, "carrier": self._carriers.pop(track, "")})

    async def interrupted(self, delivery: Delivery) -> None:
        """End a card that an earlier process left growing; raises VendorError for what may pass."""
        track = track_of(delivery)
        try:
            await _in_time(self._end_interrupted(track))
        except VendorError as error:
            if error.retryable and delivery.attempts < _ATTEMPTS:
                raise unsent(error)  # noqa: B904 - with its cause
            delivery.notes.card_error = str(error)  # the answer below it matters more

    async def _end_interrupted(self, track: str) -> None:
        await self._client.pace(_STREAMING).turn()
        await self._stream(track, INTERRUPTED, last=True)
        if self._explicit:
            await self._set(track, {self._key: INTERRUPTED, "flowStatus": _FAILED})

    async def _stubborn(self, track: str, text: str) -> None:
        """Finish a card, and wait where there are too many calls: the last update is never left out."""
        for attempt in range(1, _TRIES + 1):
            try:
                await self._client.pace(_STREAMING).turn()
                await self._stream(track, text, last=True)
                if self._explicit:
                    await self._set(track, {self._key: text, "flowStatus": _FINISHED})
                return
            except RateLimited:  # the pace is held so long
                if attempt == _TRIES:
                    raise

    def _too_long(self, text: str) -> bool:
        s = self._settings
        most = s.card_bytes or s.messages_per_reply * s.message_bytes  # or what messages would hold
        return len(text) > most or len(text) * 4 > most < len(text.encode("utf-8", "replace"))

    async def _plainly(self, track: str, error: VendorError) -> None:
        """Note on disk that this answer is said plainly: a card that failed takes a last text in silence."""
        await self._keep.put(f"plain:{track}", {"why": str(error)}, ttl=_DECIDED)

    async def _give_up(self, track: str) -> None:
        """Mark a card failed as well as one can: the answer is said below it."""
        self._shown.pop(track, None)
        self._carriers.pop(track, None)
        body = self._frame(track, INTERRUPTED) | {"isError": True}
        try:
            with anyio.move_on_after(_MARK):
                await self._client.call("PUT", _STREAMING, body, patient=False)
                if self._explicit:
                    await self._set(track, {self._key: INTERRUPTED, "flowStatus": _FAILED})
        except VendorError:
            return  # it may not even exist

    async def _create(self, delivery: Delivery, track: str) -> None:
        params = {self._key: ""} | ({"flowStatus": "1"} if self._explicit else {})
        carrier = await deliver(self._client, track, self._template, params, delivery.to)
        if carrier:
            self._carriers[track] = carrier

    async def _stream(self, track: str, text: str, *, last: bool = False) -> None:
        # With states set by hand the state, not the frame, ends the card.
        final = last and not self._explicit
        await self._client.call("PUT", _STREAMING, self._frame(track, text, last, final), patient=False)

    def _frame(self, track: str, text: str, last: bool = False, final: bool = False) -> Json:
        # The same guid is the same update: a repeated last one changes nothing.
        guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{track}:last")) if last else str(uuid.uuid4())
        frame: Json = {"outTrackId": track, "guid": guid, "key": self._key, "content": text}
        return frame | {"isFull": True, "isFinalize": final, "isError": False}

    async def _set(self, track: str, params: dict[str, str]) -> None:
        await change(self._client, track, params)


async def change(client: DingTalkClient, track: str, params: dict[str, str]) -> None:
    """Change some variables of a card; raises VendorError."""
    body = {"outTrackId": track, "cardData": {"cardParamMap": params}}
    await client.call("PUT", _UPDATE, body | {"cardUpdateOptions": {"updateCardDataByKey": True}})


async def deliver(client: DingTalkClient, track: str, template: str, params: dict[str, str], to: Json) -> str:
    """Create a card and put it into a conversation; once there it is not made again.

    Returns: what a quote of it will name it by, empty when that is not known.

    Raises:
        VendorError: it could not be delivered.
    """
    body: Json = {
        "cardTemplateId": template,
        "outTrackId": track,
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": params},
        "imGroupOpenSpaceModel": {"supportForward": True},
        "imRobotOpenSpaceModel": {"supportForward": True},
        "userIdType": 1,
    }
    if to.get("group"):
        body["openSpaceId"] = f"dtv1.card//IM_GROUP.{to['conversation']}"
        body["imGroupOpenDeliverModel"] = {"robotCode": client.robot_code}
    else:
        body["openSpaceId"] = ";".join(f"dtv1.card//IM_ROBOT.{user}" for user in users_of(to))
        body["imRobotOpenDeliverModel"] = {"spaceType": "IM_ROBOT", "robotCode": client.robot_code}
    try:
        answer = await client.call("POST", _CREATE, body, patient=False)
    except VendorError as error:
        if error.code == "param.cardAlreadyExist":
            return ""  # an attempt whose answer was lost
        raise
    carrier = ""
    for result in fields.mappings(fields.mapping(answer.get("result")).get("deliverResults")):
        if not result.get("success"):
            why = fields.text(result.get("errorMsg")) or "no reason given"
            raise Rejected(f"the card was not delivered: {why}")
        carrier = fields.text(result.get("carrierId")) or carrier
    return carrier


def can_show(to: Json) -> bool:
    """Tell whether a conversation can have cards: outsiders have no id that one could be sent to."""
    return bool(to.get("group") or to.get("user"))


async def _in_time(work: Coroutine[Any, Any, None]) -> None:
    """Do something that may be repeated freely, and give up before the outbox would: it cannot know that."""
    try:
        with anyio.fail_after(_FINISH):
            await work
    except TimeoutError as error:
        raise NetworkFailed(f"the card was not answered for in {_FINISH:g}s") from error
