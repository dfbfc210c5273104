"""The WeCom simulator: a self-built application's REST API, its callbacks, and its users' phones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import ClassVar, Self

import orjson
from aiohttp import ClientSession, TCPConnector, web
from pydantic import TypeAdapter

from mindbot.domain.errors import ConfigError
from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, Kind, kind
from mindbot.sim.phones import Phones, Shown
from mindbot.sim.server import Simulator, SimulatorSettings, json_response, need
from mindbot.sim.traffic import TrafficPlan, run
from mindbot.sim.wecom.crypto import Crypto
from mindbot.sim.wecom.push import PUSH_KINDS, Pushed, Pusher, PushRules, Verification
from mindbot.sim.wecom.send import Sender, SendRules, cut
from mindbot.sim.wecom.tokens import MESSAGES, ApiError, Token, Tokens
from mindbot.sim.wecom.xml import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class WeComSettings(SimulatorSettings):
    """One enterprise with one application. ``token_ttl`` is seconds; ``clock`` measures them.

    ``strict`` checks corpid, secret and agent id. ``callback_url`` is where pushes go by default.
    """

    corpid: str = "ww51a1a7e0c0ffee00"
    secret: str = "sim-wecom-secret"  # noqa: S105 - a simulator has nothing to hide
    token: str = "SimCallbackToken"  # noqa: S105
    encoding_aes_key: str = "SimulatedKeySimulatedKeySimulatedKey0123456"
    agent_id: int = 1000002
    callback_url: str = ""
    token_ttl: float = 7200.0
    clock: Callable[[], float] = time.monotonic
    send: SendRules = field(default_factory=SendRules)
    push: PushRules = field(default_factory=PushRules)


class WeComSimulator(Simulator):
    """See the module. ``tokens``, ``phones`` and ``push`` are for tests that run it in their own process."""

    name: ClassVar[str] = "wecom"
    Settings: ClassVar[type[SimulatorSettings]] = WeComSettings
    kinds: ClassVar[Mapping[str, Kind]] = {
        **PUSH_KINDS,
        "errcode": kind(),  # written as the number: 45009, -1, …
        "expired-token": kind(once=True),  # 42001 from now on for the token in use
        "invalid-token": kind(once=True),  # 40014, as after a reset of the secret
        "silent-drop": kind(),  # accepted but never shown
        "member-limit": kind("per-minute"),  # the same for what exceeds 30 a minute and member
    }

    def __init__(self, settings: WeComSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.callback_url = settings.callback_url
        self.tokens = Tokens(settings.token_ttl, settings.clock)
        self.phones = Phones(settings.clock, self.counters)
        self.crypto = Crypto(settings.token, settings.encoding_aes_key, settings.corpid)
        self._sender = Sender(self.phones, settings.send, settings.clock, self.counters, self._vanishes)
        self._apis = {"/cgi-bin/gettoken": self._gettoken, "/cgi-bin/message/send": self._message_send}
        self._controls |= {
            "GET /_sim/inbox": self._control_inbox,
            "GET /_sim/users": self._control_users,
            "POST /_sim/callback": self._control_callback,
            "POST /_sim/expire-tokens": self._control_expire,
            "POST /_sim/push": self._control_push,
            "POST /_sim/traffic": self._control_traffic,
            "PUT /_sim/rules": self._control_rules,
            "POST /_sim/verify": self._control_verify,
        }

    def details(self) -> Json:
        s = self.settings
        return {
            "base_url": self.base_url,
            "api_base_url": self.base_url,
            "corpid": s.corpid,
            "secret": s.secret,
            "token": s.token,
            "EncodingAESKey": s.encoding_aes_key,
            "agent_id": s.agent_id,
        }

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        # The platform opens as many connections as it has pushes.
        self._session = ClientSession(connector=TCPConnector(limit=0, keepalive_timeout=60))
        envelope = {"corpid": self.settings.corpid, "agentid": self.settings.agent_id}
        self._pusher = Pusher(
            self._session, self.crypto, envelope, self.settings.push, self.faults, self.counters
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, exc, trace)  # ends what still pushes
        finally:
            await self._session.close()

    def reset(self) -> None:
        super().reset()
        self.phones.clear()
        self._sender.clear()

    # -- the platform's API ------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        api = self._apis.get(request.path)
        if api is None:
            return web.Response(status=404)
        try:
            return json_response({"errcode": 0, "errmsg": "ok", **await api(request)})
        except ApiError as exc:
            return json_response(self._refuse(exc.code, request.remote or "", exc.note))

    def error_body(self, fault: Fault) -> Json:
        return self._refuse(fault.number if fault.kind == "errcode" else -1)

    def _refuse(self, code: int, ip: str = "127.0.0.1", note: str = "") -> Json:
        self.counters[f"errcode.{code}"] += 1
        more = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
        hint = f"hint: [{time.time_ns()}], from ip: {ip}, more info at {more}"
        return {"errcode": code, "errmsg": f"{note}{MESSAGES.get(code, 'error')}, {hint}"}

    async def _gettoken(self, request: web.BaseRequest) -> Json:
        self.counters["gettoken"] += 1
        corpid, secret = request.query.get("corpid", ""), request.query.get("corpsecret", "")
        if not corpid:
            raise ApiError(41002)
        if not secret:
            raise ApiError(41004)
        if self.settings.strict and corpid != self.settings.corpid:
            raise ApiError(40013)
        if self.settings.strict and secret != self.settings.secret:
            raise ApiError(40001)
        text, seconds = self.tokens.fetch(corpid, secret)
        return {"access_token": text, "expires_in": seconds}

    async def _message_send(self, request: web.BaseRequest) -> Json:
        self.counters["message/send"] += 1
        self._check_token(request)
        try:
            body = orjson.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            # The platform reads what it can of bad JSON, then misses parameters, and says why.
            raise ApiError(40063, "Warning: wrong json format. ")
        agent_id = self.settings.agent_id
        if self.settings.strict and str(body.get("agentid", agent_id)) != str(agent_id):
            raise ApiError(301002)
        return self._sender.send(body)

    def _check_token(self, request: web.BaseRequest) -> Token:
        token = self.tokens.check(request.query.get("access_token"))
        if self.faults:
            if self.faults.strike(request.path, "expired-token"):
                self.tokens.expire(token)
            if self.faults.strike(request.path, "invalid-token"):
                self.tokens.forget(token)
            self.tokens.check(token.text)
        return token

    def _vanishes(self, user: str) -> bool:
        """Say whether a message to this user is dropped without an error."""
        if not self.faults:
            return False
        limit = self.faults.find("member-limit")
        if limit is not None and self.phones.shown_lately(user) >= limit.count("per-minute", 30):
            return True
        return self.faults.strike("/cgi-bin/message/send", "silent-drop") is not None

    # -- the platform's pushes ---------------------------------------------------------------------------

    def new_msgid(self) -> str:
        """Return a MsgId nobody had before, also across restarts of the simulator."""
        return self._pusher.new_msgid()

    async def push_text(
        self, user: str, text: str, *, msgid: str = "", url: str = "", persistent: float = 0.0
    ) -> Pushed:
        """Let a user say something; see `push`."""
        extra: dict[str, Value] = {"MsgId": msgid} if msgid else {}
        return await self.push(user, "text", {"Content": text, **extra}, url=url, persistent=persistent)

    async def push(
        self,
        user: str,
        msgtype: str,
        fields: Mapping[str, Value],
        *,
        url: str = "",
        persistent: float = 0.0,
    ) -> Pushed:
        """Deliver a message or (``msgtype`` "event") an event of a user to the callback URL.

        ``fields`` are the elements of that type ("Content", "MediaId", "Event", …); any common element may
        be overridden. A passive reply is shown on the user's phone. ``persistent``: see `Pusher.push`.

        Raises:
            ConfigError: there is no callback URL.
        """
        target = url or self.callback_url
        if not target:
            raise ConfigError("the platform has no callback URL", hint="set callback_url or give url")
        plain: dict[str, Value] = {
            "ToUserName": self.settings.corpid,
            "FromUserName": user,
            "CreateTime": int(time.time()),
            "MsgType": msgtype,
            **fields,
        }
        if msgtype != "event" and "MsgId" not in plain:
            plain["MsgId"] = self.new_msgid()
        plain.setdefault("AgentID", self.settings.agent_id)
        self.phones.join(user)
        pushed = await self._pusher.push(target, plain, persistent=persistent)
        if pushed.reply:
            self._show_reply(user, pushed)
        return pushed

    def _show_reply(self, user: str, pushed: Pushed) -> None:
        reply = pushed.reply
        self.phones.show(
            reply.get("ToUserName") or user,
            msgid=f"reply-{pushed.msgid}",
            msgtype=reply.get("MsgType", ""),
            text=cut(reply.get("Content", "")),
            body=dict(reply),
            via="reply",
        )

    async def verify(self, url: str = "") -> Verification:
        """Prove the callback URL as saving it in the console does; remember it when it is sound."""
        target = url or self.callback_url
        verification = await self._pusher.verify(target)
        if verification.ok:
            self.callback_url = target
        return verification

    def inbox(self, user: str) -> list[Shown]:
        """Return what a user sees, oldest first."""
        return self.phones.inbox(user)

    # -- control routes ----------------------------------------------------------------------------------

    async def _control_inbox(self, params: Json) -> Json:
        shown = self.inbox(need(params, "user"))
        return {"messages": [message.to_json() for message in shown[int(params.get("since", 0)) :]]}

    async def _control_users(self, params: Json) -> Json:
        return {"users": self.phones.users()}

    async def _control_callback(self, params: Json) -> Json:
        self.callback_url = need(params, "url")
        return {"url": self.callback_url}

    async def _control_expire(self, params: Json) -> Json:
        self.tokens.expire_all()
        return {}

    async def _control_push(self, params: Json) -> Json:
        user, url = need(params, "user"), params.get("url", "")
        persistent = float(params.get("persistent", 0))
        if "text" in params:
            msgid = params.get("msgid", "")
            pushed = await self.push_text(user, params["text"], msgid=msgid, url=url, persistent=persistent)
        else:
            fields = params.get("fields") or {}
            pushed = await self.push(user, need(params, "msgtype"), fields, url=url, persistent=persistent)
        return pushed.to_json()

    async def _control_rules(self, params: Json) -> Json:
        push_rules, send_rules = TypeAdapter(PushRules), TypeAdapter(SendRules)
        push = push_rules.validate_python(asdict(replace(self._pusher.rules, **params.get("push", {}))))
        send = send_rules.validate_python(asdict(replace(self._sender.rules, **params.get("send", {}))))
        self._pusher.use(push)
        self._sender.rules = send
        return {"push": push_rules.dump_python(push), "send": send_rules.dump_python(send, mode="json")}

    async def _control_verify(self, params: Json) -> Json:
        verification = await self.verify(params.get("url", ""))
        return {"ok": verification.ok, "reason": verification.reason}

    async def _control_traffic(self, params: Json) -> Json:
        return (await run(TrafficPlan.model_validate(params), self)).to_json()
