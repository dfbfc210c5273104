"""Beside runs: an app is checked and rated; what too many runs are told; what is not shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from dify_here import USER, DifyHere, call, dify_here, heard

from mindbot.domain.errors import Rejected
from mindbot.domain.message import Json

pytestmark = pytest.mark.anyio


@pytest.fixture
async def here() -> AsyncIterator[DifyHere]:
    async with dify_here(strict=True, apps=APPS) as found:
        yield found


FORM: list[Json] = [{"paragraph": {"variable": "topic", "label": "t", "required": True}}]
APPS: dict[str, Any] = {
    "talk": {"mode": "chat"},
    "new": {"mode": "agent"},
    "flow": {"mode": "advanced-chat"},
    "work": {"mode": "workflow", "user_input_form": FORM},
    "strict": {
        "mode": "workflow",
        "user_input_form": [*FORM, {"text-input": {"variable": "who", "label": "w", "required": True}}],
    },
}
CHECKS = [
    ("chat", "talk", {}, "ok", "ok"),
    ("agent", "new", {}, "ok", "ok"),
    ("chatflow", "flow", {}, "ok", "ok"),
    ("workflow", "work", {}, "ok", "ok"),
    ("chat", "flow", {}, "failed", "ok"),
    ("workflow", "strict", {"inputs": {"who": "x"}}, "ok", "ok"),
    ("workflow", "strict", {"input_key": "topic"}, "ok", "failed"),
    ("workflow", "work", {"input_key": "nothing"}, "ok", "failed"),
    ("chat", "nobody", {}, "failed", "skipped"),
]


@pytest.mark.parametrize("kind, name, settings, app, form", CHECKS)
async def test_an_app_is_checked_without_a_run(
    here: DifyHere, kind: str, name: str, settings: Json, app: str, form: str
) -> None:
    checks = await here.app(kind, key=f"app-{name}", **settings).check()
    assert [check.state for check in checks] == [app, form]
    assert all(check.mend for check in checks if check.state == "failed")
    assert here.starts() == 0


async def test_another_kind_is_named(here: DifyHere) -> None:
    [check, _] = await here.app("chat", key="app-flow").check()
    assert check.mend == "type: chatflow"


async def test_an_answer_is_rated_by_who_got_it(here: DifyHere) -> None:
    app = here.app("chat", key="app-talk")
    said = await heard(app.run(here.turn(), call()))
    assert said.notes["ids"]["user"] == USER
    await app.rate(said.notes["ids"], liked=False, note="too short")
    [run] = here.sim.runs.values()
    assert run.rating == {"rating": "dislike", "content": "too short"}
    await app.rate(said.notes["ids"], liked=None)
    assert run.rating is None
    work = here.app("workflow", key="app-work")
    done = await heard(work.run(here.turn(), call()))
    with pytest.raises(Rejected, match="rates messages"):
        await work.rate(done.notes["ids"], liked=True)


@pytest.mark.full
async def test_too_many_runs_are_waited_for() -> None:
    async with dify_here(fault="429:code=too_many_requests:n=1@/chat-messages") as busy:
        said = await heard(busy.app().run(busy.turn(), call()))
        assert "hello" in said.text
        assert busy.starts() == 1


async def test_moderation_and_audio_leave_one_text() -> None:
    apps = {"talk": {"mode": "advanced-chat", "replaced": "not that", "speaks": True}}
    async with dify_here(apps=apps) as strict:
        said = await heard(strict.app("chatflow", key="app-talk").run(strict.turn(), call()))
        assert said.text == "not that"


async def test_the_key_is_shown_nowhere() -> None:
    key = "app-chatflow-secret-12345678"
    nodes = [{"title": "LLM", "outputs": {"text": f"the key is {key}"}}]
    async with dify_here(
        apps={"chatflow-secret-12345678": {"mode": "advanced-chat", "nodes": nodes}}
    ) as here:
        turn = here.turn()
        await heard(here.app("chatflow", key=key).run(turn, call(conversation="")))
        assert key not in str([span.to_json() for span in turn.spans])
        assert key not in str(here.keep.values)
