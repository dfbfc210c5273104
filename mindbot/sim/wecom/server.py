"""The WeCom simulator: a self-built application's REST API, its callbacks, and its users' phones."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import ClassVar, Self

import orjson
from aiohttp import ClientSession, TCPConnector, web

from mindbot.domain.message import Json
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.phones import Phones
from mindbot.sim.server import Simulator, SimulatorSettings, json_response
from mindbot.sim.wecom import staff
from mindbot.sim.wecom.cards import Cards
from mindbot.sim.wecom.crypto import CallbackCipher
from mindbot.sim.wecom.members import Members
from mindbot.sim.wecom.push import PUSH_KINDS, Pusher
from mindbot.sim.wecom.quotas import Quotas
from mindbot.sim.wecom.send import Sender, SendRules
from mindbot.sim.wecom.settings import WeComSimSettings
from mindbot.sim.wecom.shelf import Shelf
from mindbot.sim.wecom.tokens import MESSAGES, ApiError, Token, Tokens


class WeComSimulator(Members, Simulator):
    """See the module. ``tokens``, ``phones``, ``cards``, ``shelf``, ``staff`` and ``push`` are for tests that
    run it in their own process."""

    name: ClassVar[str] = "wecom"
    Settings: ClassVar[type[SimulatorSettings]] = WeComSimSettings
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **PUSH_KINDS,
        "errcode": kind(),  # written as the number: 45009, -1, …
        "expired-token": kind(once=True),  # 42001 from now on for the token in use
        "invalid-token": kind(once=True),  # 40014, as after a reset of the secret
        "expired-media": kind(once=True),  # all media ids end
        "silent-drop": kind(),  # accepted but never shown
        "member-limit": kind("per-minute"),  # the same for what exceeds 30 a minute and member
    }

    def __init__(self, settings: WeComSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.callback_url = settings.callback_url
        self.tokens = Tokens(settings.token_ttl, settings.clock)
        self.phones = Phones(settings.clock, self.counters)
        self.crypto = CallbackCipher(settings.token, settings.encoding_aes_key, settings.corpid)
        self.shelf = Shelf(settings.clock, settings.image_limit)
        self.cards = Cards(self.phones, settings.clock)
        self.quotas = Quotas(settings.api, settings.clock)
        usual = SendRules(per_minute=30, per_hour=1000) if settings.strict else SendRules()
        self.sender = Sender(
            self.phones,
            settings.send or usual,
            settings.clock,
            self.counters,
            self._vanishes,
            self.shelf,
            self.cards,
            lambda: bool(self.callback_url),
        )
        self.staff = staff.Staff(self.sender.reaches)
        self._posts: dict[str, Callable[[Json], Json]] = {
            "message/send": self.sender.send,
            "message/recall": self.sender.recall,
            "message/update_template_card": self.cards.update,
        }
        self._gets: dict[str, Callable[[Json], Json]] = {
            "agent/get": self._application,
            "user/get": self.staff.user,
            "user/simplelist": lambda query: self.staff.members(query, list(self.phones.users())),
            "department/get": self.staff.department,
        }
        self._media: dict[str, Callable[[web.BaseRequest], Awaitable[web.Response]]] = {
            "media/upload": self._upload,
            "media/get": self._download,
            "media/get/jssdk": self._download,
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
        self.pusher = Pusher(
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
        self.sender.clear()
        self.cards.clear()
        self.quotas.clear()

    # -- the platform's API ------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/cgi-bin/")
        ip = request.remote or ""
        try:
            if path == "gettoken":
                return json_response({"errcode": 0, "errmsg": "ok", **self._gettoken(request)})
            if path not in self._posts and path not in self._gets and path not in self._media:
                return web.Response(status=404)
            self.counters[path] += 1
            self._check(request, path, ip)
            with self.quotas.call(path, request.query.get("media_id", "")):
                if answer := self._media.get(path):
                    return await answer(request)
                return json_response({"errcode": 0, "errmsg": "ok", **await self._call(request, path)})
        except ApiError as exc:
            return json_response(self._refuse(exc.code, ip, exc.note))

    async def _call(self, request: web.BaseRequest, path: str) -> Json:
        if work := self._gets.get(path):
            return work(dict(request.query))
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
        return self._posts[path](body)

    def error_body(self, fault: Fault) -> Json:
        return self._refuse(fault.number if fault.kind == "errcode" else -1)

    def _refuse(self, code: int, ip: str = "127.0.0.1", note: str = "") -> Json:
        self.counters[f"errcode.{code}"] += 1
        more = f"https://open.work.weixin.qq.com/devtool/query?e={code}"
        hint = f"hint: [{time.time_ns()}], from ip: {ip}, more info at {more}"
        return {"errcode": code, "errmsg": f"{note}{MESSAGES.get(code, 'error')}, {hint}"}

    def _gettoken(self, request: web.BaseRequest) -> Json:
        self.counters["gettoken"] += 1
        corpid, secret = request.query.get("corpid", ""), request.query.get("corpsecret", "")
        if not corpid:
            raise ApiError(41002)
        if not secret:
            raise ApiError(41004)
        if self.settings.strict and corpid != self.settings.corpid:
            raise ApiError(40013)
        if self.settings.strict and secret not in (self.settings.secret, self.settings.contacts_secret):
            raise ApiError(40001)
        text, seconds = self.tokens.fetch(corpid, secret)
        return {"access_token": text, "expires_in": seconds}

    def _check(self, request: web.BaseRequest, path: str, ip: str) -> Token:
        """Check token, address and what the token is good for."""
        token = self.tokens.check(request.query.get("access_token"))
        if self.faults:
            if self.faults.strike(request.path, "expired-token"):
                self.tokens.expire(token)
            if self.faults.strike(request.path, "invalid-token"):
                self.tokens.forget(token)
            if self.faults.strike(request.path, "expired-media"):
                self.shelf.expire()
            self.tokens.check(token.text)
        self.quotas.check_address(ip)
        of_contacts = token.credential[1] == self.settings.contacts_secret
        if of_contacts and not path.startswith(("user/", "department/")):
            raise ApiError(48002)
        if of_contacts and self.staff.blocked:
            raise ApiError(48009)
        return token

    def _application(self, query: Json) -> Json:
        agent_id = self.settings.agent_id
        if self.settings.strict and str(query.get("agentid")) != str(agent_id):
            raise ApiError(301002)
        return staff.application(agent_id, self.sender.rules.members)

    async def _upload(self, request: web.BaseRequest) -> web.Response:
        found = await self.shelf.upload(request, time.time())
        return json_response({"errcode": 0, "errmsg": "", **found})

    async def _download(self, request: web.BaseRequest) -> web.Response:
        return self.shelf.download(request)

    def _vanishes(self, user: str) -> bool:
        """Say whether a message to this user is dropped without an error."""
        if not self.faults:
            return False
        limit = self.faults.find("member-limit")
        if limit is not None and self.phones.shown_lately(user) >= limit.count("per-minute", 30):
            return True
        return self.faults.strike("/cgi-bin/message/send", "silent-drop") is not None
