"""The self-test of a customer service bot: each failure names the setting or console page that mends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from mindbot.domain.abilities import Check
from mindbot.domain.errors import MindBotError
from mindbot.platforms.wecom.api import Api
from mindbot.platforms.wecom.callback import Callbacks
from mindbot.platforms.wecomcs.accounts import Listed, list_accounts, list_servicers
from mindbot.platforms.wecomcs.pull import Account

if TYPE_CHECKING:
    from mindbot.config.vendors import WeComCsSettings

_CONSOLE = "WeCom admin console > Apps > WeChat customer service (微信客服)"


async def run(
    api: Api,
    callbacks: Callbacks,
    settings: WeComCsSettings,
    accounts: Mapping[str, Account],
    errors: Mapping[str, MindBotError],
) -> list[Check]:
    """Read the secrets, ask for a token, the accounts and their servicers, and look at the pulls."""
    listed: list[Listed] = []

    async def secrets() -> str:
        await callbacks.prepare()
        return ""

    async def token() -> str:
        await api.token()
        return ""

    async def known() -> str:
        listed.extend(await list_accounts(api))
        return ", ".join(f"{each.name} ({each.id})" for each in listed)

    mend = f"{_CONSOLE} > apps that may call the API (可调用接口的应用): add the app of `secret`"
    found = [
        await _check("callback secrets", secrets, "`token` and `EncodingAESKey` of this bot"),
        await _check("access token", token, "`corpid` and `secret` of this bot"),
        await _check("accounts", known, mend),
    ]
    if found[-1].state == "ok":
        found.append(_managed(listed, settings))
        found += await _served(api, settings, accounts)
    found += [_pulls(accounts, errors), _rung(accounts, settings)]
    return found


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


async def _served(api: Api, settings: WeComCsSettings, accounts: Mapping[str, Account]) -> list[Check]:
    """Look whether somebody is there to hand conversations to, where that is configured."""
    rules = settings.handoff_rules
    targets = {rule.to for rule in rules} | ({settings.handoff_to} if settings.handoff_keywords else set())
    if not targets:
        return [Check("people", "skipped", "nothing is handed over", "`handoff_keywords`, `handoff_rules`")]
    mend = f"{_CONSOLE} > the account > servicers (接待人员); they must also be in the app's visible range"
    found = []
    for id in accounts:

        async def people(account: str = id) -> str:
            servicers = await list_servicers(api, account)
            there = [name for name, takes in servicers.items() if takes]
            if not there:
                raise MindBotError("nobody takes conversations", hint=mend)
            if missing := sorted(targets - {"pool"} - set(there)):
                hint = "`handoff_to`, `handoff_rules`, or the account's servicers"
                raise MindBotError(f"not there now: {', '.join(missing)}; the pool takes over", hint=hint)
            return ", ".join(there)

        found.append(await _check(f"people of {id}", people, mend))
    return found


def _pulls(accounts: Mapping[str, Account], errors: Mapping[str, MindBotError]) -> Check:
    pulled = sum(account.pulled > 0 for account in accounts.values())
    detail = f"{pulled} of {len(accounts)} accounts were pulled"
    if errors:
        id, error = next(iter(errors.items()))
        return Check("pulls", "failed", f"{detail}; {id}: {error.message}", error.hint or "see the log")
    if pulled and pulled == len(accounts):
        return Check("pulls", "ok", detail)
    return Check(
        "pulls", "failed", detail, "is the bot started? `mindbot platform show wecomcs` has its reason"
    )


def _rung(accounts: Mapping[str, Account], settings: WeComCsSettings) -> Check:
    rings = sum(account.rings for account in accounts.values())
    if rings:
        return Check("callbacks", "ok", f"{rings} came")
    mend = "the app's page > receive messages (接收消息): URL, `token`, `EncodingAESKey`; "
    return Check(
        "callbacks", "skipped", "none came yet", f"{mend}meanwhile pulled every {settings.pull_interval:g}s"
    )


async def _check(name: str, step: Callable[[], Awaitable[str]], mend: str) -> Check:
    try:
        return Check(name, "ok", await step())
    except MindBotError as error:
        return Check(name, "failed", error.message, error.hint or mend)
