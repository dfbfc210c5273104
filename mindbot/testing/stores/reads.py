"""The contract of stores: what is asked of them, and their upkeep."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from mindbot.domain import ids, origins
from mindbot.domain.chat import ChatMessage
from mindbot.domain.errors import Conflict, NotFound, StoreError
from mindbot.domain.needs import Is
from mindbot.domain.ports.store import GivenUp, Kept, RolledBack, TurnsFound, Wanted
from mindbot.testing.stores.rig import StoreRig, a_delivery, a_message, answered, nothing_runs


class ReadsContract:
    """See `mindbot.testing.stores.contract`."""

    async def test_history_is_oldest_first_and_only_of_that_session(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            for key, user, text in (("1", "lin", "one"), ("2", "mei", "other"), ("3", "lin", "two")):
                turn, _ = await store.inbox.put(a_message(key, text, user))
                await store.turns.finish(answered(turn, f"re {text}"), [])
            now, _ = await store.inbox.put(a_message("4", "three"))
        async with rig.open() as store:
            lines = await store.history.last(now.session, now.number, 10)
            assert [line.content for line in lines] == ["one", "re one", "two", "re two"]
            assert [line.content for line in await store.history.last(now.session, now.number, 1)] == [
                "two",
                "re two",
            ]

    async def test_what_people_said_in_the_bots_place_is_history_too(self, rig: StoreRig) -> None:
        said = (
            ("1", "text", "help", "user"),
            ("2", "event", "I am Anna", "assistant"),
            ("3", "text", "off", ""),
        )
        expected = [("user", "help"), ("assistant", "I am Anna"), ("assistant", "welcome")]
        async with rig.open() as store:
            for key, kind, text, heard in said:
                turn, _ = await store.inbox.put(a_message(key, text, kind=kind))
                turn.state, turn.finished = "dropped", 1.0
                turn.vars |= {"heard": heard} if heard else {}
                await store.turns.finish(turn, [])
            event, _ = await store.inbox.put(a_message("4", "[enter]", kind="event"))
            await store.turns.finish(answered(event, "welcome"), [])
            now, _ = await store.inbox.put(a_message("5", "three"))
        async with rig.open() as store:
            lines = await store.history.last(now.session, now.number, 10)
            assert [(line.role, line.content) for line in lines] == expected
            turn, _ = await store.inbox.put(a_message("6", "Bye", kind="event"))
            turn.state, turn.finished, turn.vars = "dropped", 1.0, {"heard": "assistant"}
            await store.turns.finish(turn, [])
            lines = await store.history.last(now.session, turn.number + 1, 10)
            bye = ChatMessage("assistant", "Bye", origin=origins.history(turn.id))
            assert lines[-1] == bye, "also from memory"

    async def test_purge_keeps_open_turns_and_young_ones(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            done, _ = await store.inbox.put(a_message("done"))
            await store.turns.finish(answered(done, "x"), [a_delivery(done, state="sent")])
            waiting, _ = await store.inbox.put(a_message("open"))
            assert await store.purge(time.time() - 3600) == 0
            assert await store.purge(time.time() + 3600) == 1
            assert [t.number for t in await store.inbox.recover()] == [waiting.number]

    async def test_a_closed_store_says_so(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            pass
        with pytest.raises(StoreError, match="closed"):
            await store.inbox.put(a_message())

    async def test_what_was_given_up_on_is_counted_until_somebody_decides(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            assert await store.given_up() == GivenUp()
            for n, states in enumerate((("dead", "dead"), ("dead",), ("sent",), ("pending",))):
                turn, _ = await store.inbox.put(a_message(f"m{n}"))
                deliveries = [a_delivery(turn, place, state=state) for place, state in enumerate(states)]
                await store.turns.finish(answered(turn, "x"), deliveries)
            lost, _ = await store.inbox.put(a_message("lost"))
            lost.state, lost.finished = "dead", time.time()
            await store.turns.finish(lost, [])
        async with rig.open() as store:
            assert await store.given_up() == GivenUp(deliveries=3, answers=2)
            assert await store.dead_turns() == 1
            dead = await (await nothing_runs(store)).list_dead(10)
            for letter in dead:
                if letter["id"] != lost.id:
                    assert await store.outbox.discard(*ids.parse_delivery(letter["id"]))
            assert await store.turns.discard(lost.number)
            assert await store.given_up() == GivenUp() and await store.dead_turns() == 0

    async def test_what_failed_and_whom_an_answer_reached_is_told(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            numbers = {}
            for key, user, state, sent in (
                ("failed", "lin", "failed", ()),
                ("lost", "mei", "answered", ("sent", "dead")),
                ("later", "lin", "answered", ("sent",)),
                ("waits", "bob", "answered", ("pending",)),
                ("silent", "eve", "answered", ()),
            ):
                turn, _ = await store.inbox.put(a_message(key, "hi", user))
                turn.reply.say("x")
                turn.state, turn.finished = state, time.time()  # type: ignore[assignment]
                await store.turns.finish(turn, [a_delivery(turn, n, state=s) for n, s in enumerate(sent)])
                numbers[key] = turn.number
            push, _ = await store.inbox.put(a_message("push", "at six", "eve", kind="push"))
            await store.turns.finish(answered(push, "at six"), [a_delivery(push, state="sent")])
            since = time.time() - 3600
            assert await store.failed(since, 9) == [numbers["lost"], numbers["failed"]]
            assert await store.failed(since, 1) == [numbers["lost"]]
            assert await store.failed(time.time() + 60, 9) == []
            tried, _ = await store.inbox.put(replace(a_message("tried", "hi", "eva"), origin="test"))
            await store.turns.finish(answered(tried, "ok"), [])
            ended = (await store.ended(since, time.time() + 1)).values()
            assert (sum(right for right, _ in ended), sum(wrong for _, wrong in ended)) == (5, 1)
            assert (
                await store.ended(since, since + 1)
                == await store.ended(time.time() + 60, time.time() + 90)
                == {}
            )
            sessions = [f"console:default:{user}" for user in ("lin", "mei", "bob", "eve")]
            reached = await store.reached(sessions, since)
            assert reached == {("console:default:lin", "lin"): numbers["later"]}
            assert await store.reached(sessions[1:], since) == {}

    async def test_a_session_that_was_forgotten_has_no_history_also_later(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message("1", "one"))
            await store.turns.finish(answered(turn, "re one"), [])
            await store.history.clear(turn.session, "console", "default")
            new, _ = await store.inbox.put(a_message("2", "two"))
            await store.turns.finish(answered(new, "re two"), [])
        async with rig.open() as store:
            lines = await store.history.last(turn.session, new.number + 1, 10)
            assert [line.content for line in lines] == ["two", "re two"]

    async def test_what_was_rolled_back_is_no_history_until_it_is_taken_back_also_later(
        self, rig: StoreRig
    ) -> None:
        async with rig.open() as store:
            turns = []
            for n in range(4):
                turn, _ = await store.inbox.put(a_message(f"{n}", f"no. {n}"))
                await store.turns.finish(answered(turn, f"re {n}"), [])
                turns.append(turn)
            session, numbers = turns[0].session, [turn.number for turn in turns]
            assert len(await store.history.last(session, numbers[-1] + 1, 2)) == 4
            assert await store.history.remembered(session, 2) == numbers[2:]
            for number in numbers[:1:-1]:
                gone = RolledBack((number,), {"of": number})
                await store.history.roll_back(session, "console", "default", gone)
            lines = await store.history.last(session, numbers[-1] + 1, 2)
            assert [line.content for line in lines] == ["no. 0", "re 0", "no. 1", "re 1"]
        async with rig.open() as store:
            assert await store.history.remembered(session, 9) == numbers[:2]
            assert await store.history.restore(session) == RolledBack((numbers[2],), {"of": numbers[2]})
            new, _ = await store.inbox.put(a_message("new", "new"))
            await store.turns.finish(answered(new, "re new"), [])
            lines = await store.history.last(session, new.number + 1, 2)
            assert [line.content for line in lines] == ["no. 2", "re 2", "new", "re new"]
        async with rig.open() as store:
            assert await store.history.restore(session) is not None
            assert await store.history.restore(session) is None
            assert await store.history.remembered(session, 2) == [numbers[3], new.number]
            await store.history.clear(session, "console", "default")
            assert await store.history.remembered(session, 2) == []
            assert await store.history.restore("nobody") is None

    async def test_what_was_said_to_the_group_was_heard_in_its_sessions(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message("1", "one"))
            await store.turns.finish(answered(turn, "re one"), [])
            push, _ = await store.inbox.put(a_message("p", "at six", session="group", kind="push"))
            await store.turns.finish(answered(push, "at six"), [])
            lines = await store.history.last(turn.session, push.number + 1, 10, "group")
            assert [line.content for line in lines] == ["one", "re one", "at six"]
            lines = await store.history.last(turn.session, push.number, 10, "group")
            assert [line.content for line in lines] == ["one", "re one"]

    async def test_values_are_kept_for_a_time_or_for_good_and_removed(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            now = time.time()
            kept = {"x:1": now + 900, "x:2": None, "x:3": now - 1, "y:1": None}
            await store.keep.write([Kept("wecom", "hr", key, {"k": key}, ends) for key, ends in kept.items()])
            await store.keep.write([Kept("wecom", "it", "x:9", {"k": "another bot's"})])
        async with rig.open() as store:
            assert list(await store.keep.items("wecom", "hr", "x:", 9)) == ["x:1", "x:2"]
            assert list(await store.keep.items("wecom", "hr", "", 1)) == ["x:1"]
            assert await store.keep.get("wecom", "hr", "x:2") == {"k": "x:2"}
            assert await store.keep.get("wecom", "hr", "x:3") is None
            assert await store.keep.get("wecom", "hr", "x") is None
            assert not await store.keep.lost("wecom", "hr", "x:3")
            await store.keep.write(
                [Kept("wecom", "hr", "x:2", {"k": "new"}), Kept("wecom", "hr", "x:2", {}, 0)]
            )
            assert await store.keep.get("wecom", "hr", "x:2") is None, "the last of several writes wins"
            assert await store.purge_kept() == 2 and await store.purge_kept() == 0
            assert list(await store.keep.items("wecom", "hr", "", 9)) == ["x:1", "y:1"]

    async def test_turns_are_listed_newest_first_page_by_page(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turns = [
                (await store.inbox.put(a_message(f"m{n}", f"text {n}", f"u{n % 2}")))[0] for n in range(5)
            ]
            await store.turns.finish(answered(turns[0], "re"), [])
            queries = await nothing_runs(store)
            page = await queries.list_turns(None, 3, "")
            assert [row["id"] for row in page] == [turn.id for turn in turns[:1:-1]]
            rest = await queries.list_turns(None, 3, page[-1]["id"])
            assert [row["id"] for row in rest] == [turns[1].id, turns[0].id]
            assert (rest[1]["state"], rest[1]["reply"], rest[0]["state"]) == ("answered", "re", "queued")
            mine = await queries.list_turns(lambda row: row["user"] == "u1", 9, "")
            assert [row["text"] for row in mine] == ["text 3", "text 1"]
            numbers = [turn.number for turn in turns]
            assert await queries.turns_between(numbers[1], numbers[3], 9) == numbers[3:0:-1]
            assert await queries.turns_between(numbers[1], numbers[3], 2) == numbers[3:1:-1]
            sessions = await queries.list_sessions(1, "")
            assert [(s["user"], s["turns"], s["text"]) for s in sessions] == [("u0", 3, "text 4")]
            sessions = await queries.list_sessions(9, sessions[0]["last"])
            assert [(s["user"], s["turns"], s["address"]) for s in sessions] == [("u1", 2, {"to": "u1"})]
            assert (await queries.last_message("console:default:u1")).text == "text 3"
            assert (await queries.last_in_group("console:default")).text == "text 4"
            assert (await queries.message_of(turns[2].id)).text == "text 2"
            nobody = ids.show(turns[4].number + 1)
            for question in (
                queries.get_turn(nobody),
                queries.message_of(nobody),
                queries.last_message("nobody"),
                queries.last_in_group("console:default:u"),
                queries.get_turn("?"),
            ):
                with pytest.raises(NotFound):
                    await question

    async def test_a_listed_turn_says_what_became_of_its_deliveries(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            queries = await nothing_runs(store)

            async def told() -> tuple[str, bool, str]:
                (line,) = await queries.list_turns(None, 9, "")
                whole = await queries.get_turn(turn.id)
                found = line["delivery"], line["undelivered"], line["delivery_error"]
                assert found == (whole["delivery"], whole["undelivered"], whole["delivery_error"])
                listed = await queries.list_turns(lambda row: row["undelivered"], 9, "")
                assert bool(listed) == line["undelivered"], "a filter sees it too"
                return found

            assert await told() == ("", False, "")
            first, second = (a_delivery(turn, n, state="pending") for n in (0, 1))
            await store.turns.finish(answered(turn, "hi"), [first, second])
            assert await told() == ("waiting", False, "")
            first.state = "sent"
            await store.outbox.mark(first)
            second.state, second.error = "dead", "40004 invalid session"
            await store.outbox.mark(second)
            assert await told() == ("undelivered", True, "40004 invalid session")
            again = await store.outbox.revive(turn.number, 1)
            assert again is not None and await told() == ("waiting", False, "")
            again.state, again.error = "dead", "40004 once more"
            await store.outbox.mark(again)
            assert await told() == ("undelivered", True, "40004 once more")
        async with rig.open() as store:
            queries = await nothing_runs(store)
            assert (await told())[0] == "undelivered", "the same after a restart"
            assert await store.outbox.discard(turn.number, 1)
            assert await told() == ("discarded", False, "")
            second.state, second.error = "sent", ""
            await store.outbox.mark(second)
            assert await told() == ("sent", False, "")

    async def test_what_was_answered_together_fares_as_its_answer(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message("m1"))
            other, _ = await store.inbox.put(a_message("m2"))
            turn.vars["together"], turn.together = [other.id], [other]
            other.state, other.finished, other.vars = "answered", time.time(), {"together": turn.id}
            await store.turns.finish(answered(turn, "hi"), [a_delivery(turn, state="dead", error="gone")])
            queries = await nothing_runs(store)
            (newest,) = await queries.list_turns(None, 1, "")
            assert newest["id"] == other.id and newest["undelivered"]
            assert (await queries.get_turn(other.id))["delivery"] == "undelivered"

    async def test_a_delivery_that_was_refused_after_it_was_sent_is_dead_and_goes_again_as_another(
        self, rig: StoreRig
    ) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            await store.turns.finish(answered(turn, "hi"), [a_delivery(turn, state="sent")])
            assert await store.outbox.note(turn.number, 0, {"failed": "out of reach", "fail_type": 4})
            refused = await store.outbox.refuse(turn.number, 0, "out of reach")
            assert refused is not None and (refused.state, refused.text) == ("dead", "hi")
            assert await store.outbox.refuse(turn.number, 0, "out of reach") is None, (
                "it is not sent any more"
            )
        async with rig.open() as store:
            (line,) = await (await nothing_runs(store)).lines_of([turn.number])
            assert (line["delivery"], line["delivery_error"]) == ("undelivered", "out of reach")
            again = await store.outbox.revive(turn.number, 0)
            assert again is not None and again.revived and again.created > refused.created
            assert again.notes.failed is None and again.notes.more == {"fail_type": 4}

    async def test_a_turn_says_who_brought_its_message(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            for n, more in enumerate(({}, {"origin": "test"}, {"kind": "push"}, {"origin": "replay"})):
                await store.inbox.put(a_message(f"m{n}", **more))
            listed = await (await nothing_runs(store)).list_turns(None, 9, "")
            assert [line["origin"] for line in reversed(listed)] == ["user", "test", "push", "replay"]

    async def test_a_page_tells_how_far_back_was_looked_for_it(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turns = [
                (await store.inbox.put(a_message(f"m{n}", f"text {n}", f"u{n % 2}")))[0] for n in range(450)
            ]
            queries = await nothing_runs(store)
            page = await queries.find_turns(None, 3, "", 9.0)
            assert [row["text"] for row in page.turns] == ["text 449", "text 448", "text 447"]
            assert (page.next, page.looked) == (turns[447].id, 3) and page.back_to <= time.time()
            mine = Wanted(lambda row: row["user"] == "u0", Is("user", ("u0",)))
            page = await queries.find_turns(mine, 2, page.next, 9.0)
            assert [row["text"] for row in page.turns] == ["text 446", "text 444"]
            assert page.next == turns[444].id
            nobody = Wanted(lambda row: False)
            page = await queries.find_turns(nobody, 9, "", 0.0)
            assert (page.turns, page.next) == ([], turns[250].id), "no time left: one page was looked at"
            page = await queries.find_turns(nobody, 9, "", 9.0)
            assert (page.turns, page.next, page.back_to, page.looked) == ([], "", 0.0, 450)
            page = await queries.find_turns(None, 3, turns[3].id, 9.0)
            assert (len(page.turns), page.next) == (3, ""), "the last page knows that it is the last"
            assert await queries.find_turns(None, 3, turns[0].id, 9.0) == TurnsFound([])

    async def test_a_turn_that_runs_is_shown_as_it_is_in_memory(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            turn, _ = await store.inbox.put(a_message())
            turn.state, turn.vars = "running", {"seen": True}
            queries = await store.queries(lambda session, number: turn if number == turn.number else None)
            shown = await queries.get_turn(turn.id)
            assert (shown["state"], shown["vars"]) == ("running", {"seen": True})
            await store.turns.finish(answered(turn, "done"), [a_delivery(turn)])
            shown = await queries.get_turn(turn.id)
            assert (shown["state"], [d["text"] for d in shown["deliveries"]]) == ("answered", ["done"])

    async def test_dead_letters_are_listed_revived_and_put_away(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            lost, _ = await store.inbox.put(a_message("lost"))
            lost.state, lost.reason, lost.finished = "dead", "internal: a mistake", time.time()
            await store.turns.finish(lost, [])
            said, _ = await store.inbox.put(a_message("said"))
            await store.turns.finish(
                answered(said, "hi"), [a_delivery(said, n, state="dead") for n in (0, 1)]
            )
            queries = await nothing_runs(store)
            dead = await queries.list_dead(9)
            assert [d["id"] for d in dead] == [f"{said.id}-1", f"{said.id}-0", lost.id]
            for n, each in enumerate(dead):
                older = await queries.list_dead(9, each["id"])
                assert [d["id"] for d in older] == [d["id"] for d in dead[n + 1 :]]
            assert {"kind", "state", "error", "text"} <= dead[0].keys() and dead[2]["kind"] == "turn"
            again = await store.outbox.revive(said.number, 1)
            assert again is not None and (again.state, again.text) == ("pending", "hi")
            assert await store.outbox.discard(said.number, 0)
            assert not await store.outbox.discard(said.number, 1), "it is not dead any more"
            assert await store.turns.discard(lost.number)
            assert not await store.turns.discard(lost.number)
            assert await queries.list_dead(9) == []
            shown = await queries.get_turn(lost.id)
            assert (shown["state"], shown["reason"]) == ("dropped", "internal: a mistake; discarded")
            now = await queries.letters_now([f"{said.id}-0", f"{said.id}-1", f"{said.id}-7", lost.id])
            assert {id: state for id, (state, _) in now.items()} == {
                f"{said.id}-0": "discarded",
                f"{said.id}-1": "pending",
                lost.id: "dropped",
            }
            assert await store.outbox.restore(said.number, 0) and await store.turns.restore(lost.number)
            assert not await store.outbox.restore(said.number, 0), "it is dead again already"
            assert not await store.turns.restore(said.number), "it was answered"
            back = await queries.list_dead(9)
            assert [d["id"] for d in back] == [f"{said.id}-0", lost.id]
            assert dict(back[1])["reason"] == "internal: a mistake" and back[0]["user"] == said.message.sender

    async def test_a_start_from_now_puts_away_what_is_open(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            assert not store.anew.since
            await store.inbox.put(a_message("waits"))
            said, _ = await store.inbox.put(a_message("said"))
            await store.turns.finish(answered(said, "hi"), [a_delivery(said)])
        async with rig.open(from_now=True) as store:
            assert (store.anew.turns, store.anew.deliveries) == (1, 1) and store.anew.reason
            assert await store.inbox.recover() == [] and await store.outbox.open_deliveries() == []
            assert len(await (await nothing_runs(store)).list_dead(9)) == 2
            since = store.anew.since
        async with rig.open() as store:
            assert store.anew.since == since > 0 and not store.anew.reason

    async def test_each_process_makes_ids_as_a_worker_of_its_own_behind_those_that_are_there(
        self, rig: StoreRig
    ) -> None:
        made: list[int] = []
        for n in range(3):
            async with rig.open() as store:
                made.append((await store.inbox.put(a_message(f"m{n}")))[0].number)
        assert made == sorted(made) and len({number % ids.WORKERS for number in made}) == 3

    async def test_one_store_at_a_time_uses_a_place(self, rig: StoreRig) -> None:
        async with rig.open() as store:
            await store.check()
            await store.probe()
            before = store.batches
            await store.inbox.put(a_message())
            assert store.batches > before and not store.damage and store.place
            with pytest.raises(Conflict):
                async with rig.open():
                    pass
        async with rig.open() as store:
            assert len(await store.inbox.recover()) == 1
