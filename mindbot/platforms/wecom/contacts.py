"""Who somebody is: look-ups in the contacts, kept for a while.

Sources: WeCom developer centre, "Read member" (path/90196), "Get one department" (path/95351). Applications
made after 2022-06-20 are told names and departments, and no mobile numbers or addresses.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from mindbot.domain import fields
from mindbot.domain.errors import AuthFailed, Rejected, VendorError
from mindbot.domain.host import Keep
from mindbot.domain.message import Json
from mindbot.domain.shapes.turns import PersonJson
from mindbot.platforms.profiles import Profiles
from mindbot.platforms.wecom_shared.api import Api

log = structlog.get_logger("mindbot.platforms.wecom")

_UNKNOWN = {"40003", "46004", "60111", "301021"}
_UNSEEN = {"50002", "60011", "60021"}
_MOST = 8  # departments of one member whose names are looked up
_AGAIN = 3600.0  # seconds until a contacts secret that was refused is tried again


class Contacts:
    """The contacts as one application may read them: with the contacts secret if there is one and WeCom
    accepts it, else with the application's own."""

    def __init__(
        self, api: Api, contacts: Api | None, keep: Keep, *, ttl: float, timer: Callable[[], float]
    ) -> None:
        self._api = api
        self._contacts = contacts
        self._profiles = Profiles(keep, ttl)
        self._timer = timer
        self._refused_until = 0.0
        self.refusal = ""  # why the contacts secret is not used

    async def user(self, id: str) -> PersonJson:
        """Return ``name``, ``title``, ``departments`` and ``department``, the main one; empty for whom WeCom
        does not know.

        Departments have their names, and their numbers where the application may not read those.

        Raises:
            Rejected: the application may not see this member.
            VendorError: WeCom cannot be asked.
        """

        async def ask() -> PersonJson:
            return await self._look_up(id)

        return await self._profiles.find(f"user:{id}", ask)

    async def _look_up(self, id: str) -> PersonJson:
        try:
            found = await self._ask("user/get", userid=id)
        except VendorError as error:
            if error.code in _UNKNOWN:
                return {}
            if error.code in _UNSEEN:
                hint = "widen the visible range in the app's settings"
                raise Rejected(f"the app may not see {id!r}", hint=hint, code=error.code) from error
            raise
        ids = fields.texts(found.get("department"))
        main = fields.text(found.get("main_department")) or next(iter(ids), "")
        names = {each: await self._department(each) or each for each in ids[:_MOST]}
        return {
            "name": fields.text(found.get("name")),
            "title": fields.text(found.get("position")),
            "departments": [names.get(each, each) for each in ids],
            "department": names.get(main, main),
        }

    async def _department(self, id: str) -> str:
        """Return a department's name; empty where the application may not read it."""

        async def ask() -> PersonJson:
            try:
                answer = await self._ask("department/get", id=id)
            except VendorError as error:
                if error.retryable:
                    raise
                answer = {}
            return {"name": fields.text(fields.mapping(answer.get("department")).get("name"))}

        return str((await self._profiles.find(f"department:{id}", ask))["name"])

    async def _ask(self, call: str, **params: str) -> Json:
        if self._contacts is not None and self._timer() >= self._refused_until:
            try:
                answer = await self._contacts.get(call, **params)
            except AuthFailed as error:  # 48009: not from this address; 40001: wrong; 48002: no right
                self._refused_until = self._timer() + _AGAIN
                self.refusal = str(error)
                log.warning("the contacts secret is not accepted, the app's own is used", reason=str(error))
            else:
                self.refusal = ""
                return answer
        return await self._api.get(call, **params)
