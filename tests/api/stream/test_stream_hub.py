"""What every attached client gets, and what it is told about what it does not get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest

from mindbot.bus import Bus
from mindbot.domain.errors import BadFilter, Invalid
from mindbot.domain.events import Event
from mindbot.testing.waiting import PATIENCE
from mindbot_daemon.server.stream.hub import Hub
from mindbot_daemon.server.stream.request import read
from mindbot_daemon.server.stream.subscriber import Subscriber

pytestmark = pytest.mark.anyio


def say(bus: Bus, *texts: str, kind: str = "turn.queued", **data: Any) -> None:
    for text in texts:
        bus.publish(Event(kind, f"T{text}", {"text": text, **data}))


async def told(client: Subscriber) -> list[Any]:
    found = []
    while client.waiting:
        found.append(json.loads(await client.next()))
    return found


def texts(messages: list[Any]) -> list[str]:
    return [event["text"] for message in messages if isinstance(message, list) for event in message]


@contextmanager
def attached(hub: Hub, bus: Bus, **query: str) -> Iterator[Subscriber]:
    with hub.attach(bus, read(query)) as client:
        yield client


async def test_a_client_learns_its_place_and_then_gets_batches_in_order() -> None:
    hub, bus = Hub(), Bus()
    with attached(hub, bus) as client:
        say(bus, "a", "b")
        hub.pump()
        place, batch = await told(client)
    assert place == {"epoch": hub.epoch, "seq": batch[0]["seq"] - 1}
    assert [(e["type"], e["turn"], e["text"]) for e in batch] == [
        ("turn.queued", "Ta", "a"),
        ("turn.queued", "Tb", "b"),
    ]
    assert all(e["epoch"] == hub.epoch and e["ts"] > 0 for e in batch)


async def test_topics_single_types_and_filters_choose() -> None:
    hub, bus = Hub(), Bus()
    with (
        attached(hub, bus, topics="turn") as turns,
        attached(hub, bus, topics="turn.answered,log") as mixed,
        attached(hub, bus, topics="turn", filter='text =~ "^b"') as filtered,
    ):
        say(bus, "a", "b")
        say(bus, "c", kind="turn.answered")
        say(bus, "d", kind="log.line")
        say(bus, "e", kind="span.closed")
        hub.pump()
        assert texts(await told(turns)) == ["a", "b", "c"]
        assert texts(await told(mixed)) == ["c", "d"]
        assert texts(await told(filtered)) == ["b"]


async def test_without_topics_come_the_quiet_ones() -> None:
    hub, bus = Hub(), Bus()
    with attached(hub, bus) as client:
        for kind in (
            "turn.queued",
            "delivery.sent",
            "health.changed",
            "chunk.text",
            "span.closed",
            "log.line",
        ):
            say(bus, kind, kind=kind)
        hub.pump()
        assert texts(await told(client)) == ["turn.queued", "delivery.sent", "health.changed"]


async def test_equal_clients_share_one_encoding() -> None:
    hub, bus = Hub(), Bus()
    with attached(hub, bus, topics="turn") as one, attached(hub, bus, topics="turn") as two:
        say(bus, "a")
        hub.pump()
        assert [await one.next(), await two.next()]  # their places
        assert await one.next() is await two.next()


async def test_of_the_states_a_turn_passes_through_in_one_batch_only_the_last_is_told() -> None:
    hub, bus = Hub(), Bus()
    with (
        attached(hub, bus, topics="turn") as latest,
        attached(hub, bus, topics="turn.queued,turn.answered") as exact,
        attached(hub, bus, topics="turn", filter="state == queued") as filtered,
    ):
        for state in ("queued", "running", "answered"):
            say(bus, "a", kind=f"turn.{state}", state=state)
        say(bus, "b", kind="turn.queued", state="queued")
        say(bus, "b", kind="turn.duplicate")
        say(bus, "b", kind="turn.running", state="running")
        hub.pump()

        async def kinds(client: Subscriber) -> list[tuple[str, str]]:
            _place, batch = await told(client)
            return [(e["turn"], e["type"]) for e in batch]

        assert await kinds(latest) == [
            ("Ta", "turn.answered"),
            ("Tb", "turn.duplicate"),
            ("Tb", "turn.running"),
        ]
        assert await kinds(exact) == [("Ta", "turn.queued"), ("Ta", "turn.answered"), ("Tb", "turn.queued")]
        assert await kinds(filtered) == [("Ta", "turn.queued"), ("Tb", "turn.queued")]
        say(bus, "b", kind="turn.answered", state="answered")
        hub.pump()
        assert texts(await told(latest)) == ["b"]


async def test_nobody_attached_means_nobody_listens() -> None:
    hub, bus = Hub(), Bus()
    assert not bus.wants("turn")
    with attached(hub, bus, topics="turn"):
        assert bus.wants("turn") and not bus.wants("span")


async def test_the_oldest_go_when_a_client_does_not_read_and_the_gap_is_told() -> None:
    bus, hub = Bus(), Hub()
    with attached(hub, bus, topics="turn") as client:
        for n in range(30):
            say(bus, *(f"{n}.{m}" for m in range(500)))
            hub.pump()
        _place, gap, *batches = await told(client)
    kept = texts(batches)
    assert gap == {"gap": 5000} and len(kept) == 10_000
    assert (kept[0], kept[-1]) == ("10.0", "29.499")


async def test_long_texts_are_bounded_too() -> None:
    bus, hub = Bus(), Hub()
    with attached(hub, bus, topics="turn") as client:
        for _ in range(200):
            say(bus, "x" * 100_000)
            hub.pump()
        messages = await told(client)
    assert messages[1]["gap"] == 200 - len(texts(messages))
    assert sum(map(len, texts(messages))) < 9 << 20


async def test_control_events_outlive_their_batch() -> None:
    bus, hub = Bus(), Hub()
    with attached(hub, bus) as client:
        say(bus, "stopped", kind="turn.parked")
        for _ in range(21):
            say(bus, *map(str, range(500)))
            hub.pump()
        _place, gap, saved, *batches = await told(client)
    assert [e["text"] for e in saved] == ["stopped"]
    assert gap["gap"] + len(texts(batches)) == 21 * 500


async def test_too_many_unread_control_events_are_an_overrun() -> None:
    bus, hub = Bus(), Hub()
    with attached(hub, bus) as client:
        say(bus, *map(str, range(999)), kind="alert.firing")
        hub.pump()
        assert not client.overrun.is_set()
        say(bus, "one more", kind="alert.firing")
        hub.pump()
        assert client.overrun.is_set()


async def test_who_comes_back_gets_what_it_missed() -> None:
    hub, bus = Hub(), Bus()
    with attached(hub, bus, topics="turn"), attached(hub, bus, topics="turn") as client:
        say(bus, "a")
        hub.pump()
        last = (await told(client))[-1][-1]
        say(bus, "b", "c")
        hub.pump()
        say(bus, "not handed on yet")
        with attached(hub, bus, topics="turn", since=f"{hub.epoch}:{last['seq']}") as back:
            assert texts(await told(back)) == ["b", "c", "not handed on yet"]
        with attached(
            hub, bus, topics="turn", filter="text == c", since=f"{hub.epoch}:{last['seq']}"
        ) as filtered:
            assert texts(await told(filtered)) == ["c"]


async def test_who_comes_back_in_time_finds_the_events_of_its_absence() -> None:
    hub, bus = Hub(), Bus()
    with attached(hub, bus, topics="turn") as client:
        place = (await told(client))[0]
    say(bus, "meanwhile")
    with attached(hub, bus, topics="turn", since=f"{hub.epoch}:{place['seq']}") as back:
        assert texts(await told(back)) == ["meanwhile"]


@pytest.mark.parametrize("why", ["epoch", "future", "too long ago", "another topic"])
async def test_a_place_that_cannot_be_gone_on_from_is_a_reset(why: str) -> None:
    hub, bus = Hub(ring=10), Bus()
    with attached(hub, bus, topics="turn") as client:
        place = (await told(client))[0]
        say(bus, *map(str, range(11 if why == "too long ago" else 10)))
        hub.pump()
        since = {"epoch": f"X:{place['seq']}", "future": f"{hub.epoch}:{bus.seq + 5}"}
        query = {"topics": "log" if why == "another topic" else "turn"}
        with attached(hub, bus, since=since.get(why, f"{hub.epoch}:{place['seq']}"), **query) as back:
            assert await told(back) == [{"reset": hub.epoch, "seq": bus.seq}]


async def test_exactly_what_the_ring_holds_is_no_reset() -> None:
    hub, bus = Hub(ring=10), Bus()
    with attached(hub, bus, topics="turn") as client:
        place = (await told(client))[0]
        say(bus, *map(str, range(10)))
        hub.pump()
        with attached(hub, bus, topics="turn", since=f"{hub.epoch}:{place['seq']}") as back:
            assert len(texts(await told(back))) == 10


async def test_after_a_long_absence_nothing_is_kept_and_nothing_is_silently_missed() -> None:
    hub, bus = Hub(linger=0, heartbeat=0.01), Bus()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        with attached(hub, bus, topics="turn") as client:
            place = json.loads(await client.next())
            await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(PATIENCE):
            while bus.wants("turn"):
                await anyio.sleep(0.01)
        # Publishers ask first: what happened now left no trace, not even a number.
        with attached(hub, bus, topics="turn", since=f"{place['epoch']}:{place['seq']}") as back:
            assert "reset" in json.loads(await back.next())
        tasks.cancel_scope.cancel()


async def test_a_client_whose_filter_lets_nothing_through_learns_its_place() -> None:
    hub, bus = Hub(heartbeat=0.01), Bus()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        with (
            attached(hub, bus, topics="turn", filter="text == nothing") as client,
            anyio.fail_after(PATIENCE),
        ):
            first = json.loads(await client.next())
            say(bus, "a", "b")
            while (place := json.loads(await client.next()))["seq"] == first["seq"]:
                pass
            assert place == {"epoch": hub.epoch, "seq": bus.seq}
        tasks.cancel_scope.cancel()


async def test_topics_nobody_needs_any_more_are_let_go() -> None:
    hub, bus = Hub(heartbeat=0.01, linger=0.02), Bus()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.run)
        with attached(hub, bus, topics="turn"):
            with attached(hub, bus, topics="span"):
                assert bus.wants("span")
            with anyio.fail_after(PATIENCE):
                while bus.wants("span"):
                    await anyio.sleep(0.01)
            assert bus.wants("turn")
        tasks.cancel_scope.cancel()


async def test_what_the_bus_itself_dropped_is_a_gap_for_all_and_a_reset_later() -> None:
    hub, bus = Hub(), Bus()
    with attached(hub, bus, topics="turn") as client:
        place = json.loads(await client.next())
        say(bus, *map(str, range(10_003)))
        hub.pump()
        messages = await told(client)
        assert messages[0] == {"gap": 3} and texts(messages)[0] == "3"
        with attached(hub, bus, topics="turn", since=f"{hub.epoch}:{place['seq']}") as back:
            assert (await told(back))[0]["reset"]


@pytest.mark.parametrize(
    "query", [{"topics": "turns"}, {"since": "7"}, {"since": "E:x"}, {"filter": "a" * 5000}]
)
def test_nonsense_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        read(query)


def test_a_filter_that_does_not_parse_names_the_column() -> None:
    with pytest.raises(BadFilter) as caught:
        read({"filter": "took > 5s and plattform == wecom"})
    assert caught.value.column == 15 and "platform" in caught.value.fields
