"""The simulator of WeCom AI bots: webhook and long-connection mode at once, users, groups, files, cards."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import quote

import anyio
import orjson
from aiohttp import ClientSession, TCPConnector, web

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.phones import Phones, ShownMessage
from mindbot.sim.server import Simulator, SimulatorSettings, json_response
from mindbot.sim.wecom.attempts import PushRules
from mindbot.sim.wecom.crypto import CallbackCipher
from mindbot.sim.wecombot.checks import MESSAGES, Refused
from mindbot.sim.wecombot.gateway import LINE_KINDS, Gateway, LinePush, LineRules
from mindbot.sim.wecombot.hook import HOOK_KINDS, Called, Hook
from mindbot.sim.wecombot.people import CallbackBuilder
from mindbot.sim.wecombot.polls import PollRules, Polls
from mindbot.sim.wecombot.replies import Asked, BotReplies
from mindbot.sim.wecombot.screens import Screens
from mindbot.sim.wecombot.uploads import Uploads

CONNECTION = "connection"  # in place of a callback URL


@dataclass(frozen=True, slots=True, kw_only=True)
class WeComBotSimSettings(SimulatorSettings):
    """One AI bot; without ``strict`` any BotID and Secret subscribe, each a bot of its own.

    ``callback_url`` is where messages go by default: a URL, or ``connection``. Times are seconds. With
    ``tls`` there is a second port for ``wss:``; ``count_frames``: see `BotReplies`.
    """

    bot_id: str = "aibSIMULATED"
    secret: str = "sim-wecombot-secret"  # noqa: S105 - a simulator has nothing to hide
    token: str = "SimBotToken"  # noqa: S105
    encoding_aes_key: str = "SimulatedBotKeySimulatedBotKeySimulated0123"
    callback_url: str = CONNECTION
    media_ttl: float = 300.0
    url_ttl: float = 3600.0
    stream_lifetime: float = 360.0
    uploads_per_minute: int = 30
    count_frames: bool = False
    clock: Callable[[], float] = time.monotonic
    push: PushRules = field(default_factory=PushRules)
    poll: PollRules = field(default_factory=PollRules)
    line: LineRules = field(default_factory=LineRules)
    tls: ssl.SSLContext | None = None


class WeComBotSimulator(Simulator):
    """See the module. ``people``, ``screens``, ``gateway`` and ``phones`` are for tests in one process."""

    name: ClassVar[str] = "wecombot"
    Settings: ClassVar[type[SimulatorSettings]] = WeComBotSimSettings
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **HOOK_KINDS,
        **LINE_KINDS,
        "errcode": kind(),  # of a frame by its command, or of response_url
        "stream-expiry": kind(once=True),  # polling stops before its time
        "expired-media": kind(),  # a file's URL has ended
    }

    def __init__(self, settings: WeComBotSimSettings) -> None:
        super().__init__(settings)
        s = self.settings = settings
        self.callback_url = s.callback_url
        self.phones = Phones(s.clock, self.counters)
        self.crypto = CallbackCipher(s.token, s.encoding_aes_key, "")
        self.people = CallbackBuilder(
            s.bot_id,
            s.encoding_aes_key,
            lambda: self.origin,
            s.clock,
            media_ttl=s.media_ttl,
            url_ttl=s.url_ttl,
        )
        self.screens = Screens(self.phones, self.counters, s.clock, s.stream_lifetime)
        uploads = Uploads(s.clock, s.uploads_per_minute)
        self.replies = BotReplies(
            self.people, self.screens, uploads, self.counters, s.clock, count_frames=s.count_frames
        )
        self.gateway = Gateway(self.replies, s.line, self._accepts, self.faults, self.counters)
        self.tls_port = 0

    def _accepts(self, bot_id: str, secret: str) -> bool:
        s = self.settings
        return bool(bot_id and secret) and (not s.strict or (bot_id, secret) == (s.bot_id, s.secret))

    @property
    def ws_url(self) -> str:
        """Where bots connect."""
        return self.origin.replace("http:", "ws:", 1)

    @property
    def wss_url(self) -> str:
        """The same with TLS; empty without ``tls``."""
        return f"wss://localhost:{self.tls_port}" if self.tls_port else ""

    def details(self) -> Json:
        s = self.settings
        urls = {"base_url": self.base_url, "api_base_url": self.base_url, "ws_url": self.ws_url}
        return {
            **urls,
            "bot_id": s.bot_id,
            "secret": s.secret,
            "token": s.token,
            "EncodingAESKey": s.encoding_aes_key,
        }

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self.settings.tls is not None and self._runner is not None:
            await web.TCPSite(self._runner, self.host, 0, ssl_context=self.settings.tls).start()
            self.tls_port = self._runner.addresses[-1][1]
        self._session = ClientSession(connector=TCPConnector(limit=0, keepalive_timeout=60))
        self._group = anyio.create_task_group()
        tasks = await self._group.__aenter__()
        s = self.settings
        self.hook = Hook(self._session, self.crypto, s.push, self.faults, self.counters)
        self.polls = Polls(
            self.hook, self.people, self.screens, s.poll, self.faults, self.counters, s.clock, tasks
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)
        for connection in list(self.gateway.connections):
            connection.abort()
        try:
            await super().__aexit__(kind, exc, trace)
        finally:
            await self._session.close()

    def reset(self) -> None:
        super().reset()
        self.screens.clear()

    # -- the platform's API ------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.gateway.connect(request)
        if request.path.startswith("/media/"):
            return self._file(request.path.removeprefix("/media/"))
        if request.path != "/cgi-bin/aibot/response":
            return web.Response(status=404)
        try:
            self._by_url(
                request.query.get("response_code", ""), orjson.loads(await request.read() or b"null")
            )
        except ValueError:
            return json_response(Refused(40058, "not JSON").to_json())
        except Refused as refused:
            self.counters[f"errcode.{refused.code}"] += 1
            return json_response(refused.to_json())
        return json_response({"errcode": 0, "errmsg": "ok"})

    def error_body(self, fault: Fault) -> Json:
        code = fault.number if fault.kind == "errcode" else -1
        return {"errcode": code, "errmsg": MESSAGES.get(code, "error")}

    def _by_url(self, code: str, body: Any) -> None:
        """Answer a message by its response_url: once, within its time."""
        self.counters["aibot/response"] += 1
        screen, group, until = self.people.urls.get(code, ("", False, 0.0))
        if not screen or until < self.settings.clock():
            raise Refused(40058, "invalid response_code")
        if not isinstance(body, dict):
            raise Refused(40058, "no object")
        kinds = frozenset({"markdown", "template_card"})
        self.screens.message(screen, body, group=group, via="response_url", kinds=kinds)
        del self.people.urls[code]

    def _file(self, id: str) -> web.Response:
        kept = self.people.files.get(id)
        gone = bool(self.faults) and self.faults.strike("/media/", "expired-media") is not None
        if kept is None or gone or kept.until < self.settings.clock():
            return web.Response(status=404)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(kept.name)}"}
        return web.Response(
            body=kept.content,
            content_type="application/octet-stream",
            headers=headers if kept.name else None,
        )

    # -- what people do ----------------------------------------------------------------------------------

    def new_msgid(self) -> str:
        return self.people.new_msgid()

    async def push_text(
        self,
        user: str,
        text: str,
        *,
        msgid: str = "",
        url: str = "",
        persistent: float = 0.0,
        group: str = "",
    ) -> Called | LinePush:
        """Let a user say something; in a group the text gets the bot's name in front."""
        content = {"text": {"content": f"@Bot {text}" if group else text}}
        return await self.say(user, "text", content, group=group, msgid=msgid, url=url, persistent=persistent)

    async def say(
        self,
        user: str,
        msgtype: str,
        content: Json,
        *,
        group: str = "",
        msgid: str = "",
        url: str = "",
        persistent: float = 0.0,
    ) -> Called | LinePush:
        """Let a user send anything; ``content`` holds the type's object, and a ``quote`` where there is one.

        Raises:
            ConfigError: the platform never lets this kind through from a group.
        """
        if self.people.refuses(msgtype, group):
            raise ConfigError(f"{msgtype} cannot be sent in groups")
        body = self.people.body(user, msgtype, content, group=group, msgid=msgid)
        self.phones.join(group or user)
        target = url or self.callback_url
        if target != CONNECTION:
            return await self.polls.say(target, body, persistent=persistent)
        asked = Asked(group or user, bool(group), self.settings.clock())
        return await self.gateway.push(self.settings.bot_id, body, asked, persistent=persistent)

    def offer(self, content: bytes, name: str = "", *, url: str = "") -> Json:
        """Put a file where bots can fetch it, encrypted as the mode of ``url`` (or the default) does it."""
        return self.people.offer(content, name=name, own_key=(url or self.callback_url) == CONNECTION)

    async def event(
        self, user: str, event: Json, *, group: str = "", msgid: str = "", url: str = ""
    ) -> Called | LinePush:
        """Let an event happen to a user; what webhook mode answers is drawn."""
        body = self.people.event(user, event, group=group, msgid=msgid)
        target, kind = url or self.callback_url, str(event["eventtype"])
        if target == CONNECTION:
            asked = Asked(group or user, bool(group), self.settings.clock(), kind)
            return await self.gateway.push(self.settings.bot_id, body, asked)
        called = await self.hook.call(target, body)
        self._drawn(called, kind, group or user)
        return called

    def _drawn(self, called: Called, kind: str, screen: str) -> None:
        """Draw the answer to an event, and count one that is not allowed."""
        if not called.reply:
            return
        try:
            if kind == "enter_chat":
                kinds = frozenset({"text", "template_card"})
                self.screens.message(screen, called.reply, group=False, via="welcome", kinds=kinds)
            elif kind == "template_card_event":
                self.screens.update(called.reply.get("template_card") or {})
            else:
                raise Refused(40058, "only an empty answer is allowed")
        except Refused as refused:
            called.error = f"bad reply: {refused}"
            self.counters["bad_replies"] += 1

    async def enter(self, user: str, **more: Any) -> Called | LinePush:
        """Let a user open the chat for the first time of the day."""
        return await self.event(user, {"eventtype": "enter_chat"}, **more)

    async def press(
        self, user: str, task: str, key: str, *, chosen: Mapping[str, list[str]] | None = None, **more: Any
    ) -> Called | LinePush:
        """Let a user press a card's button; ``chosen`` are option ids by question."""
        items: list[Json] = [
            {"question_key": k, "option_ids": {"option_id": v}} for k, v in (chosen or {}).items()
        ]
        found = self.screens.cards.get(task)
        kind = found[2]["card_type"] if found else "button_interaction"
        press: Json = {"card_type": kind, "event_key": key, "task_id": task}
        press["selected_items"] = {"selected_item": items}
        return await self.event(
            user, {"eventtype": "template_card_event", "template_card_event": press}, **more
        )

    async def rate(self, user: str, id: str, type: int, **more: Any) -> Called | LinePush:
        """Let a user rate an answer: 1 accurate, 2 inaccurate, 3 withdrawn."""
        known: Json = {name: more.pop(name) for name in ("content", "inaccurate_reason_list") if name in more}
        feedback: Json = {"id": id, "type": type, **known}
        return await self.event(user, {"eventtype": "feedback_event", "feedback_event": feedback}, **more)

    def inbox(self, screen: str) -> list[ShownMessage]:
        """Return what a user (or a group) sees, oldest first."""
        return self.phones.inbox(screen)
