"""A sandbox that goes on from a moment of a session: with its past, and without a trace in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from replay_house import Toolbox, a_runtime, replayed, said

from mindbot.domain import ids
from mindbot.domain.errors import Invalid, NotFound
from mindbot.runtime.app import Runtime
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio

SESSION = "console:default:lin"


async def said_in(runtime: Runtime, session: str, text: str) -> Any:
    turns = runtime.resources.turns
    return await turns.wait_sent(await turns.inject(text=text, session=session), PATIENCE)


def asked(box: Toolbox) -> list[Any]:
    return [line["content"] for line in box.prompts[-1] if line["role"] == "user"]


async def test_it_has_the_past_until_then_and_the_original_stays_as_it_is(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        box = runtime.generation.runners["chat"] = Toolbox(runtime)
        _, second, _ = [await said(runtime, text) for text in ("first", "second", "third")]
        forked = await runtime.resources.forks.fork(SESSION, second["id"], "renew")
        assert (forked["exchanges"], forked["at"], forked["conversations"]) == (2, second["id"], 0)
        made = await said_in(runtime, forked["session"], "what if")
        assert asked(box) == ["first", "second", "what if"]
        assert (made["user"], made["dry_run"], made["deliveries"]) == ("lin", True, [])
        again = await said_in(runtime, forked["session"], "and then")
        assert asked(box) == ["first", "second", "what if", "and then"]
        await replayed(runtime, again["id"])
        assert asked(box) == ["first", "second", "what if", "and then"]
        past = await runtime.store.history.last(SESSION, ids.new_id(), 9)
        assert [line.content for line in past if line.role == "user"] == ["first", "second", "third"]
        await runtime.resources.sessions.clear_session(SESSION)
        await said_in(runtime, forked["session"], "still there")
        assert asked(box)[0] == "first", "it is a copy"
        with pytest.raises(NotFound):
            await runtime.resources.forks.fork("nobody", "", "renew")
        with pytest.raises(NotFound):
            await said_in(runtime, "fork:gone", "hello")
        other = await said(runtime, "hello", user="ann")
        with pytest.raises(Invalid, match="ann"):
            await runtime.resources.forks.fork(SESSION, other["id"], "renew")


async def test_conversations_at_vendors_begin_anew_or_go_on(tmp_path: Path) -> None:
    async with simulated("dify") as sim:
        app = {"dify_endpoint": sim.base_url, "dify_api_key": sim.settings.api_key, "max_retries": 0}
        async with a_runtime(tmp_path, workflows={"faq": app}) as runtime:
            await said(runtime, "hello there")
            for conversations, copied in (("renew", 0), ("copy", 1)):
                forked = await runtime.resources.forks.fork(SESSION, "", conversations)  # type: ignore[arg-type]
                assert forked["conversations"] == copied
                made = await said_in(runtime, forked["session"], "go on")
                assert made["state"] == "answered"
            begun = [body.get("conversation_id") for body in _bodies(sim)]
            assert not begun[0] and not begun[1] and begun[2]


def _bodies(sim: Any) -> list[dict[str, Any]]:
    return [each.body for each in sim.requests if each.path.endswith("/chat-messages")]
