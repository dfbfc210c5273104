"""Plain messages: by the session webhook while it lives, or else by the robot API.

Sources: "Robot message types", "Chatbots send one-on-one chat messages in batches", "The robot sends a group
message", "Batch message recall" (open.dingtalk.com/document/development). How long a session webhook lives
is told with it, and it is known to end earlier.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mindbot.domain import fields
from mindbot.domain.delivery import Delivery, DeliveryNotes, Sent
from mindbot.domain.errors import RateLimited, Rejected
from mindbot.domain.host import Host
from mindbot.domain.message import Json, Part
from mindbot.platforms.before_sending import preparing
from mindbot.platforms.dingtalk import errors, say
from mindbot.platforms.dingtalk.client import DingTalkClient
from mindbot.platforms.dingtalk.uploads import RobotUploads

if TYPE_CHECKING:
    from mindbot.platforms.dingtalk.settings import DingTalkSettings

_EARLY = 300.0  # seconds before its end a session webhook is left alone
_DEAD = 5000  # session webhooks remembered as gone
BY_WEBHOOK = "session-"  # before our own id of what was said by a session webhook
_MAX_KEYS = 20  # messages taken back in one call
#: Why a recall leaves a message that is not there (any more).
_UNKNOWN_MESSAGE = frozenset({"invalid.processQueryKey", "invalidParameter.processQueryKey.missing"})
_MAX_USERS = 20  # the page's table says 20, its errors say 100


def users_of(to: Json) -> list[str]:
    """Return the staff ids that an address names."""
    return [user for user in (each.strip() for each in str(to.get("user") or "").split(",")) if user]


class RobotSender:
    """Says planned messages of one bot."""

    def __init__(
        self, client: DingTalkClient, settings: DingTalkSettings, host: Host, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._uploaded = RobotUploads(client, host.media, pack=settings.pack_files)
        self._gone: OrderedDict[str, None] = OrderedDict()  # session webhooks that ended early

    async def say(self, parts: Sequence[Part], delivery: Delivery) -> Sent:
        """Say one planned message; raises VendorError, or Invalid for a file that is too large."""
        to, title = delivery.to, self._settings.robot_name
        first = delivery.n == 0 and not delivery.said
        if first and self._settings.at_sender and to.get("group") and to.get("user"):
            parts = [Part("mention", "", {"user": to["user"]}), *parts]
        if not to.get("group") and not to.get("user"):  # an outsider: webhooks are the only way
            parts = [say.in_words(part) if part.kind in say.FILES else part for part in parts]
        body = say.by_webhook(parts, title)
        if body is not None and (url := self._webhook(to)):
            try:
                await self._client.webhook(url, body)
                return Sent(f"{BY_WEBHOOK}{delivery.id}", _degraded(parts))
            except Rejected as error:
                if error.code not in errors.WEBHOOK_GONE:
                    raise
                self._gone[url] = None
                while len(self._gone) > _DEAD:
                    self._gone.popitem(last=False)
            except RateLimited as error:
                # Twenty a minute may be all that webhooks carry; the API takes as many a second.
                if error.code not in errors.WEBHOOK_BUSY or not (to.get("group") or to.get("user")):
                    raise
        with preparing():
            parts = [await self._uploaded(part, delivery.notes) for part in parts]
        key, param = say.by_api(parts, title)
        return Sent(await self._by_api(key, param, delivery), _degraded(parts))

    def _webhook(self, to: Json) -> str:
        url = str(to.get("webhook") or "")
        alive = url not in self._gone and float(to.get("until") or 0) - _EARLY > self._clock()
        return url if alive else ""

    async def _by_api(self, key: str, param: Json, delivery: Delivery) -> str:
        """Send by the robot API; returns the processQueryKey."""
        to = delivery.to
        body: Json = {"robotCode": self._client.robot_code, "msgKey": key, "msgParam": say.param_text(param)}
        if to.get("group"):
            body["openConversationId"] = to["conversation"]
            answer = await self._client.call("POST", "/v1.0/robot/groupMessages/send", body)
            return fields.text(answer.get("processQueryKey"))
        users = users_of(to)
        if not users:
            hint = "outsiders can be answered for about ninety minutes after they wrote"
            raise Rejected("no way to reach this user any more", hint=hint, code=errors.SESSION_GONE)
        return await self._to_users(body, users, delivery.notes)

    async def _to_users(self, body: Json, users: list[str], notes: DeliveryNotes) -> str:
        """Send to users, twenty at a time; a later attempt goes on with those who are left."""
        id = notes.query_key or ""
        left = notes.left or users
        while left:
            now, later = left[:_MAX_USERS], left[_MAX_USERS:]
            answer = await self._client.call(
                "POST", "/v1.0/robot/oToMessages/batchSend", body | {"userIds": now}
            )
            id = fields.text(answer.get("processQueryKey")) or id
            slowed = fields.texts(answer.get("flowControlledStaffIdList"))
            unknown = fields.texts(answer.get("invalidStaffIdList"))
            if unknown:
                if len(users) == 1:
                    hint = "the user is not in this enterprise, or outside the app's visible range"
                    raise Rejected(
                        f"oToMessages/batchSend: no user {unknown[0]}", hint=hint, code="staffId.notExisted"
                    )
                notes.not_reached = [*(notes.not_reached or ()), *unknown]
            left = [*slowed, *later]
            if len(users) > 1:
                notes.left, notes.query_key = left, id
                if key := fields.text(answer.get("processQueryKey")):
                    notes.query_keys = [*(notes.query_keys or ()), key]
            if slowed:
                what = f"oToMessages/batchSend: too many messages to {', '.join(slowed)}"
                raise RateLimited(what, retry_after=5.0, scope="session")
        return id

    async def take_back(self, delivery: Delivery) -> None:
        """Take back what the robot API sent for a delivery, within a day; raises VendorError."""
        keys: list[str] = delivery.notes.query_keys or [delivery.sent_id]
        if delivery.notes.card:
            raise Rejected("a card stays where it is", hint="messages that are no cards can be taken back")
        if not all(keys) or any(key.startswith(BY_WEBHOOK) for key in keys):
            hint = "an answer by session webhook stays; pushes can be taken back"
            raise Rejected("DingTalk gives no id for this message", hint=hint)
        path, more = "/v1.0/robot/otoMessages/batchRecall", {}
        if delivery.to.get("group"):
            path = "/v1.0/robot/groupMessages/recall"
            more = {"openConversationId": delivery.to["conversation"]}
        failed: Json = {}
        left = [key for key in keys if key not in delivery.gone]
        for at in range(0, len(left), _MAX_KEYS):
            some = left[at : at + _MAX_KEYS]
            body = {"robotCode": self._client.robot_code, "processQueryKeys": some, **more}
            answer = await self._client.call("POST", path, body)
            refused = fields.mapping(answer.get("failedResult"))
            if delivery.maybe_gone:
                refused = {key: why for key, why in refused.items() if why not in _UNKNOWN_MESSAGE}
            delivery.gone.extend(key for key in some if key not in refused)
            failed |= refused
        if failed:
            why = next(iter(failed.values()))
            raise Rejected(f"not recalled: {why}", code=str(why))


def _degraded(parts: Sequence[Part]) -> Json:
    was = [part.data["was"] for part in parts if "was" in part.data]
    return {"sent_as_text": was} if was else {}
