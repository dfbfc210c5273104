"""The simulator of WeCom Customer Service: doorbell callbacks, sync_msg, conversations, customers' phones."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import TracebackType
from typing import Any, ClassVar, Self

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
from mindbot.sim.wecom.push import PUSH_KINDS, Pushed, Pusher
from mindbot.sim.wecom.tokens import MESSAGES, ApiError, Tokens
from mindbot.sim.wecomcs.calls import Calls, Rules
from mindbot.sim.wecomcs.service_desk import FILES, POOL, ServiceDesk

_DEEP: Any = "deep"
for _ in range(300):
    _DEEP = [_DEEP]
_ODD: tuple[Any, ...] = (
    "no object",
    {"msgtype": "hologram", "send_time": 0},
    {"msgid": "odd", "send_time": "late", "origin": 4, "msgtype": "event", "event": "no object"},
    {"msgid": "cut", "send_time": -1, "origin": 3, "msgtype": "text", "text": {"content": "cut \ud83d"}},
    {"msgid": "deep", "send_time": 1e300, "origin": 3, "msgtype": "note", "note": {"content": _DEEP}},
    {
        "msgid": "record",
        "origin": 3,
        "msgtype": "merged_msg",
        "merged_msg": {
            "title": "record",
            "item": [
                {"msg_content": {"text": {"content": "an object"}}},
                {"msg_content": "[" * 5000 + "]" * 5000},
                {"msg_content": 7},
                {"msg_content": '{"content": "half \\ud83d"}'},
            ],
        },
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeComCsSimSettings(SimulatorSettings):
    """One enterprise with some accounts; ``unmanaged`` ones are not managed by the API. For ``split``,
    ``tokenless``, ``late`` and ``repeated`` see `Rules`; ``now`` tells Unix seconds."""

    corpid: str = "ww51a1a7e0c0ffee00"
    secret: str = "sim-wecomcs-secret"  # noqa: S105 - a simulator has nothing to hide
    token: str = "SimCallbackToken"  # noqa: S105
    encoding_aes_key: str = "SimulatedKeySimulatedKeySimulatedKey0123456"
    accounts: tuple[str, ...] = ("wkSIM1", "wkSIM2")
    unmanaged: tuple[str, ...] = ()
    servicers: tuple[str, ...] = ("anna", "boris")
    callback_url: str = ""
    token_ttl: float = 7200.0
    split: int = 0
    tokenless: int = 0
    late: bool = False
    repeated: int = 40058
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


class WeComCsSimulator(Simulator):
    """See the module. ``desk`` and ``phones`` are for tests that run it in their own process."""

    name: ClassVar[str] = "wecomcs"
    Settings: ClassVar[type[SimulatorSettings]] = WeComCsSimSettings
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **PUSH_KINDS,
        "errcode": kind(),
        "expired-token": kind(once=True),
        "silent": kind(),  # a message comes without a callback
        "send-fails": kind(),  # send_msg says ok, an event says later that it was not
        "taken-over": kind(once=True),  # a person takes the conversation just before the message is sent
        "page-again": kind(),  # a page comes with the cursor of its beginning
        "unsorted": kind(),  # a page's newest message comes first
        "odd-entries": kind(once=True),  # a page has entries that no document knows
        "cut-page": kind(),  # the text of a page with entries ends in its middle
        "empty-page": kind(),  # a page is empty, with more to come
        "late-callback": kind(takes_duration=True),
    }

    def __init__(self, settings: WeComCsSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.callback_url = settings.callback_url
        self.odd: Sequence[Any] = _ODD  # what "odd-entries" brings
        self.broken: Callable[[Json], bytes | None] = lambda page: None  # what is sent in a page's place
        self.tokens = Tokens(settings.token_ttl, settings.clock)
        self.phones = Phones(settings.clock, self.counters)
        self.crypto = CallbackCipher(settings.token, settings.encoding_aes_key, settings.corpid)
        self.desk = ServiceDesk(
            self.phones,
            settings.now,
            dict.fromkeys(settings.servicers, True),
            log={account: [] for account in settings.accounts},
        )
        self.calls = Calls(
            self.desk,
            self.counters,
            random.Random(settings.seed),
            Rules(settings.split, settings.tokenless, settings.late, settings.repeated),
            managed=lambda account: account not in settings.unmanaged,
            fails=lambda: self._struck("kf/send_msg", "send-fails"),
        )
        self._apis: dict[str, Callable[[Json], Json]] = {
            "kf/sync_msg": self._sync,
            "kf/send_msg": self._send,
            "kf/send_msg_on_event": self.calls.send_on_event,
            "kf/service_state/get": self.calls.state,
            "kf/service_state/trans": self.calls.transfer,
            "kf/customer/batchget": self.calls.customers,
            "kf/account/list": self.calls.accounts,
            "kf/servicer/list": self.calls.servicers,
        }

    def details(self) -> Json:
        s = self.settings
        keys = {
            "corpid": s.corpid,
            "secret": s.secret,
            "token": s.token,
            "EncodingAESKey": s.encoding_aes_key,
        }
        return {"base_url": self.base_url, "api_base_url": self.base_url, **keys}

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._session = ClientSession(connector=TCPConnector(limit=0, keepalive_timeout=60))
        envelope = {"corpid": self.settings.corpid, "agentid": 0}
        self._pusher = Pusher(self._session, self.crypto, envelope, PushRules(), self.faults, self.counters)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, exc, trace)
        finally:
            await self._session.close()

    def reset(self) -> None:
        super().reset()
        self.phones.clear()

    # -- the platform's API ------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/cgi-bin/")
        try:
            if path == "gettoken":
                return json_response({"errcode": 0, "errmsg": "ok", **self._gettoken(request)})
            if path == "media/get":
                self._check_token(request)
                return self._media(request.query.get("media_id", ""))
            if path == "media/upload":
                self._check_token(request)
                return json_response({"errcode": 0, "errmsg": "ok", **await self._upload(request)})
            api = self._apis.get(path)
            if api is None:
                return web.Response(status=404)
            self.counters[path] += 1
            self._check_token(request)
            raw = await request.read()
            body = orjson.loads(raw) if raw else dict(request.query)
            return self._sent(path, {"errcode": 0, "errmsg": "ok", **api(body)})
        except ApiError as refused:
            return json_response(self._refuse(refused.code, refused.note))

    def _sent(self, path: str, answer: Json) -> web.Response:
        response = json_response(answer)
        if path == "kf/sync_msg" and answer["msg_list"]:
            text = response.body
            assert isinstance(text, bytes)
            broken = text[: len(text) // 2] if self._struck(path, "cut-page") else self.broken(answer)
            if broken is not None:
                return web.Response(body=broken, content_type="application/json")
        return response

    def error_body(self, fault: Fault) -> Json:
        return self._refuse(fault.number if fault.kind == "errcode" else -1)

    def _refuse(self, code: int, note: str = "") -> Json:
        self.counters[f"errcode.{code}"] += 1
        return {"errcode": code, "errmsg": f"{note}{MESSAGES.get(code, 'error')}, from ip: 127.0.0.1"}

    def _gettoken(self, request: web.BaseRequest) -> Json:
        self.counters["gettoken"] += 1
        corpid, secret = request.query.get("corpid", ""), request.query.get("corpsecret", "")
        if self.settings.strict and corpid != self.settings.corpid:
            raise ApiError(40013)
        if self.settings.strict and secret != self.settings.secret:
            raise ApiError(40001)
        text, seconds = self.tokens.fetch(corpid, secret)
        return {"access_token": text, "expires_in": seconds}

    def _check_token(self, request: web.BaseRequest) -> None:
        token = self.tokens.check(request.query.get("access_token"))
        if self._struck(request.path, "expired-token"):
            self.tokens.expire(token)
            self.tokens.check(token.text)

    def _sync(self, body: Json) -> Json:
        path = "kf/sync_msg"
        if self._struck(path, "empty-page"):
            self.calls.sync(body | {"limit": 1})  # refused as it would be
            return {"next_cursor": body.get("cursor") or "", "has_more": 1, "msg_list": []}
        page = self.calls.sync(body)
        if page["msg_list"] and self._struck(path, "page-again"):
            page |= {"next_cursor": body.get("cursor") or "4gw7000000000000", "has_more": 1}
        if page["msg_list"] and self._struck(path, "odd-entries"):
            page["msg_list"] = [*self.odd, *page["msg_list"]]
        if self._struck(path, "unsorted"):
            page["msg_list"] = page["msg_list"][::-1]
        return page

    def _send(self, body: Json) -> Json:
        if self._struck("kf/send_msg", "taken-over"):
            talk = self.desk.talk(str(body.get("open_kfid")), str(body.get("touser")))
            talk.state = POOL
        return self.calls.send(body)

    def _media(self, id: str) -> web.Response:
        if id not in self.desk.media:
            raise ApiError(40007)
        content, kind, name = self.desk.media[id]
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=content, content_type=kind, headers=disposition)

    async def _upload(self, request: web.BaseRequest) -> Json:
        form = await request.post()
        part, kind = form.get("media"), request.query.get("type", "")
        if kind not in FILES or not isinstance(part, web.FileField):
            raise ApiError(40004)
        content = part.file.read()
        if not 5 < len(content) <= FILES[kind]:
            raise ApiError(40006 if len(content) <= 5 else 45001)
        id = self.desk.keep_file(content, part.content_type, part.filename)
        return {"type": kind, "media_id": id, "created_at": str(int(time.time()))}

    def _struck(self, path: str, kind: str) -> bool:
        return bool(self.faults) and self.faults.strike(path, kind) is not None

    # -- what people do ----------------------------------------------------------------------------------

    def new_msgid(self) -> str:
        return self.desk.new_msgid()

    async def push_text(
        self,
        user: str,
        text: str,
        *,
        msgid: str = "",
        url: str = "",
        persistent: float = 0.0,
        account: str = "",
    ) -> Pushed:
        """Let a customer write. The platform has it then, whether the callback arrives or not."""
        account = account or self.settings.accounts[0]
        self.desk.says(account, user, "text", {"content": text}, msgid)
        pushed = await self.ring(account, url=url)
        pushed.acked = True
        return pushed

    async def say(
        self, customer: str, msgtype: str, body: Json, *, account: str = "", msgid: str = ""
    ) -> Pushed:
        """Let a customer send anything; returns what became of the callback."""
        account = account or self.settings.accounts[0]
        self.desk.says(account, customer, msgtype, body, msgid)
        return await self.ring(account)

    async def ring(self, account: str = "", *, url: str = "") -> Pushed:
        """Send the callback that says there is something to pull."""
        target = url or self.callback_url
        if not target or self._struck("callback", "silent"):
            return Pushed("")
        if self.faults and (late := self.faults.strike("callback", "late-callback")):
            await anyio.sleep(late.seconds)
        facts: dict[str, Any] = {
            "ToUserName": self.settings.corpid,
            "CreateTime": int(time.time()),
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": self.desk.doorbell(),
            "OpenKfId": account or self.settings.accounts[0],
        }
        return await self._pusher.push(target, facts)

    def inbox(self, customer: str) -> list[ShownMessage]:
        """Return what a customer sees, oldest first."""
        return self.phones.inbox(customer)

    def change_rules(self, changed: Json) -> Json:
        """Change `Rules` by name; returns them all. Raises ConfigError."""
        known = {field.name for field in fields(Rules)}
        if unknown := sorted(set(changed) - known):
            raise ConfigError(f"no rule is called {unknown[0]!r}", hint=", ".join(sorted(known)))
        self.calls.rules = replace(self.calls.rules, **changed)
        return {name: getattr(self.calls.rules, name) for name in known}
