"""The bus over the local API, and the commands that show it and the times."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio
import pytest
from anyio import to_thread

from mindbot.api import instrument_calls, queue_calls
from mindbot.api.stream import events
from mindbot.cli.main import main
from mindbot.domain.errors import Conflict, Invalid, TimedOut
from mindbot.domain.events import Event
from mindbot.testing.waiting import until

if TYPE_CHECKING:
    from daemon_here import Running

pytestmark = pytest.mark.anyio

FAILED = 'state == "failed"'


async def test_clients_of_the_stream_stand_beside_topics(up: Running) -> None:
    async def follow() -> None:
        async with aclosing(events(up.socket, topics=["turn", "health.changed"], filter=FAILED)) as updates:
            async for _ in updates:
                pass

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        found = await up.client.ask(instrument_calls.bus())
        while not any(row.kind == "client" for row in found.rows):
            await anyio.sleep(0.1)
            found = await up.client.ask(instrument_calls.bus())
        up.runtime.bus.publish(Event("turn.failed", "T1", {"state": "failed"}))
        found = await up.client.ask(instrument_calls.bus())
        tasks.cancel_scope.cancel()
    (client,) = (row for row in found.rows if row.kind == "client")
    assert client.name.startswith("process ") and client.topics == ["health.changed", "turn"]
    assert client.filter == FAILED
    assert [row.events for row in found.rows if (row.kind, row.name) == ("topic", "turn")] == [1]


async def test_what_waits_is_asked_and_acted_on_over_the_api(up: Running) -> None:
    (waits,) = (await up.client.ask(queue_calls.queue(10))).queued
    assert (waits.place, waits.why) == ("outbox", "retry")
    await up.client.ask(queue_calls.hasten(waits.id))
    with pytest.raises(Conflict):
        await up.client.ask(queue_calls.cancel(waits.id))
    await until(lambda: up.runtime.hastened == [waits.id])


async def test_times_are_asked_over_the_api_and_shown(
    up: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = (await up.client.ask(instrument_calls.metric_times())).times
    assert (run.what, run.name, run.counts, run.sum) == ("stage", "run", [1, 2, 0], 0.7)
    for words, count in (["metrics"], 1), (["metrics", "model"], 0), (["queue", "list"], 1), (["bus"], 1):
        with pytest.raises(SystemExit) as end:
            await to_thread.run_sync(main, ["--socket", str(up.socket), *words, "--json"])
        assert end.value.code == 0
        assert len(capsys.readouterr().out.splitlines()) == count


async def test_the_database_is_asked_over_the_api(up: Running) -> None:
    found = await up.client.ask(instrument_calls.query_database("SELECT 1", limit=2))
    assert (found.columns, found.rows, found.more) == (["n"], [[0], [1]], True)
    with pytest.raises(TimedOut, match="longer than"):
        await up.client.ask(instrument_calls.query_database("for ever", timeout=0.5))
    with pytest.raises(Invalid):
        await up.client.ask(instrument_calls.query_database("SELECT 1", limit=0))
