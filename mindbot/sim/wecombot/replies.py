"""What bots may say over the long connection: replies, messages of their own, files.

Source: WeCom developer centre, "AI bot long connection" (path/101463).
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from mindbot.domain.message import Json
from mindbot.sim.wecombot import checks
from mindbot.sim.wecombot.checks import Refused
from mindbot.sim.wecombot.people import CallbackBuilder
from mindbot.sim.wecombot.screens import Screens
from mindbot.sim.wecombot.uploads import Uploads

_FILES = frozenset({"file", "image", "voice", "video"})
_SENDS = frozenset({"markdown", "template_card"}) | _FILES
_REPLY_TTL = 86_400.0
_EVENT_TTL = 5.0


@dataclass(slots=True)
class Asked:
    """What a request id stands for. ``event`` is empty for messages; ``at`` is in the clock's seconds."""

    screen: str
    group: bool
    at: float
    event: str = ""


class BotReplies:
    """Carries out commands of subscribed connections.

    ``count_frames``: whether each frame of a stream counts as a message, which is on no page.
    """

    def __init__(
        self,
        people: CallbackBuilder,
        screens: Screens,
        uploads: Uploads,
        counters: Counter[str],
        clock: Callable[[], float],
        *,
        count_frames: bool,
    ) -> None:
        self._people = people
        self._screens = screens
        self.uploads = uploads
        self._counters = counters
        self._clock = clock
        self.count_frames = count_frames
        self.asked: dict[str, Asked] = {}
        self._lately: defaultdict[str, deque[float]] = defaultdict(deque)

    def carry_out(self, command: str, id: str, body: Json) -> Json:
        """Carry out one command; raises Refused."""
        match command:
            case "aibot_respond_msg":
                return self._reply(id, body)
            case "aibot_send_msg":
                return self._send(body)
            case "aibot_respond_welcome_msg":
                asked = self._of(id, "enter_chat", _EVENT_TTL)
                kinds = frozenset({"text", "template_card"})
                self._screens.message(asked.screen, body, group=False, via="welcome", kinds=kinds)
                return {}
            case "aibot_respond_update_msg":
                self._of(id, "template_card_event", _EVENT_TTL)
                if body.get("response_type") != "update_template_card":
                    raise Refused(40058, "bad response_type")
                self._screens.update(checks.card_of(body))
                return {}
            case "aibot_upload_media_init":
                return self.uploads.init(body)
            case "aibot_upload_media_chunk":
                return self.uploads.chunk(body)
            case "aibot_upload_media_finish":
                return self.uploads.finish(body)
        raise Refused(40058, f"no command {command}")

    def _of(self, id: str, event: str, ttl: float) -> Asked:
        asked = self.asked.get(id)
        if asked is None or asked.event != event or self._clock() - asked.at > ttl:
            raise Refused(846605)
        return asked

    def _reply(self, id: str, body: Json) -> Json:
        asked = self._of(id, "", _REPLY_TTL)
        if body.get("msgtype") == "stream":
            first = (asked.screen, str((body.get("stream") or {}).get("id"))) not in self._screens.bubbles
            if first or self.count_frames:
                self._count(asked.screen)
            self._screens.stream(asked.screen, body, polled=False)
            return {}
        self._message(asked.screen, body, group=asked.group, via="reply")
        return {}

    def _send(self, body: Json) -> Json:
        chat = str(body.get("chatid") or "")
        if chat not in self._people.known:
            raise Refused(93006, "nobody wrote to the bot there")
        if body.get("chat_type", 0) not in (0, 1, 2):
            raise Refused(40058, "bad chat_type")
        group = body.get("chat_type") == 2
        self._message(chat, body, group=group, via="send")
        return {}

    def _message(self, screen: str, body: Json, *, group: bool, via: str) -> None:
        kind = str(body.get("msgtype"))
        if kind in _FILES:
            self.uploads.check(str((body.get(kind) or {}).get("media_id")), kind)
        self._count(screen)
        self._screens.message(screen, body, group=group, via=via, kinds=_SENDS)

    def _count(self, screen: str) -> None:
        """Count a message of a conversation; raises Refused beyond 30 a minute or 1,000 an hour."""
        now, lately = self._clock(), self._lately[screen]
        while lately and lately[0] < now - 3600:
            lately.popleft()
        if len(lately) >= 1000 or sum(at > now - 60 for at in lately) >= 30:
            self._counters["over_limit"] += 1
            raise Refused(45009)
        lately.append(now)
