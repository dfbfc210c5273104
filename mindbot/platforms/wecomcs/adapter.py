"""The adapter of WeCom Customer Service (微信客服): customers write in WeChat, a bot or people answer.

Sources: WeCom developer centre, "Customer service" (path/94638 and following). What decides here:
messages are pulled with a cursor; a bot may send five messages for each of a customer, within 48 hours and
never while a person serves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import anyio
import structlog
from anyio.abc import TaskGroup

from mindbot.domain import fields
from mindbot.domain.abilities import Check, Place, Silence
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import AuthFailed, ConfigError, MindBotError, SecretError
from mindbot.domain.host import File, Host
from mindbot.domain.message import Json, Message, Part
from mindbot.domain.ports.platform import Receive, Report, WebhookRequest, WebhookResponse
from mindbot.domain.shapes.turns import HandedJson, PersonJson
from mindbot.platforms.credentials import Credentials, needs_credentials
from mindbot.platforms.profiles import Profiles
from mindbot.platforms.self_test import SelfTest, well
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecom_shared.application import application_endpoint
from mindbot.platforms.wecom_shared.endpoint import MAX_BODY, OpenedCallback
from mindbot.platforms.wecom_shared.refusals import Malformed
from mindbot.platforms.wecom_shared.xml import parse_xml, text_of
from mindbot.platforms.wecomcs import checks, say, wire
from mindbot.platforms.wecomcs.accounts import Listed, list_accounts
from mindbot.platforms.wecomcs.budget import Budget
from mindbot.platforms.wecomcs.conversations import Conversations, operators_cause
from mindbot.platforms.wecomcs.events import Events
from mindbot.platforms.wecomcs.pull import Account
from mindbot.platforms.wecomcs.sender import CustomerSender
from mindbot.platforms.wecomcs.settings import WeComCsSettings

log = structlog.get_logger("mindbot.platforms.wecomcs")

_PROFILE_TTL = 86_400.0  # seconds
_GOES_ON = 5.0  # seconds for pulls to begin again once the credentials are mended
_LIST_EVERY = 600.0  # seconds until new accounts are looked for again


class WeComCsPlatform:
    """One bot for some accounts: `Platform`, `Webhook`, and the abilities Attended, Transfers, Holds,
    Greets, Merges, Rationed, Places, Fetches, Tests and Describes."""

    Settings = WeComCsSettings
    name = "wecomcs"
    idempotent = True  # a msgid of our own is refused the second time
    max_body = MAX_BODY

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
        self._host = host
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
        self._endpoint = application_endpoint(
            settings,
            host.secrets,
            lambda reason: self._report("failed", reason),
            bot=bot,
            clock=clock,
            log=log,
        )
        self._profiles = Profiles(host.keep, _PROFILE_TTL)
        self._budget = Budget(host.keep, clock)
        self._talks = Conversations(self._api, host.keep, settings, clock)
        self._events = Events(host, self._budget, settings, clock)
        self._sender = CustomerSender(self._api, host.media, self._talks, self._budget, settings, clock)
        self._accounts: dict[str, Account] = {}
        self._errors: dict[str, MindBotError] = {}
        self._tasks: TaskGroup | None = None
        self._mended: anyio.Event | None = None  # ends the wait of `_find` for credentials
        self._report: Report = lambda state, reason: None
        self._credentials = Credentials(lambda state, reason: self._report(state, reason), self._tell)

    @classmethod
    def build(cls, settings: WeComCsSettings, bot: str, host: Host) -> WeComCsPlatform:
        """Make the adapter as the runtime does."""
        return cls(settings, bot, host)

    # -- in ----------------------------------------------------------------------------------------------

    async def run(self, receive: Receive, report: Report) -> None:
        """Find the accounts and pull them until cancelled; accounts made later are found as well."""
        self._report = report
        self._endpoint.renew()
        self._api.renew()
        self._credentials.renew()
        self._accounts.clear()
        self._errors.clear()
        self._mended = None
        report("starting", "asking WeCom for the customer service accounts")
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                found = await self._find(report)
                while True:
                    for each in found:
                        self._serve(each.id, each.name)
                    await anyio.sleep(_LIST_EVERY)
                    found = await self._find_more()
            finally:
                self._tasks = None

    async def _find(self, report: Report) -> list[Listed]:
        """Return the accounts to serve; tries until it knows."""
        wait = self._backoff
        while True:
            mended = anyio.Event()
            try:
                await self._endpoint.prepare()
                found = await self._known()
                self._mended = None
                if found:
                    return found
                report("degraded", "no customer service account is managed by the API; see WeCom's console")
            except (AuthFailed, SecretError, ConfigError) as error:
                report("failed", needs_credentials(error))
                wait = 30 * self._backoff
                mended = self._mended = anyio.Event()
            except MindBotError as error:
                report("degraded", str(error))
            with anyio.move_on_after(wait):
                await mended.wait()
            wait = min(60.0, wait * 2)

    async def _known(self) -> list[Listed]:
        """Return the accounts that are set, or those there are; raises VendorError."""
        if self._settings.open_kfids:
            await self._api.token()
            return [Listed(id) for id in self._settings.open_kfids]
        return [each for each in await list_accounts(self._api) if each.managed]

    async def _find_more(self) -> list[Listed]:
        """Return the accounts there are by now; what fails here fails in the pulls too and is told there."""
        if self._settings.open_kfids:
            return []
        try:
            return [each for each in await list_accounts(self._api) if each.managed]
        except MindBotError as error:
            log.warning("accounts not listed", bot=self.bot, error=str(error))
            return []

    def _serve(self, id: str, name: str = "") -> None:
        if self._tasks is None or id in self._accounts:
            return
        account = Account(
            id,
            self.bot,
            self._api,
            self._host.keep,
            self._budget,
            self._clock,
            interval=self._settings.pull_interval,
            first=self._settings.first_start,
            since=self._host.since,
            knows=self._host.knows,
            told=self._pulled,
            backoff=self._backoff,
        )
        account.name = name
        self._accounts[id] = account
        self._tasks.start_soon(account.run)

    def _pulled(self, account: str, error: MindBotError | None) -> None:
        """Report how the accounts are after a pull; one that fails holds no other up."""
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

        async def take(opened: OpenedCallback) -> None:
            event = parse_xml(opened.plain)
            account = text_of(event, "OpenKfId")
            if text_of(event, "Event") != "kf_msg_or_event" or not account:
                raise Malformed("no event of customer service", hint="this URL is for customer service alone")
            wanted = self._settings.open_kfids
            if account not in self._accounts and (not wanted or account in wanted):
                self._serve(account)
            if account in self._accounts:
                self._accounts[account].ring(text_of(event, "Token"))

        return await self._endpoint.answer(request, take)

    async def fetch(self, message: Message, part: Part) -> File | None:
        """Download what a part refers to."""
        id = fields.text(part.data.get("media_id"))
        return await self._api.download(self._host.media, id) if id else None

    def merge(self, messages: Sequence[Message]) -> Message:
        """Return one message with the parts of all; see `mindbot.platforms.wecomcs.wire.merge`."""
        return wire.merge(messages)

    def greeting(self, message: Message) -> Sequence[Part]:
        """Return the answer to an event that came with a code for one; see `Events`."""
        return self._events.greeting(message)

    def answer_until(self, message: Message) -> float:
        """Return when the code ends that an event brought for its answer. See `AnswersInTime`."""
        return self._events.answer_until(message)

    async def silence(self, message: Message) -> Silence | None:
        """Ask whose conversation it is, and hand it over where the customer or a rule asks for a person."""
        if message.kind == "push":
            return None  # an operator knows why; whether it may be said is looked at when it is
        if message.kind == "event":
            return await self._events.silence(message)
        return await self._talks.silence(message)

    async def transfer(self, address: Json, to: str) -> HandedJson:
        """Hand a conversation to ``pool``, ``bot``, ``end``, or a servicer by user id; see `Conversations`.

        The customer is told what is configured for that; ``said`` in the answer is whether it worked.
        """
        state, done = await self._talks.transfer(address, to)
        text = self._settings.ended_message if to == "end" else self._settings.handoff_message
        if not (done.code and text):
            return state
        said = await self._sender.say(done.code, text)
        if said:
            await self._talks.said(operators_cause(address, to))
        return state | {"said": said}

    async def hold(self, address: Json) -> None:
        """See that the bot serves a conversation that an operator speaks in; see `Conversations.hold`."""
        await self._talks.hold(address)

    # -- out ---------------------------------------------------------------------------------------------

    async def left(self, address: Json, waiting: Collection[str] = ()) -> int | None:
        """Return how many messages may still be said in a conversation; see `Budget`."""
        return await self._budget.left(address, waiting)

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        """Split a reply into at most five messages; see `mindbot.platforms.wecomcs.say.plan`."""
        return say.plan(parts)

    def plan_within(self, parts: Sequence[Part], most: int) -> list[list[Part]]:
        """Split a reply into at most so many messages."""
        return say.plan(parts, min(most, wire.BUDGET))

    def address(self, user: str) -> Json:
        """Return what reaches a customer: ``EXTERNAL_USERID``, or ``OPEN_KFID/EXTERNAL_USERID``."""
        account, _, customer = user.rpartition("/")
        known = account or next(iter(self._accounts), "") or next(iter(self._settings.open_kfids), "")
        return {"touser": customer, "open_kfid": known}

    def place(self, address: Json) -> Place:
        """Return the conversation of an account and a customer; see `Places`."""
        account, customer = address["open_kfid"], address["touser"]
        return Place(wire.session_of(self.bot, account, customer), customer, account)

    async def send(self, delivery: Delivery) -> Sent:
        """Send one message, refused by WeCom when it was sent before; raises VendorError."""
        with self._credentials.watched():
            return await self._sender.send(delivery)

    # -- for operators -----------------------------------------------------------------------------------

    async def user(self, id: str) -> PersonJson:
        """Return a customer's name, kept for a day; raises VendorError. Source: "Customers" (path/95159)."""

        async def ask() -> PersonJson | None:
            body = {"external_userid_list": [id], "need_enter_session_context": 0}
            answer = await self._api.post("kf/customer/batchget", body)
            found: Json | None = next(iter(fields.mappings(answer.get("customer_list"))), None)
            if not found:
                return None
            return {"name": fields.text(found.get("nickname")), "unionid": fields.text(found.get("unionid"))}

        return await self._profiles.find(f"user:{id}", ask) or {"name": "", "unionid": ""}

    def details(self) -> Json:
        """Return the accounts and how they are pulled."""
        rows = [
            {"account": a.id, "name": a.name, "pulled": a.pulled, "pulls": a.pulls, "callbacks": a.rings}
            | {"messages": a.messages, "skipped": a.skipped, "unread": a.unread}
            | ({"place lost": a.lost} if a.lost else {})
            | ({"error": str(self._errors[a.id])} if a.id in self._errors else {})
            for a in self._accounts.values()
        ]
        return {"accounts": rows, **self._endpoint.health.details()}

    async def test(self) -> list[Check]:
        """Read the secrets, ask for a token, the accounts and their servicers, and look at the pulls."""
        self_test = SelfTest(f"{self.name}/{self.bot}", self._api.base_url)
        found, listed = await checks.credentials(self_test, self._api, self._endpoint)
        if listed is not None:
            if well(found):
                await self._proven(self_test)
            found += await checks.people(self_test, self._api, self._settings, list(self._accounts), listed)
        found.append(checks.pulls(self_test, self._accounts, self._errors))
        return [*found, checks.rung(self._endpoint.health, self._accounts, self._settings)]

    async def _proven(self, self_test: SelfTest) -> None:
        """Let whatever waits for somebody to mend the credentials go on, and see how that ends."""
        self._credentials.accepted()
        refused = [id for id, error in self._errors.items() if isinstance(error, AuthFailed)]
        if self._tasks is None or not (refused or self._mended):
            return
        if self._mended is not None:
            self._mended.set()
        for id in refused:
            self._accounts[id].again()
        await self_test.until(self._go_on, _GOES_ON)

    def _go_on(self) -> bool:
        """Whether the accounts are known, and each was pulled or failed for another reason."""
        if self._mended is not None or any(isinstance(each, AuthFailed) for each in self._errors.values()):
            return False
        return all(account.pulled or account.id in self._errors for account in self._accounts.values())
