"""The DingTalk simulator: Stream mode, the robot's APIs, cards, and what people see on their screens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

import anyio
import orjson
from aiohttp import web

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.dingtalk.access import QPS, CallLimit, DingTalkTokens, OldRefusal, Refusal, bad_token, banned
from mindbot.sim.dingtalk.cards import AiCards
from mindbot.sim.dingtalk.frames import CARDS, MESSAGES, StreamPush, StreamRules
from mindbot.sim.dingtalk.gateway import StreamGateway
from mindbot.sim.dingtalk.media import StoredFiles
from mindbot.sim.dingtalk.people import RobotMessages
from mindbot.sim.dingtalk.robot import Robot
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.phones import Phones, ShownMessage
from mindbot.sim.server import Simulator, SimulatorSettings, json_response

_PRESS_SECONDS = 2.0  # a card callback must be answered within


@dataclass(frozen=True, slots=True, kw_only=True)
class DingTalkSimSettings(SimulatorSettings):
    """One enterprise; with ``strict`` one app, else every client id is an app of it.

    ``qps`` are the calls a second of an app to one API (0: any number), ``session_ttl`` the seconds a session
    webhook lives, ``max_content`` the bytes of a streamed card text (0: any), ``refuse_late`` refuses updates
    of cards that have ended (they are ignored otherwise).
    """

    client_id: str = "dingsimulatedapp"
    client_secret: str = "sim-dingtalk-secret"  # noqa: S105 - a simulator has nothing to hide
    corp: str = "dingSIMCORP"
    token_ttl: float = 7200.0
    session_ttl: float = 5400.0
    qps: int = 0
    max_content: int = 0
    refuse_late: bool = False
    clock: Callable[[], float] = time.monotonic
    stream: StreamRules = field(default_factory=StreamRules)


class DingTalkSimulator(Simulator):
    """See the module. ``gateway``, ``phones``, ``cards`` and ``people`` are for tests in the same process."""

    name: ClassVar[str] = "dingtalk"
    Settings: ClassVar[type[SimulatorSettings]] = DingTalkSimSettings
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        "errcode": kind(),  # the old API's: 90018, …
        "kick": kind(takes_duration=True),  # so long after it opened a connection is aborted (1006)
        "close": kind("code", takes_duration=True),  # the same, closed in good order: 1000, 1001
        "kick-before-ack": kind(),  # aborted when a push has just been written
        "rotate": kind(takes_duration=True),  # told to disconnect, silent, closed
        "half-open": kind(takes_duration=True),  # stays open and nothing goes through
        "refuse-handshake": kind(),
        "late-ack": kind(),  # an ack gets lost: the same msgId comes again in a new frame
        "duplicate": kind("on", "when", takes_duration=True),  # pushed twice; on=same, when=before
        "out-of-order": kind(takes_duration=True),  # a push waits so long: later ones overtake it
        "hostile": kind(),  # something that is no proper frame comes before a push
        "quota": kind(),  # the month's calls are used up: the message comes without its text
        "expired-token": kind(once=True),
        "throttle": kind(),  # 403 with the code of the limit a second
        "throttle-final": kind(),  # the same, for the frame that ends a card
        "ip-ban": kind("body"),  # this address is banned: JSON with the status 1111, or body=html
        "permission": kind(),
        "session-gone": kind(),  # a session webhook ends before its time
        "card-failed": kind(),  # a delivery that fails inside a 200
        "expired-code": kind(),  # a downloadCode is not good any more
        "cut-file": kind(),  # a download breaks off half way
    }

    def __init__(self, settings: DingTalkSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.tokens = DingTalkTokens(settings.token_ttl, settings.clock)
        self.phones = Phones(settings.clock, self.counters)
        robot = settings.client_id
        self.people = RobotMessages(settings.corp, robot, lambda: self.origin, settings.session_ttl)
        self.robot = Robot(
            self.phones, self.people, robot, gone=lambda: self._struck("/robot/sendBySession", "session-gone")
        )
        self.media = StoredFiles(self.people, self.robot, self.faults, lambda: self.origin)
        self.cards = AiCards(
            self.phones,
            settings.max_content,
            lambda kind: self._struck("/v1.0/card", kind),
            lambda user: self.people.profile(user) is not None,
            refuse_late=settings.refuse_late,
        )
        self.gateway = StreamGateway(settings.stream, self.faults, self.counters, settings.seed)
        self.limit = CallLimit(settings.qps, settings.clock)
        self.callback_url = "stream"  # there is always a way to push
        self._old: dict[str, Callable[[web.BaseRequest, Json], Any]] = {
            "/robot/sendBySession": lambda r, b: self.robot.by_session(r.query.get("session", ""), b),
            "/robot/send": lambda r, b: self.robot.by_custom(r.query.get("access_token", ""), b),
            "/topapi/v2/user/get": self._user,
            "/gettoken": self._gettoken,
        }
        self._new: dict[str, Callable[[Json], Json]] = {
            "POST /v1.0/robot/oToMessages/batchSend": self.robot.to_users,
            "POST /v1.0/robot/groupMessages/send": self.robot.to_group,
            "POST /v1.0/robot/otoMessages/batchRecall": self.robot.recall,
            "POST /v1.0/robot/groupMessages/recall": self.robot.recall,
            "POST /v1.0/robot/privateChatMessages/batchRecall": self.robot.recall,
            "POST /v1.0/robot/messageFiles/download": self.media.download,
            "POST /v1.0/card/instances": self.cards.create,
            "PUT /v1.0/card/instances": self.cards.update,
            "POST /v1.0/card/instances/deliver": self.cards.deliver,
            "POST /v1.0/card/instances/createAndDeliver": self.cards.create_and_deliver,
            "PUT /v1.0/card/streaming": self.cards.stream,
        }

    def details(self) -> Json:
        return {
            "base_url": self.base_url,
            "api_base_url": self.base_url,
            "oapi_base_url": self.base_url,
            "client_id": self.settings.client_id,
            "client_secret": self.settings.client_secret,
        }

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._tasks = anyio.create_task_group()
        self.gateway.tasks = await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        for connection in list(self.gateway.connections):
            connection.abort()
        await super().__aexit__(kind, exc, trace)

    def reset(self) -> None:
        super().reset()
        self.phones.clear()
        self.cards.cards.clear()

    # -- the platform's APIs -----------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path == "/connect":
            return await self.gateway.connect(request)
        if (ban := self.faults.strike(path, "ip-ban")) is not None:
            return banned(html=ban.options.get("body") == "html")
        try:
            if path.startswith("/file/"):
                return await self.media.file(request, path.removeprefix("/file/"))
            if path == "/media/upload":
                self._check_old(request)
                return json_response(await self.media.upload(request))
            body = await _body(request)
            if (old := self._old.get(path)) is not None:
                if path.startswith("/topapi"):
                    self._check_old(request)
                self._count_call(path, "oapi")
                return json_response(old(request, body))
            if path == "/v1.0/oauth2/accessToken":
                return json_response(self._token(str(body.get("appKey")), str(body.get("appSecret"))))
            if path == "/v1.0/gateway/connections/open":
                self._check_app(body.get("clientId"), body.get("clientSecret"), 401, "authFailed", "鉴权失败")
                return json_response(self.gateway.open(body, f"{self.host}:{self.port}"))
            call = self._new.get(f"{request.method} {path}")
            if call is None:
                return json_response(Refusal(404, "InvalidAction.NotFound").body, 404)
            self._count_call(path, self._check_new(request))
            return json_response(call(body))
        except Refusal as refused:
            self.counters[f"refused.{refused.code}"] += 1
            return json_response(refused.body, refused.status)
        except OldRefusal as refused:
            self.counters[f"errcode.{refused.code}"] += 1
            return json_response(refused.body)

    def error_body(self, fault: Fault) -> Json:
        if fault.kind == "errcode":
            return {"errcode": fault.number, "errmsg": "simulated", "request_id": "sim"}
        code = fault.options.get("code", "system.error")
        return {"code": code, "message": "simulated", "requestid": secrets.token_hex(8)}

    def _count_call(self, path: str, client: str) -> None:
        self.counters[path.removeprefix("/v1.0/").strip("/")] += 1
        if self._struck(path, "throttle"):
            raise Refusal(403, QPS, "您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
        if self._struck(path, "permission"):
            if path.startswith("/topapi"):
                raise OldRefusal(88, "ding talk error", sub_code="60011", sub_msg="qyapi_get_member")
            scopes = {"/v1.0/card/streaming": "Card.Streaming.Write", "/v1.0/card": "Card.Instance.Write"}
            scope = next((v for k, v in scopes.items() if path.startswith(k)), "qyapi_robot_sendmsg")
            detail = {"requiredScopes": [scope]}
            code = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
            raise Refusal(403, code, "应用尚未开通所需的权限", accessdenieddetail=detail)
        self.limit.count(client, path)

    def _check_app(self, client: Any, secret: Any, status: int, code: str, message: str = "") -> None:
        s = self.settings
        if not client or not secret or (s.strict and (client, secret) != (s.client_id, s.client_secret)):
            raise Refusal(status, code, message)

    def _token(self, client: str, secret: str) -> Json:
        self.counters["accessToken"] += 1
        self._check_app(client, secret, 400, "invalidClientIdOrSecret")
        return {"accessToken": self.tokens.fetch(client).text, "expireIn": int(self.tokens.ttl)}

    def _gettoken(self, request: web.BaseRequest, _: Json) -> Json:
        client, secret = request.query.get("appkey", ""), request.query.get("appsecret", "")
        if self.settings.strict and (client, secret) != (
            self.settings.client_id,
            self.settings.client_secret,
        ):
            raise OldRefusal(40089, "不合法的corpid或corpsecret")
        text = self.tokens.fetch(client).text
        return {"errcode": 0, "errmsg": "ok", "access_token": text, "expires_in": int(self.tokens.ttl)}

    def _check_new(self, request: web.BaseRequest) -> str:
        if self._struck(request.path, "expired-token"):
            self.tokens.revoke_all()
        token = self.tokens.check(request.headers.get("x-acs-dingtalk-access-token", ""))
        if token is None:
            raise bad_token()
        return token.client

    def _check_old(self, request: web.BaseRequest) -> None:
        if self._struck(request.path, "expired-token"):
            self.tokens.revoke_all()
        text = request.query.get("access_token", "")
        if self.tokens.check(text) is None:
            was = self.tokens.was(text)
            raise OldRefusal(42001 if was else 40014, "access_token超时" if was else "不合法的access_token")

    def _user(self, _: web.BaseRequest, body: Json) -> Json:
        profile = self.people.profile(str(body.get("userid", "")))
        if profile is None:
            raise OldRefusal(33012, "无效的USERID")
        return {"errcode": 0, "errmsg": "ok", "result": profile, "request_id": "sim"}

    def _struck(self, path: str, kind: str) -> bool:
        return bool(self.faults) and self.faults.strike(path, kind) is not None

    # -- what people do ----------------------------------------------------------------------------------

    def new_msgid(self) -> str:
        return self.people.new_msgid()

    async def push_text(
        self, user: str, text: str, *, msgid: str = "", url: str = "", persistent: float = 0.0
    ) -> StreamPush:
        """Let a user write to the robot. ``url`` may name the group they do it in, as ``group:ID``."""
        group = url.removeprefix("group:") if url.startswith("group:") else ""
        return await self.say(
            user, "text", {"content": f" {text}" if group else text}, group=group, msgid=msgid,
            persistent=persistent,
        )  # fmt: skip

    async def say(
        self,
        user: str,
        msgtype: str,
        body: Json,
        *,
        group: str = "",
        msgid: str = "",
        client: str = "",
        persistent: float = 0.0,
        **more: Json,
    ) -> StreamPush:
        """Let a user send anything; see `People.message`.

        Raises:
            ConfigError: the platform never lets this kind through from a group.
        """
        if self.people.refuses(msgtype, group):
            raise ConfigError(f"{msgtype} cannot be sent in groups")
        data = self.people.message(user, msgtype, body, group=group, msgid=msgid, **more)
        if self._struck("/connect", "quota"):
            del data["text" if msgtype == "text" else "content"]
            data |= {"errCode": 20001, "errMsg": "本月消息额度已用完"}
        self.phones.join(group or user)
        return await self.gateway.push(
            "CALLBACK", MESSAGES, client or self.settings.client_id, data, persistent=persistent
        )

    async def event(self, type: str, data: Json, *, client: str = "") -> StreamPush:
        """Let something happen in the enterprise that apps subscribed to events are told."""
        return await self.gateway.push(
            "EVENT", "*", client or self.settings.client_id, {"eventType": type, **data}
        )

    async def press(self, track: str, user: str, action: str, params: Json | None = None) -> StreamPush:
        """Let a user press a button of a card; what the bot answers changes the card."""
        card = self.cards.cards.get(track)
        if card is None:
            raise ConfigError(f"no card is called {track}")
        private = {"cardPrivateData": {"actionIds": [action], "params": params or {}}}
        data = {
            "type": "actionCallback",
            "outTrackId": track,
            "corpId": self.settings.corp,
            "userId": user,
            "userIdType": 1,
            "spaceType": "IM_ROBOT",
            "spaceId": card.places[0] if card.places else "",
            "extension": "{}",
            "content": orjson.dumps(private).decode(),
        }
        pushed = StreamPush(track)
        with anyio.move_on_after(_PRESS_SECONDS):
            pushed = await self.gateway.push("CALLBACK", CARDS, self.settings.client_id, data)
        response = pushed.answer.get("response") if pushed.acked else None
        if isinstance(response, dict):
            self.cards.apply(card, response, user)
        return pushed

    def inbox(self, screen: str) -> list[ShownMessage]:
        """Return what a user (or a group, by its conversation id) sees, oldest first."""
        return self.phones.inbox(screen)


async def _body(request: web.BaseRequest) -> Json:
    raw = await request.read()
    try:
        body = orjson.loads(raw) if raw else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "invalidParameter.body", "not JSON")
    return body
