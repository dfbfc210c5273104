"""The adapter of WeCom Customer Service (微信客服): customers write in WeChat, a bot or people answer.

Sources: WeCom developer centre, "Customer service" (path/94638 and following). What decides here:
messages are pulled with a cursor; a bot may send five messages for each of a customer, within 48 hours and
never while a person serves.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from mindbot.domain.abilities import Check, Silence
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import AuthFailed, ConfigError, MindBotError, Rejected, SecretError
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.ports import Receive, Report, WebhookRequest, WebhookResponse
from mindbot.platforms.credentials import Credentials, needs_credentials
from mindbot.platforms.pace import Pace
from mindbot.platforms.wecom import wire as envelope_wire
from mindbot.platforms.wecom.api import Api
from mindbot.platforms.wecom.callback import Callbacks
from mindbot.platforms.wecom.errors import Malformed
from mindbot.platforms.wecomcs import wire
from mindbot.platforms.wecomcs.pull import Account
from mindbot.platforms.wecomcs.talks import Talks

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComCsSettings

_PROFILE_TTL = 86_400.0  # seconds
_PER_SECOND = 50.0  # sends; well below the documented 10,000 a minute
_REPEATED = frozenset({"40058"})  # unsure: what a msgid is answered that was used before


class WeComCsPlatform:
    """One bot for some accounts: `Platform`, `Webhook`, and the abilities Attended, Transfers, Greets,
    Merges, Fetches, Tests and Describes."""

    name = "wecomcs"
    idempotent = True  # a msgid of our own is refused the second time
    max_body = 1 << 20

    def __init__(
        self,
        settings: WeComCsSettings,
        bot: str,
        host: Host,
        *,
        clock: Callable[[], float] = time.time,
        backoff: float = 1.0,
    ) -> None:
        """Make the adapter; touches neither network nor secrets. ``backoff`` is the first wait of `run`."""
        self.bot = bot
        self.host = settings.host
        self.port = settings.port
        self._settings = settings
        self._desk = host
        self._clock = clock
        self._backoff = backoff
        self._api = Api(
            settings.api_base_url,
            settings.corpid,
            settings.secret,
            host.http,
            host.secrets,
            shared=host.shared,
            per_minute=settings.calls_per_minute,
        )
        self._callbacks = Callbacks(
            settings, bot, host.secrets, clock, lambda reason: self._report("failed", reason)
        )
        self._talks = Talks(self._api, host.keep, settings, clock)
        self._accounts: dict[str, Account] = {}
        self._errors: dict[str, MindBotError] = {}
        self._tasks: TaskGroup | None = None
        self._report: Report = lambda state, reason: None
        self._pace = Pace(_PER_SECOND)
        self._credentials = Credentials(lambda state, reason: self._report(state, reason), self._tell)

    @classmethod
    def build(cls, settings: WeComCsSettings, bot: str, host: Host) -> WeComCsPlatform:
        """Make the adapter as the runtime does."""
        return cls(settings, bot, host)

    # -- in ----------------------------------------------------------------------------------------------

    async def run(self, receive: Receive, report: Report) -> None:
        """Find the accounts and pull them until cancelled."""
        self._report = report
        self._callbacks.renew()
        self._api.renew()
        self._credentials.renew()
        self._accounts.clear()
        self._errors.clear()
        report("starting", "asking WeCom for the customer service accounts")
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                for id in await self._find(report):
                    self._serve(id)
                await anyio.sleep_forever()
            finally:
                self._tasks = None

    async def _find(self, report: Report) -> list[str]:
        """Return the accounts to serve; tries until it knows."""
        wait = self._backoff
        while True:
            try:
                await self._callbacks.prepare()
                if self._settings.open_kfids:
                    await self._api.token()
                    return list(self._settings.open_kfids)
                found = await self._list_accounts()
                if found:
                    return found
                report("degraded", "no customer service account is managed by the API; see WeCom's console")
            except (AuthFailed, SecretError, ConfigError) as error:
                report("failed", needs_credentials(error))
                wait = 30 * self._backoff
            except MindBotError as error:
                report("degraded", str(error))
            await anyio.sleep(wait)
            wait = min(60.0, wait * 2)

    async def _list_accounts(self) -> list[str]:
        answer = await self._api.post("kf/account/list", {"offset": 0, "limit": 100})
        return [str(each["open_kfid"]) for each in answer.get("account_list") or () if each.get("open_kfid")]

    def _serve(self, id: str) -> None:
        if self._tasks is None or id in self._accounts:
            return
        s = self._settings
        account = Account(
            id,
            self.bot,
            self._api,
            self._desk,
            self._clock,
            interval=s.pull_interval,
            first=s.first_start,
            told=self._pulled,
            backoff=self._backoff,
        )
        self._accounts[id] = account
        self._tasks.start_soon(account.run)

    def _pulled(self, account: str, error: MindBotError | None) -> None:
        """Report how the accounts are after a pull."""
        if error is None:
            self._errors.pop(account, None)
        else:
            self._errors[account] = error
        self._tell()

    def _tell(self) -> None:
        if not self._errors:
            self._report("ok", "")
            return
        name, worst = next(iter(self._errors.items()))
        if isinstance(worst, AuthFailed):
            self._report("failed", needs_credentials(worst))
        else:
            self._report("degraded", f"{name}: {worst}")

    async def callback(self, request: WebhookRequest, receive: Receive) -> WebhookResponse:
        """Answer the doorbell at once: what it announces stays with WeCom until the cursor is past it."""

        async def take(_: Json, plain: bytes) -> None:
            fields = envelope_wire.parse_xml(plain)
            account = str(fields.get("OpenKfId") or "")
            if fields.get("Event") != "kf_msg_or_event" or not account:
                raise Malformed("no event of customer service", hint="this URL is for customer service alone")
            wanted = self._settings.open_kfids
            if account not in self._accounts and (not wanted or account in wanted):
                self._serve(account)
            if account in self._accounts:
                self._accounts[account].ring(str(fields.get("Token") or ""))

        return await self._callbacks.answer(request, take)

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download what a part refers to."""
        id = str(part.data.get("media_id") or "")
        return await self._api.download(self._desk.media, id) if id else None

    def merge(self, messages: Sequence[Message]) -> Message:
        """Return one message with the parts of all; see `mindbot.platforms.wecomcs.wire.merge`."""
        return wire.merge(messages)

    def greeting(self, message: Message) -> Sequence[Part]:
        """Return the welcome of somebody who opened the chat, where WeCom gave a code for one."""
        event = message.parts[0].data if message.parts else {}
        code = event.get("welcome_code")
        if event.get("event_type") != "enter_session" or not code or not self._settings.welcome_message:
            return ()
        return (Part("text", self._settings.welcome_message, {"code": code}),)

    async def silence(self, message: Message) -> Silence | None:
        """Ask whose conversation it is, and hand it over where the customer asks for a person."""
        return None if message.kind == "event" else await self._talks.silence(message)

    async def transfer(self, address: Json, to: str) -> Json:
        """Hand a conversation to ``pool``, ``bot``, ``end``, or a servicer by user id; see `Talks`."""
        return await self._talks.transfer(address, to)

    # -- out ---------------------------------------------------------------------------------------------

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into at most five messages; see `mindbot.platforms.wecomcs.wire.plan`."""
        return wire.plan(parts)

    def address(self, user: str) -> Json:
        """Return what reaches a customer: ``EXTERNAL_USERID``, or ``OPEN_KFID/EXTERNAL_USERID``."""
        account, _, customer = user.rpartition("/")
        known = account or next(iter(self._accounts), "") or next(iter(self._settings.open_kfids), "")
        return {"touser": customer, "open_kfid": known}

    async def send(self, delivery: Delivery) -> Sent:
        """Send one message, refused by WeCom when it was sent before; raises VendorError."""
        with self._credentials.watched():
            return await self._send(delivery)

    async def _send(self, delivery: Delivery) -> Sent:
        part = await self._uploaded(delivery.parts[0] if delivery.parts else text_part(""))
        msgid = f"mb-{delivery.id}"
        body = {"msgid": msgid, **wire.body_of(part)}
        notes: Json = {name: part.data[name] for name in ("cut", "was") if name in part.data}
        await self._pace.turn()
        if code := part.data.get("code"):
            answer = await self._sent("kf/send_msg_on_event", body | {"code": code}, delivery)
            return Sent(str(answer.get("msgid") or msgid), notes)
        to = delivery.to
        if not delivery.again:
            await self._talks.may_send(to)
        answer = await self._sent(
            "kf/send_msg", body | {"touser": to["touser"], "open_kfid": to["open_kfid"]}, delivery
        )
        left = await self._talks.spend(to)
        if left is not None:
            notes["left"] = left
        return Sent(str(answer.get("msgid") or msgid), notes)

    async def _sent(self, call: str, body: Json, delivery: Delivery) -> Json:
        try:
            return await self._api.post(call, body)
        except Rejected as error:
            if delivery.again and error.code in _REPEATED:
                return {"msgid": body["msgid"]}  # it had arrived
            if error.code == "95018":
                reason = f"not sent: the conversation is {await self._talks.described(delivery.to)}"
                raise Rejected(reason, hint="people answer now", code="95018") from error
            raise

    async def _uploaded(self, part: Part) -> Part:
        if part.kind not in wire.FILES or part.data.get("media_id"):
            return part
        path = await self._desk.media.path(str(part.data["media"]))
        content = await to_thread.run_sync(path.read_bytes)
        name = str(part.data.get("name") or path.name)
        return Part(
            part.kind, part.text, part.data | {"media_id": await self._api.upload(part.kind, name, content)}
        )

    # -- for operators -----------------------------------------------------------------------------------

    async def user(self, id: str) -> Json:
        """Return a customer's name, kept for a day; raises VendorError. Source: "Customers" (path/95159)."""
        key = f"user:{id}"
        known = await self._desk.keep.get(key)
        if known is None:
            body = {"external_userid_list": [id], "need_enter_session_context": 0}
            answer = await self._api.post("kf/customer/batchget", body)
            found: Json = next(iter(answer.get("customer_list") or ()), {})
            known = {"name": found.get("nickname", ""), "unionid": found.get("unionid", "")}
            await self._desk.keep.put(key, known, ttl=_PROFILE_TTL)
        return known

    def details(self) -> Json:
        """Return the accounts and how they are pulled."""
        rows = [
            {
                "account": a.id,
                "pulled": a.pulled,
                "pulls": a.pulls,
                "callbacks": a.rings,
                "messages": a.messages,
            }
            | ({"error": str(self._errors[a.id])} if a.id in self._errors else {})
            for a in self._accounts.values()
        ]
        return {"accounts": rows}

    async def test(self) -> list[Check]:
        """Read the secrets, ask for a token and for the accounts, and look whether they are pulled."""

        async def secrets() -> str:
            await self._callbacks.prepare()
            return ""

        async def token() -> str:
            await self._api.token()
            return ""

        async def accounts() -> str:
            return ", ".join(await self._list_accounts()) or "none"

        mend = "allow the app to call the customer service API, in the console"
        found = [
            await _check("callback secrets", secrets, "token and EncodingAESKey of this bot"),
            await _check("access token", token, "corpid and secret of this bot"),
            await _check("accounts", accounts, mend),
        ]
        pulled = sum(account.pulled > 0 for account in self._accounts.values())
        detail = f"{pulled} of {len(self._accounts)} accounts were pulled"
        if pulled and pulled == len(self._accounts):
            found.append(Check("pulls", "ok", detail))
        else:
            found.append(Check("pulls", "failed", detail, "see the bot's reason"))
        if any(account.rings for account in self._accounts.values()):
            found.append(Check("callbacks", "ok"))
        else:
            mend = f"enter the callback URL; meanwhile it is pulled every {self._settings.pull_interval:g}s"
            found.append(Check("callbacks", "skipped", "none came yet", mend))
        return found


async def _check(name: str, step: Callable[[], Awaitable[str]], mend: str) -> Check:
    try:
        return Check(name, "ok", await step())
    except MindBotError as error:
        return Check(name, "failed", error.message, error.hint or mend)
