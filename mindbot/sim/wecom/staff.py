"""The members of the enterprise, their departments, and the application as they see it.

Sources: "Read member" (document/path/90196), "Members of a department" (90200), "Get one department" (95351),
"Get application" (90227).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mindbot.domain.message import Json
from mindbot.sim.wecom.tokens import ApiError

DEPARTMENTS = {1: "Simulated Company", 2: "Sales", 7: "研发部 (R&D)"}


@dataclass(slots=True)
class Staff:
    """Whoever ``exists`` is a member; ``profiles`` are details of some. ``unseen`` are outside the
    application's visible range; ``names`` says whether department names may be read, ``blocked`` that the
    contacts secret may not be used from this address."""

    exists: Callable[[str], bool]
    profiles: dict[str, Json] = field(default_factory=dict)
    unseen: set[str] = field(default_factory=set)
    names: bool = True
    blocked: bool = False

    def user(self, query: Json) -> Json:
        """Carry out user/get; raises ApiError."""
        id = str(query.get("userid") or "")
        if not id:
            raise ApiError(41009)
        if not self.exists(id.lower()):
            raise ApiError(60111)
        if id.lower() in self.unseen:
            raise ApiError(60011)
        return self._profile(id)

    def members(self, query: Json, known: list[str]) -> Json:
        """Carry out user/simplelist; raises ApiError."""
        department = self._number(query.get("department_id"))
        deep = str(query.get("fetch_child")) == "1" and department == 1
        found = [self._profile(id) for id in known]
        names = ("userid", "name", "department", "open_userid")
        chosen = [each for each in found if deep or department in each["department"]]
        return {"userlist": [{name: each[name] for name in names} for each in chosen]}

    def department(self, query: Json) -> Json:
        """Carry out department/get; raises ApiError."""
        id = self._number(query.get("id"))
        if not self.names:
            raise ApiError(60011)
        parent = {} if id == 1 else {"parentid": 1}
        return {"department": {"id": id, "name": DEPARTMENTS[id], "order": 1, **parent}}

    def _number(self, value: object) -> int:
        id = int(str(value)) if str(value).isdigit() else 0
        if id not in DEPARTMENTS:
            raise ApiError(60003)
        return id

    def _profile(self, id: str) -> Json:
        return {
            "userid": id,
            "name": id.title(),
            "department": [1, 7],
            "main_department": 7,
            "order": [0, 0],
            "position": "Engineer",
            "is_leader_in_dept": [0, 0],
            "direct_leader": [],
            "alias": "",
            "open_userid": f"wo-{id}",
            "status": 1,
            **self.profiles.get(id.lower(), {}),
        }


def application(agent_id: int, members: frozenset[str]) -> Json:
    """Return what agent/get tells."""
    return {
        "agentid": agent_id,
        "name": "Simulated application",
        "square_logo_url": "",
        "description": "",
        "allow_userinfos": {"user": [{"userid": each} for each in sorted(members)]},
        "allow_partys": {"partyid": [] if members else [1]},
        "allow_tags": {"tagid": []},
        "close": 0,
        "redirect_domain": "",
        "report_location_flag": 0,
        "isreportenter": 1,
        "home_url": "",
    }
