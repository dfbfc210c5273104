"""The bot forgets the last exchanges of a conversation: they are shown before, and it is taken back."""

from __future__ import annotations

import pytest
from console_driver import console
from console_fakes import FakeClock
from console_sample import filled

from mindbot.api.one_call import ApiCall, segment
from mindbot.domain.message import Json

pytestmark = [pytest.mark.anyio, pytest.mark.full]


async def test_exchanges_are_shown_forgotten_and_remembered_again(clock: FakeClock) -> None:
    daemon = filled()
    session = daemon.answers["GET /v1/sessions"][0]["session"]
    path = f"POST /v1/sessions/{segment(session, 'session')}"
    told = [{"turn": f"T{n}", "user": "lin", "text": f"astray {n}", "reply": f"led {n}"} for n in (1, 2)]

    def rolled(call: ApiCall[Json]) -> Json:
        return {"session": session, "exchanges": told, "dry_run": bool(call.body and call.body["dry_run"])}

    daemon.answers[f"{path}/rollback"] = rolled
    daemon.answers[f"{path}/restore"] = {"session": session, "exchanges": told}
    async with console(daemon, clock=clock, size=(120, 30)) as person:
        await person.press("3")
        await person.sees(session.rpartition(":")[2])
        await person.press("colon")
        await person.type("rollback many")
        await person.press("enter")
        await person.sees("a number from 1 to 100")
        await person.press("colon")
        await person.type("rollback 2")
        await person.press("enter")
        await person.sees("Forget these exchanges of", "› astray 1 ‹ led 1", "› astray 2 ‹ led 2")
        await person.press("y")
        await person.sees("forgotten: 2 of", "$ mindbot session rollback")
        orders = [body for asked, body in daemon.asked if asked == f"{path}/rollback"]
        assert [(each["exchanges"], each["turns"], each["dry_run"]) for each in orders] == [
            (2, [], True),
            (2, ["T1", "T2"], False),
        ]
        await person.press("U")
        await person.sees("undone: forgotten: 2 of", "$ mindbot session restore")
