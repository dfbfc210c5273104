"""The contract of stores: what is written once is there, whole, also for the next process."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import anyio
import pytest

from mindbot.domain.delivery import DeliveryNotes
from mindbot.domain.errors import StoreError
from mindbot.domain.message import Json
from mindbot.domain.ports.store import Kept
from mindbot.domain.trail import TRAIL
from mindbot.domain.turn import Turn
from mindbot.testing.stores.rig import StoreRig, a_delivery, a_message, answered, nothing_runs


class WritesContract:
    """See `mindbot.testing.stores.contract`."""

    async def test_a_message_is_there_after_a_restart(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, duplicate = await store.inbox.put(a_message(text="keep me"))
            assert not duplicate
        async with rig.open() as store:
            (again,) = await store.inbox.recover()
            assert (again.number, again.message.text, again.attempt) == (turn.number, "keep me", 2)

    async def test_the_same_message_gets_the_same_turn_also_in_one_batch(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            found: list[tuple[Turn, bool]] = []

            async def put() -> None:
                found.append(await store.inbox.put(a_message("same")))

            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(put)
            assert len({turn.number for turn, _ in found}) == 1
            assert sorted(duplicate for _, duplicate in found) == [False, True, True, True, True]
        async with rig.open() as store:
            _, duplicate = await store.inbox.put(a_message("same"))
            assert duplicate

    async def test_equal_texts_with_different_keys_are_two_turns(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            one, _ = await store.inbox.put(a_message("a", "same text"))
            two, duplicate = await store.inbox.put(a_message("b", "same text"))
            assert one.number != two.number and not duplicate

    async def test_the_end_of_a_turn_and_its_deliveries_are_one_transaction(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            async with turn.span("stage", "run"):
                pass
            answered(turn, "hi")
            bad = a_delivery(turn)
            bad.to = {"not": object()}
            with pytest.raises(StoreError, match="not plain JSON"):
                await store.turns.finish(turn, [bad])
            assert [t.number for t in await store.inbox.recover()] == [turn.number], "the turn is still open"
            await store.turns.finish(turn, [a_delivery(turn)])
            assert await store.inbox.recover() == []
            (waiting,) = await store.outbox.open_deliveries()
            assert waiting.text == "hi"

    async def test_what_was_being_sent_comes_back_as_unknown_and_the_rest_as_pending(
        self, rig: StoreRig
    ) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            answered(turn, "two parts")
            await store.turns.finish(
                turn, [a_delivery(turn, 0, state="sending", attempts=1), a_delivery(turn, 1)]
            )
        async with rig.open() as store:
            first, second = await store.outbox.open_deliveries()
            assert (first.state, first.again, first.attempts) == ("unknown", True, 1)
            assert (second.state, second.again) == ("pending", False)
            first.state, first.sent_id, first.ended = "sent", "MSG1", 2.0
            await store.outbox.mark(first)
            assert [d.n for d in await store.outbox.open_deliveries()] == [1]

    async def test_what_is_not_sent_is_read_page_by_page(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turns = [(await store.inbox.put(a_message(f"m{n}")))[0] for n in range(3)]
            for turn in turns:
                await store.outbox.enqueue([a_delivery(turn, n) for n in (-1, 0)])
            sent = a_delivery(turns[1], 0, state="sent")
            await store.outbox.mark(sent)
            pages, place = [], (0, 0)
            while page := await store.outbox.open_deliveries(place, 2):
                place = (page[-1].turn, page[-1].n)
                pages.append([(turns[0].number < d.turn, d.n) for d in page])
            assert pages == [[(False, -1), (False, 0)], [(True, -1), (True, -1)], [(True, 0)]]

    async def test_a_state_written_late_keeps_what_the_platform_said_meanwhile(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            delivery = a_delivery(answered(turn, "hi"), state="sending", attempts=1)
            await store.turns.finish(turn, [delivery])
            assert await store.outbox.note(turn.number, 0, {"failed": "refused"})
            delivery.state, delivery.notes = "sent", DeliveryNotes.from_json({"left": 4})
            await store.outbox.mark(delivery)
            row = await store.outbox.delivery(turn.number, 0)
            assert row is not None and row.notes.to_json() == {"failed": "refused", "left": 4}
            delivery.notes = DeliveryNotes()
            await store.outbox.mark(delivery)
            row = await store.outbox.delivery(turn.number, 0)
            assert row is not None and row.notes.to_json() == {"failed": "refused", "left": 4}

    async def test_what_was_sent_is_read_with_its_id_and_its_time(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            two = [a_delivery(turn, n) for n in (0, 1)]
            await store.turns.finish(answered(turn, "hi"), two)
            two[0].state, two[0].sent_id, two[0].ended = "sent", "m1", 1234.5
            await store.outbox.mark(two[0])
            found = await store.outbox.deliveries(turn.number)
            assert [(d.n, d.sent_id, d.ended) for d in found] == [(0, "m1", 1234.5), (1, "", 0.0)]
            (known,) = await store.outbox.sent_since(0, two[0].platform, two[0].bot)
            assert (known.sent_id, known.ended) == ("m1", 1234.5)

    async def test_the_turn_of_a_message_is_found_by_its_key(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message("k1"))
            assert await store.inbox.turn_of("console", "default", "k1") == turn.number
            assert await store.inbox.turn_of("console", "other", "k1") is None

    async def test_a_failed_turn_can_be_queued_again(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            turn.state, turn.reason, turn.finished = "failed", "no model", time.time()
            await store.turns.finish(turn, [a_delivery(turn, state="sent")])
            again = await store.turns.requeue(turn.number)
            assert again is not None and again.message == turn.message
            assert await store.turns.requeue(turn.number) is None

    async def test_what_is_read_later_brings_its_memo_and_its_attempt(self, rig: StoreRig) -> None:
        async def step() -> dict[str, Any]:
            return {"n": 1}

        async with rig.open() as store:
            first, _ = await store.inbox.put(a_message("first"))
            second, _ = await store.inbox.put(a_message("second"))
            await store.turns.once(second, "model", step)
            await store.inbox.put(a_message("third"))
        async with rig.open() as store:
            assert [t.number for t in await store.inbox.recover(1)] == [first.number]
            await store.inbox.put(a_message("fresh"))
            later = await store.inbox.queued_after(first.number, 10)
            assert [(t.message.key, t.attempt) for t in later] == [("second", 2), ("third", 2), ("fresh", 1)]
            assert later[0].memo == {"model": {"n": 1}}

    async def test_a_turn_with_deliveries_on_their_way_is_not_queued_again(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            turn.state, turn.finished = "failed", time.time()
            delivery = a_delivery(turn)
            await store.turns.finish(turn, [delivery])
            assert await store.turns.requeue(turn.number) is None
            delivery.state = "dead"
            await store.outbox.mark(delivery)
            assert await store.outbox.revive(turn.number, 0) is not None
            assert await store.outbox.revive(turn.number, 0) is None, "somebody has revived it already"

    async def test_ids_that_differ_behind_a_nul_are_two(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            for id in ("a\0b", "a\0c", "a", "a\ufffdb"):
                message = store.inbox.storable(a_message(id, text=f"from {id}", user=id))
                turn, again = await store.inbox.put(message)
                assert not again and (await store.inbox.put(message))[1]
                assert await store.inbox.turn_of("console", "default", message.key) == turn.number
                await store.turns.finish(answered(turn, "yes"), [])
                told = await store.history.last(message.session, turn.number + 1, 9)
                assert [line.content for line in told] == [f"from {id}", "yes"]

    async def test_messages_and_what_is_kept_are_written_together_or_not_at_all(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            cursor = Kept("console", "default", "cursor", {"at": 1})
            found = await store.inbox.put_all([a_message("a"), a_message("b"), a_message("a")], [cursor])
            assert [again for _, again in found] == [False, False, True]
            assert found[0][0].number == found[2][0].number
            with pytest.raises(StoreError, match="not plain JSON"):
                odd = Kept("console", "default", "cursor", {"at": object()})
                await store.inbox.put_all([a_message("c")], [odd])
            assert await store.keep.get("console", "default", "cursor") == {"at": 1}
            assert not (await store.inbox.put(a_message("c")))[1]

    async def test_what_no_store_can_hold_is_made_storable(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            plain, odd = a_message("plain"), a_message("odd", "half \ud83d")
            assert store.inbox.storable(plain) is plain
            turn, _ = await store.inbox.put(store.inbox.storable(odd))
            assert (await store.inbox.message(turn.number)).text == "half \ufffd"
            with pytest.raises(StoreError, match="any more"):
                await store.inbox.message(1)

    async def test_what_is_read_is_what_was_written_whatever_became_of_it(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            value: Json = {"list": [1]}
            await store.keep.write([Kept("console", "default", "k", value)])
            turn, _ = await store.inbox.put(a_message())
            delivery = a_delivery(answered(turn, "hi"), notes=DeliveryNotes.from_json({"left": 1}))
            await store.outbox.enqueue([delivery])
            value["list"].append(2)
            delivery.to["to"] = "somebody else"
            delivery.parts.clear()
            assert await store.keep.get("console", "default", "k") == {"list": [1]}
            (found,) = await store.outbox.deliveries(turn.number)
            assert (found.to, found.text, found.notes.to_json()) == ({"to": "lin"}, "hi", {})

    async def test_an_attempt_counts_once_it_begins_and_not_when_it_is_excused(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            await store.inbox.put(a_message())
        attempts = []
        for excused in (False, True, False):
            async with rig.open() as store:
                (turn,) = await store.inbox.recover()
                attempts.append(turn.attempt)
                await store.turns.begin(turn)
                if excused:
                    await store.turns.excuse([turn])
        assert attempts == [2, 3, 3]

    async def test_a_recorded_step_does_not_run_again(self, rig: StoreRig) -> None:
        calls = []

        async def step() -> Json:
            calls.append(1)
            return {"n": len(calls)}

        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            assert await store.turns.once(turn, "model", step) == {"n": 1}
            assert await store.turns.once(turn, "model", step) == {"n": 1}
        async with rig.open() as store:
            (again,) = await store.inbox.recover()
            assert await store.turns.once(again, "model", step) == {"n": 1} and len(calls) == 1
            await store.turns.finish(answered(again, "x"), [])
            assert await store.turns.discard(again.number) is False

    async def test_a_trail_is_the_last_one_and_goes_with_its_turn(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            for n in range(3):
                store.turns.trail(turn, {"at": float(n), "attempt": 1, "steps": []})
        async with rig.open() as store:
            (again,) = await store.inbox.recover()
            assert again.memo[TRAIL] == {"at": 2.0, "attempt": 1, "steps": []}
            await store.turns.finish(answered(again, "x"), [])
        async with rig.open() as store:
            assert await store.inbox.recover() == []

    async def test_a_recorded_step_is_read_back_whatever_it_was(self, rig: StoreRig) -> None:
        told: dict[str, Any] = {"words": "it's over", "number": 2.5, "none": None, "list": [1, {"ü": True}]}
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            for name, value in told.items():
                await store.turns.once(turn, name, partial(_given, value))
        async with rig.open() as store:
            (again,) = await store.inbox.recover()
            assert {name: again.memo[name] for name in told} == told

    async def test_turns_that_are_answered_together_end_together(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            one, two = [(await store.inbox.put(a_message(key, key)))[0] for key in ("one", "two")]
            one.together, one.vars = [two], {"together": [two.id]}
            two.state, two.finished, two.vars = "answered", time.time(), {"together": one.id}
            await store.turns.finish(answered(one, "both"), [a_delivery(one)])
            assert await store.inbox.recover() == []
        async with rig.open() as store:
            lines = await store.history.last(one.session, two.number + 1, 10)
            assert [line.content for line in lines] == ["one\ntwo", "both"]

    async def test_a_streams_end_gives_what_is_on_show_its_text(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            await store.outbox.enqueue([a_delivery(turn, state="open", kind="stream")])
            assert await store.outbox.open_deliveries() == []
        async with rig.open() as store:
            assert list(await store.outbox.open_streams()) == [turn.number]
            notes = DeliveryNotes(card="c1")
            said = a_delivery(answered(turn, "whole"), kind="stream", notes=notes)
            await store.turns.finish(turn, [said, a_delivery(turn, 1)])
            assert await store.outbox.open_streams() == {}
            first, second = await store.outbox.open_deliveries()
            assert (first.text, first.kind, first.notes.to_json()) == ("whole", "stream", {"card": "c1"})
            assert (second.n, second.kind) == (1, "message")

    async def test_how_far_a_turn_is_and_what_it_said(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            notice = a_delivery(turn, -1)
            await store.outbox.enqueue([notice])
            found = await store.turns.answer(turn.number)
            assert found is not None and not found.done and found.deliveries == ()
            await store.turns.finish(answered(turn, "hi"), [a_delivery(turn)])
            found = await store.turns.answer(turn.number)
            assert found is not None and found.done and [d.text for d in found.deliveries] == ["hi"]
            assert await store.turns.answer(turn.number + 1) is None

    async def test_what_is_noted_of_a_turn_while_it_runs_stays_at_its_end(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            assert await store.turns.note(turn.number, {"recalled": 1.0})
            await store.turns.finish(answered(turn, "words"), [])
            for _ in range(2):
                assert await store.turns.note(turn.number, {"failed": "late"})
            assert not await store.turns.note(turn.number + 1, {"failed": "late"})
            shown = await (await nothing_runs(store)).get_turn(turn.id)
            assert shown["notes"] == [{"recalled": 1.0}, {"failed": "late"}]
            assert shown["reply"] == "words" and shown["message"]["key"] == "m1"


async def _given(value: Any) -> Any:
    return value
