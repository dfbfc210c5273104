"""The self-test of a customer service bot: each failure names the setting or console page that mends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mindbot.domain.abilities import Check
from mindbot.domain.errors import MindBotError
from mindbot.platforms.self_test import SelfTest, mend_for
from mindbot.platforms.wecom_shared.api import Api
from mindbot.platforms.wecom_shared.callback_health import CallbackHealth
from mindbot.platforms.wecom_shared.endpoint import Endpoint
from mindbot.platforms.wecomcs.accounts import Listed, list_accounts, list_servicers
from mindbot.platforms.wecomcs.pull import Account

if TYPE_CHECKING:
    from mindbot.platforms.wecomcs.settings import WeComCsSettings

_CONSOLE = "WeCom admin console > Apps > WeChat customer service (微信客服)"


async def credentials(
    self_test: SelfTest, api: Api, endpoint: Endpoint
) -> tuple[list[Check], list[Listed] | None]:
    """Read the secrets, ask for a token and for the accounts; returns these too, None where none are told."""
    listed: list[Listed] = []

    async def secrets() -> str:
        await endpoint.prepare()
        return ""

    async def known() -> str:
        listed.extend(await list_accounts(api))
        return ", ".join(f"{each.name} ({each.id})" for each in listed)

    mend = f"{_CONSOLE} > apps that may call the API (可调用接口的应用): add the app of `secret`"
    found = await self_test.step("callback secrets", secrets, "`token` and `EncodingAESKey` of this bot")
    found += await self_test.token("access token", api, "`corpid` and `secret` of this bot")
    found += await self_test.step("accounts", known, mend)
    return found, listed if found[-1].state == "ok" else None


async def people(
    self_test: SelfTest, api: Api, settings: WeComCsSettings, ids: Iterable[str], listed: list[Listed]
) -> list[Check]:
    """Look whether the accounts may be answered for, and by whom besides."""
    return [_managed(listed, settings), *await _served(self_test, api, settings, ids)]


def _managed(listed: list[Listed], settings: WeComCsSettings) -> Check:
    names = {each.id for each in listed}
    if missing := [id for id in settings.open_kfids if id not in names]:
        return Check("managed by the API", "failed", f"not listed: {', '.join(missing)}", "`open_kfids`")
    mend = f"{_CONSOLE} > the account > let the API manage messages and conversations"
    if not listed:
        return Check("managed by the API", "failed", "there is no account", mend)
    wanted = settings.open_kfids or names
    if others := [each.id for each in listed if not each.managed and each.id in wanted]:
        return Check("managed by the API", "failed", f"not managed: {', '.join(others)}", mend)
    return Check("managed by the API", "ok", f"{len(listed)} accounts")


async def _served(
    self_test: SelfTest, api: Api, settings: WeComCsSettings, ids: Iterable[str]
) -> list[Check]:
    """Look whether somebody is there to hand conversations to, where that is configured."""
    rules = settings.handoff_rules
    targets = {rule.to for rule in rules} | ({settings.handoff_to} if settings.handoff_keywords else set())
    if not targets:
        return [Check("people", "skipped", "nothing is handed over", "`handoff_keywords`, `handoff_rules`")]
    mend = f"{_CONSOLE} > the account > servicers (接待人员); they must also be in the app's visible range"

    async def there(account: str) -> list[Check]:
        async def ask() -> str:
            servicers = await list_servicers(api, account)
            present = [name for name, takes in servicers.items() if takes]
            if not present:
                raise MindBotError("nobody takes conversations", hint=mend)
            if missing := sorted(targets - {"pool"} - set(present)):
                hint = "`handoff_to`, `handoff_rules`, or the account's servicers"
                raise MindBotError(f"not there now: {', '.join(missing)}; the pool takes over", hint=hint)
            return ", ".join(present)

        return await self_test.step(f"people of {account}", ask, mend)

    return await self_test.together(*(there(id) for id in ids))


def pulls(self_test: SelfTest, accounts: Mapping[str, Account], errors: Mapping[str, MindBotError]) -> Check:
    """Tell whether the accounts are pulled."""
    pulled = sum(account.pulled > 0 for account in accounts.values())
    detail = f"{pulled} of {len(accounts)} accounts were pulled"
    if errors:
        id, error = next(iter(errors.items()))
        mend = mend_for(error, "see the log", self_test.url)
        return Check("pulls", "failed", f"{detail}; {id}: {error.message}", mend)
    if pulled and pulled == len(accounts):
        return Check("pulls", "ok", detail)
    mend = f"is the bot started? `mindbot platform show {self_test.bot}` has its reason"
    return Check("pulls", "failed", detail, mend)


def rung(health: CallbackHealth, accounts: Mapping[str, Account], settings: WeComCsSettings) -> Check:
    """Tell whether WeCom calls back."""
    rings = sum(account.rings for account in accounts.values())
    mend = "the app's page > receive messages (接收消息): URL, `token`, `EncodingAESKey`; "
    mend += f"meanwhile pulled every {settings.pull_interval:g}s"
    return health.check(f"{rings} came" if rings else "", "none came yet", mend)
