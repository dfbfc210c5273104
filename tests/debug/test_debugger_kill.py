"""Through real processes: kill -9 while a turn is parked, and a console that dies beside its breakpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.api import calls, debug_calls
from mindbot.api.client import Client
from mindbot.api.debug_models import ParkedView, SetBreakpoint
from mindbot.api.models import SendMessage
from mindbot.api.stream import events
from mindbot.domain.errors import Outdated
from mindbot.testing import processes
from mindbot.testing.waiting import wait_for

pytestmark = pytest.mark.full


@contextmanager
def a_daemon(folder: Path) -> Iterator[tuple[processes.Daemon, Any, int]]:
    """A daemon between the simulators of WeCom and of a model."""
    port = processes.free_port()
    with ExitStack() as stack:
        sims = stack.enter_context(processes.simulators("wecom", "openai"))
        daemon = processes.Daemon(folder, processes.wecom_config(sims, port))
        daemon.start()
        stack.callback(daemon.stop)
        yield daemon, sims, port


def say(sims: Any, port: int, text: str, **more: Any) -> Any:
    """Let one user write through WeCom; returns what became of it."""
    plan = {"messages": 1, "users": 1, "text": text, "quiet": 60, "persistent": 60, **more}
    plan["callback"] = f"http://127.0.0.1:{port}/wecom/default/callback"
    return processes.post(f"{sims['wecom']['base_url']}/_sim/traffic", plan)


def parked(client: Client) -> ParkedView:
    """Wait until one turn is parked."""
    return wait_for(lambda: client.ask(debug_calls.parked()))[0]


def test_a_turn_that_was_parked_when_the_daemon_was_killed_is_answered_once(tmp_path: Path) -> None:
    with a_daemon(tmp_path) as (daemon, sims, port):
        client = Client(daemon.socket)
        client.ask(debug_calls.set_breakpoint(SetBreakpoint(stage="run", lease=3600)))
        with ThreadPoolExecutor(1) as pool:
            said = pool.submit(say, sims, port, "refund me")
            turn = parked(client).turn
            assert client.ask(calls.status()).turns.parked == 1
            daemon.kill()
            daemon.start()
            report = said.result(120)
        assert (report["answered"], report["lost"], report["duplicated"]) == (1, 0, 0)
        assert client.ask(debug_calls.parked()) == [] and client.ask(debug_calls.breakpoints()) == []
        again = client.ask(calls.turn(turn)).to_json()
        assert (again["state"], again["attempt"]) == ("answered", 1)


def test_two_consoles_edit_and_one_dies_with_its_breakpoint(tmp_path: Path) -> None:
    with a_daemon(tmp_path) as (daemon, _, _):
        one, other = Client(daemon.socket, console="one"), Client(daemon.socket, console="other")

        async def attended() -> str:
            stream = events(daemon.socket, topics=["turn"], console="one")
            async with aclosing(stream):
                await anext(stream)  # attached
                one.ask(debug_calls.set_breakpoint(SetBreakpoint(stage="run", lease=3600)))
                one.ask(calls.send(SendMessage(text="hello", user="mei", wait=False)))
                found = await anyio.to_thread.run_sync(lambda: parked(one))
                edit = debug_calls.edit_scope(found.turn, "message.text", "good bye", found.revision)
                assert one.ask(edit).revision == found.revision + 1
                with pytest.raises(Outdated) as refused:
                    other.ask(debug_calls.edit_scope(found.turn, "variables.x", 1, found.revision))
                assert refused.value.revision == found.revision + 1
            return found.turn

        turn = anyio.run(attended)
        wait_for(lambda: not other.ask(debug_calls.breakpoints()))
        ended = wait_for(lambda: (t := other.ask(calls.turn(turn))).state == "answered" and t)
        assert "good bye" in json.dumps(ended.to_json()["spans"])
