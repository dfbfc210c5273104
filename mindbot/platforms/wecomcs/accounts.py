"""The customer service accounts of an app, and who serves them.

Sources: WeCom developer centre, "Accounts" (path/94661), "Servicers" (path/94645).
"""

from __future__ import annotations

from dataclasses import dataclass

from mindbot.domain import fields
from mindbot.platforms.wecom_shared.api import Api

_PAGE = 100
_MOST = 50  # pages; an enterprise has at most a few thousand accounts


@dataclass(frozen=True, slots=True)
class Listed:
    """An account as account/list tells it; ``managed`` is whether the app may manage its conversations."""

    id: str
    name: str = ""
    managed: bool = True


async def list_accounts(api: Api) -> list[Listed]:
    """Return all accounts, page by page; raises VendorError."""
    found: list[Listed] = []
    for page in range(_MOST):
        answer = await api.post("kf/account/list", {"offset": page * _PAGE, "limit": _PAGE})
        rows = fields.mappings(answer.get("account_list"))
        found += [
            Listed(id, fields.text(row.get("name")), row.get("manage_privilege") is not False)
            for row in rows
            if (id := fields.text(row.get("open_kfid")))
        ]
        if len(rows) < _PAGE:
            break
    return found


async def list_servicers(api: Api, account: str) -> dict[str, bool]:
    """Return the servicers of an account, and whether each takes conversations; raises VendorError."""
    answer = await api.get("kf/servicer/list", open_kfid=account)
    rows = fields.mappings(answer.get("servicer_list"))
    told = {fields.text(row.get("userid")): fields.whole(row.get("status"), 1) for row in rows}
    return {id: status == 0 for id, status in told.items() if id}
