"""A turn that runs, one that waits and one that failed, on a real daemon between simulators with faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio import to_thread
from console_driver import console

from mindbot.testing import configs, processes
from mindbot_tui.remote import Remote

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.full]

STORY = "tell me a long story of the sea, the ships in the harbour and the people who wait for them"


@pytest.fixture
def sims() -> Iterator[dict[str, dict[str, str]]]:
    """A model that stops in the middle of each answer, and an AI bot whose answers are seen growing."""
    with processes.simulators("wecombot", "openai", args=["--fault", "openai/stall:after=6"]) as found:
        yield found


async def test_a_turn_is_seen_as_it_runs_and_as_its_user_sees_it(
    sims: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    def says(user: str, text: str) -> Callable[[], object]:
        body = {"user": user, "text": text, "url": "connection"}
        return partial(processes.post, f"{sims['wecombot']['api_base_url']}/_sim/push", body)

    with processes.daemon(tmp_path, configs.wecombot(sims)) as daemon:
        async with console(Remote(daemon.socket), size=(160, 40)) as person:
            await person.sees("● attached")
            await to_thread.run_sync(says("lin", STORY))
            await person.sees("tell me a long story", "▸")
            await to_thread.run_sync(says("lin", "and then?"))
            await person.sees("and then?")
            await person.press("home", "enter")
            await person.sees("▸ running", "pipeline deliver … run", "model", "▶", "echo: tell me", "▌")
            await person.press("v")
            await person.finds(lambda: person.screen.count("▌") == 2)  # in the reply and on the phone
            await person.sees("typing …", "and then?", "not begun yet")
            first = person.app.view.turn
            await person.press("full_stop")
            await person.sees("· queued", f"waits behind {first}")
            faults = {"faults": ["401"]}
            model = sims["openai"]["base_url"].removesuffix("/v1")
            await to_thread.run_sync(partial(processes.post, f"{model}/_sim/faults", faults, method="PUT"))
            await to_thread.run_sync(says("zhao", "does it fail?"))
            await person.press("escape")
            await person.sees("does it fail?", "✗")
            await person.press("end", "enter")
            await person.sees("✗ failed", "auth_failed", "model openai ✗", "✗ auth_failed")
            await person.press("v")
            await person.sees("does it fail?", "抱歉")
        await to_thread.run_sync(daemon.kill)  # a stop would wait for the turn that hangs
