"""An operator answers in the bot's place: what the bot, the user and others see of it meanwhile."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from mindbot.config.load import load
from mindbot.domain import ids
from mindbot.domain.bot import Bot
from mindbot.domain.chat import Chunk
from mindbot.domain.delivery import Delivery, Sent
from mindbot.domain.errors import Conflict, Forbidden, Invalid, NotFound, Rejected
from mindbot.domain.message import Json, Message, Part, text_part
from mindbot.domain.operators import Operator
from mindbot.domain.ports.platform import Receive, Report
from mindbot.domain.turn import Turn
from mindbot.runtime.app import Runtime
from mindbot.testing.stores.memory.store import MemoryPlaces
from mindbot.testing.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

SESSION = "phone:default:lin"
ANNA, BORIS, ROOT = Operator("anna"), Operator("boris"), Operator("root", "console-1", admin=True)


class Phone:
    """A bot with groups that shows what it is told to; ``streams``: also while an answer grows."""

    name, bot, idempotent, pace = "phone", "default", True, 0.0

    def __init__(self, *, streams: bool = False) -> None:
        self.shown: list[str] = []
        self.grown: list[str] = []
        self._streams = streams

    async def run(self, receive: Receive, report: Report) -> None:
        await anyio.sleep_forever()

    def plan(self, parts: Sequence[Part]) -> list[list[Part]]:
        return [[part] for part in parts]

    def address(self, user: str) -> Json:
        return {"to": user}

    def address_group(self, chat: str) -> Json:
        return {"to": chat}

    def can_stream(self, message: Message) -> bool:
        return self._streams

    async def stream(self, delivery: Delivery, text: str) -> None:
        self.grown.append(text)

    async def send(self, delivery: Delivery) -> Sent:
        self.shown.append(f"{delivery.to['to']}: {delivery.text}")
        return Sent("")


class Slow:
    """Says ``so far``, and the rest when it is let."""

    def __init__(self) -> None:
        self.prompts: list[list[str]] = []
        self.asked: list[str] = []
        self.may_go_on = anyio.Event()
        self.may_go_on.set()
        self.fails = False

    async def run(self, turn: Turn) -> AsyncGenerator[Chunk, None]:
        self.asked.append(turn.message.text)
        self.prompts.append([line.content for line in turn.prompt])
        yield Chunk("so far")
        await self.may_go_on.wait()
        if self.fails:
            raise Rejected("no")
        yield Chunk(" and whole", finish="stop")


@asynccontextmanager
async def a_runtime(
    folder: Path, phone: Phone, places: MemoryPlaces, **settings: Any
) -> AsyncIterator[tuple[Runtime, Slow]]:
    loaded = load(environ={}, overrides=settings)
    with anyio.fail_after(PATIENCE):
        async with Runtime.open(loaded, folder, store=places.store) as runtime:
            runtime.bots.use({("phone", "default"): (Bot.of(phone), None)})  # type: ignore[arg-type]
            slow = runtime.generation.runners["chat"] = Slow()  # type: ignore[assignment]
            yield runtime, slow


_made = 0


def a_message(text: str, *, session: str = SESSION, chat: str = "lin", kind: str = "text") -> Message:
    global _made
    _made += 1
    user, now = session.rpartition(":")[2], time.time()
    part = text_part(text) if kind == "text" else Part("event", text)
    return Message(
        "phone", "default", f"m{_made}", session, user, kind, (part,), {"to": chat}, chat=chat, received=now
    )


async def asked(runtime: Runtime, text: str, **more: Any) -> Any:
    receipt = await runtime.receive(a_message(text, **more))
    return await runtime.resources.turns.wait_sent(ids.show(receipt.turn), PATIENCE)


async def said(runtime: Runtime, text: str, operator: Operator = ANNA, session: str = SESSION) -> Any:
    found = await runtime.resources.take_overs.say(session, operator, text=text)
    return await runtime.resources.turns.wait_sent(found["turn"], PATIENCE)


async def test_the_bot_is_mute_until_it_is_handed_back_and_knows_then_what_was_said(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, slow):
        take_overs = runtime.resources.take_overs
        await asked(runtime, "hello")
        with runtime.bus.observe(["session"]) as heard:
            taken = await take_overs.take(SESSION, ANNA)
            assert (taken["taken_by"], taken["running"], taken["on_the_way"]) == ("anna", [], 0)
            muted = await asked(runtime, "where is my parcel?")
            assert (muted["state"], muted["reply"], muted["deliveries"]) == ("dropped", "", [])
            assert muted["reason"] == "access: anna has taken the session over"
            event = await asked(runtime, "[enter]", kind="event")
            assert (event["state"], event["deliveries"]) == ("dropped", [])
            (line,) = await runtime.resources.sessions.list_sessions()
            assert (line["taken_by"], line["taken_since"]) == ("anna", taken["taken_since"])
            assert line["waiting_since"] == muted["received"]
            spoken = await said(runtime, "it comes today")
            assert (spoken["origin"], spoken["runner"], spoken["user"]) == ("operator", "operator", "lin")
            assert spoken["route"]["why"] == "anna said it in the bot's place"
            (line,) = await runtime.resources.sessions.list_sessions()
            assert line["waiting_since"] is None
            await asked(runtime, "thank you")
            back = await take_overs.hand_back(SESSION, ANNA)
            assert (back["taken_by"], back["to"]) == ("anna", "bot") and back["waiting_since"]
            events = [(each.type, each.turn) for each in heard.take()[0]]
        assert events == [("session.taken", ""), ("session.said", spoken["id"]), ("session.handed_back", "")]
        assert phone.shown == ["lin: so far and whole", "lin: it comes today"]
        assert (await asked(runtime, "who are you?"))["state"] == "answered"
        assert slow.asked == ["hello", "who are you?"]
        assert slow.prompts[-1] == [
            *("hello", "so far and whole", "where is my parcel?"),
            *("[said by a person in your place]\nit comes today", "thank you", "who are you?"),
        ]


async def test_what_is_said_twice_with_one_key_is_said_once(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, _):
        take_overs = runtime.resources.take_overs
        await asked(runtime, "hello")
        await take_overs.take(SESSION, ANNA)
        first = await take_overs.say(SESSION, ANNA, text="yes", key="k1")
        again = await take_overs.say(SESSION, ANNA, text="yes", key="k1")
        assert first["turn"] == again["turn"]
        await said(runtime, "yes")  # the same words meant twice
        assert phone.shown[1:] == ["lin: yes", "lin: yes"]
        with pytest.raises(Invalid, match="nothing to say"):
            await take_overs.say(SESSION, ANNA, text=" ")


async def test_two_operators_cannot_both_have_it(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Phone(), MemoryPlaces()) as (runtime, _):
        take_overs = runtime.resources.take_overs
        await asked(runtime, "hello")
        with pytest.raises(NotFound, match="no session"):
            await take_overs.take("phone:default:nobody", ANNA)
        with pytest.raises(Conflict, match="nobody has taken"):
            await take_overs.say(SESSION, ANNA, text="early")
        won: list[str] = []

        async def race(operator: Operator) -> None:
            try:
                await take_overs.take(SESSION, operator)
                won.append(operator.user)
            except Conflict as error:
                assert "has phone:default:lin since" in error.message

        async with anyio.create_task_group() as tasks:
            for each in (ANNA, BORIS):
                tasks.start_soon(race, each)
        assert len(won) == 1
        owner, other = (ANNA, BORIS) if won == ["anna"] else (BORIS, ANNA)
        since = take_overs.list_taken()[0]["taken_since"]
        assert (await take_overs.take(SESSION, owner))["taken_since"] == since, "it changes nothing"
        elsewhere = Operator(owner.user, "console-2")
        for act in (
            take_overs.take(SESSION, elsewhere),
            take_overs.say(SESSION, elsewhere, text="no"),
            take_overs.hand_back(SESSION, other),
        ):
            with pytest.raises(Conflict, match=owner.user):
                await act
        with pytest.raises(Forbidden, match="only admins"):
            await take_overs.take(SESSION, other, force=True)
        moved = await take_overs.take(SESSION, elsewhere, force=True)  # one's own from another place
        assert moved["console"] == "console-2"
        assert (await take_overs.take(SESSION, ROOT, force=True))["taken_by"] == "root"
        with pytest.raises(Conflict, match=r"root \(console-1\)"):
            await take_overs.say(SESSION, owner, text="mine")
        await take_overs.hand_back(SESSION, ROOT)
        assert take_overs.list_taken() == []


@pytest.mark.parametrize(
    ("running", "state", "draft", "shown"),
    [
        ("draft", "dropped", "so far and whole", []),
        ("finish", "answered", None, ["lin: so far and whole"]),
        ("drop", "dropped", None, []),
    ],
)
async def test_an_answer_that_is_being_made_is_a_draft_or_said_or_ended(
    tmp_path: Path, running: Any, state: str, draft: str | None, shown: list[str]
) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, slow):
        slow.may_go_on = anyio.Event()
        turn = ids.show((await runtime.receive(a_message("hello"))).turn)
        await until(lambda: slow.asked)
        taken = await runtime.resources.take_overs.take(SESSION, ANNA, running=running)
        assert taken["running"] == [turn]
        if running != "drop":
            slow.may_go_on.set()
        found = await runtime.resources.turns.wait_sent(turn, PATIENCE)
        assert (found["state"], found["vars"].get("draft")) == (state, draft)
        await runtime.resources.take_overs.hand_back(SESSION, ANNA)
        slow.may_go_on.set()
        await asked(runtime, "again")
        assert phone.shown == [*shown, "lin: so far and whole"]
        answers = ["so far and whole"] if shown else []
        assert slow.prompts[-1] == ["hello", *answers, "again"], "a draft is no part of what was said"


async def test_words_of_the_operator_do_not_wait_for_a_draft(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, slow):
        slow.may_go_on = anyio.Event()
        turn = ids.show((await runtime.receive(a_message("hello"))).turn)
        await until(lambda: slow.asked)
        await runtime.resources.take_overs.take(SESSION, ANNA)
        await said(runtime, "a moment please")
        assert phone.shown == ["lin: a moment please"]
        found = await runtime.resources.turns.get_turn(turn)
        assert (found["state"], found["vars"]["draft"]) == ("dropped", "so far")


async def test_an_answer_that_grows_before_the_users_eyes_ends_where_it_is(tmp_path: Path) -> None:
    phone = Phone(streams=True)
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, slow):
        slow.may_go_on = anyio.Event()
        turn = ids.show((await runtime.receive(a_message("hello"))).turn)
        await until(lambda: phone.grown)
        await runtime.resources.take_overs.take(SESSION, ANNA)
        found = await runtime.resources.turns.wait_sent(turn, PATIENCE)
        assert (found["state"], phone.shown) == ("answered", ["lin: so far"])
        assert "draft" not in found["vars"]


async def test_a_restart_gives_the_bot_its_voice_not_back(tmp_path: Path) -> None:
    places, phone = MemoryPlaces(), Phone()
    async with a_runtime(tmp_path, phone, places) as (runtime, _):
        await asked(runtime, "hello")
        taken = await runtime.resources.take_overs.take(SESSION, ANNA)
    async with a_runtime(tmp_path, phone, places) as (runtime, slow):
        (known,) = runtime.resources.take_overs.list_taken()
        assert (known["taken_by"], known["taken_since"]) == ("anna", taken["taken_since"])
        assert (await asked(runtime, "still there?"))["state"] == "dropped" and not slow.asked
        await said(runtime, "yes")
        await runtime.resources.take_overs.hand_back(SESSION, ANNA)
    async with a_runtime(tmp_path, phone, places) as (runtime, _):
        assert runtime.resources.take_overs.list_taken() == []
        assert (await asked(runtime, "and now?"))["state"] == "answered"


async def test_a_group_is_taken_as_a_whole_or_one_of_its_members(tmp_path: Path) -> None:
    phone, group = Phone(), "phone:default:g1"
    lin, wei = f"{group}:lin", f"{group}:wei"
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, _):
        take_overs = runtime.resources.take_overs
        await asked(runtime, "hello", session=lin, chat="g1")
        await take_overs.take(lin, ANNA)
        assert (await asked(runtime, "me too", session=wei, chat="g1"))["state"] == "answered"
        assert (await asked(runtime, "hello?", session=lin, chat="g1"))["state"] == "dropped"
        with pytest.raises(Conflict, match="anna"):
            await take_overs.take(group, BORIS)
        await take_overs.take(group, ROOT, force=True)
        assert [each["session"] for each in take_overs.list_taken()] == [group], "and with it its members"
        for member in (lin, wei):
            assert (await asked(runtime, "anybody?", session=member, chat="g1"))["state"] == "dropped"
        before = len(phone.shown)
        await said(runtime, "I am here", ROOT, group)
        assert phone.shown[before:] == ["g1: I am here"]
        await take_overs.hand_back(group, ROOT)
        assert (await asked(runtime, "good", session=wei, chat="g1"))["state"] == "answered"
        with pytest.raises(NotFound):
            await take_overs.take("phone:default:g2", ANNA)


async def test_a_session_that_is_left_alone_is_the_bots_again(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Phone(), MemoryPlaces(), take_over={"idle": "300ms"}) as (runtime, _):
        await asked(runtime, "hello")
        with runtime.bus.observe(["session"]) as heard:
            await runtime.resources.take_overs.take(SESSION, ANNA)
            await until(lambda: not runtime.resources.take_overs.list_taken())
            *_, ended = heard.take()[0]
        assert (ended.type, ended.data["by"], ended.data["why"]) == (
            "session.handed_back",
            "",
            "anna said nothing for 0.3s",
        )
        assert (await asked(runtime, "help!"))["state"] == "answered"


async def test_a_user_who_waits_for_too_long_is_told_in_health_and_metrics(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, Phone(), MemoryPlaces(), take_over={"patience": "50ms"}) as (runtime, _):
        await asked(runtime, "hello")
        await runtime.resources.take_overs.take(SESSION, ANNA)
        await asked(runtime, "help")
        await until(lambda: runtime.board.state("take-over") == "degraded")
        reason = "1 session waits for the operator: phone:default:lin for anna"
        assert runtime.board.reason("take-over") == reason
        found = runtime.resources.about.metrics().decode()
        for state in ("all", "waiting", "overdue"):
            assert f'mindbot_sessions_taken{{state="{state}"}} 1.0' in found
        await said(runtime, "here I am")
        await until(lambda: runtime.board.state("take-over") == "ok")


async def test_what_is_held_at_a_breakpoint_is_a_draft_once_it_goes_on(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, _):
        debugger = runtime.resources.debugger
        await debugger.set_breakpoint({"stage": "run"}, by=BORIS)
        turn = ids.show((await runtime.receive(a_message("hello"))).turn)
        await until(debugger.list_parked)
        taken = await runtime.resources.take_overs.take(SESSION, ANNA)
        assert taken["running"] == [turn]
        debugger.resume_all(by=BORIS)
        found = await runtime.resources.turns.wait_sent(turn, PATIENCE)
        assert (found["state"], found["vars"]["draft"]) == ("dropped", "so far and whole")
        assert phone.shown == []


async def test_a_failure_is_not_told_to_the_user_and_words_that_nobody_said_are_none(tmp_path: Path) -> None:
    phone = Phone()
    async with a_runtime(tmp_path, phone, MemoryPlaces()) as (runtime, slow):
        slow.may_go_on = anyio.Event()
        slow.fails = True
        turn = ids.show((await runtime.receive(a_message("hello"))).turn)
        await until(lambda: slow.asked)
        await runtime.resources.take_overs.take(SESSION, ANNA)
        slow.may_go_on.set()
        found = await runtime.resources.turns.wait_sent(turn, PATIENCE)
        assert (found["state"], found["deliveries"], phone.shown) == ("failed", [], [])
        assert "draft" not in found["vars"]
