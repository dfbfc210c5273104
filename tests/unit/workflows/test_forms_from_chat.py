"""Forms of a workflow are offered as words, and answered by the next messages of the session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.abilities import Check
from mindbot.domain.chat import Chunk, Chunks
from mindbot.domain.errors import Conflict, MindBotError, NotFound, Overloaded, Rejected, WorkflowPaused
from mindbot.domain.message import Json, Message, text_part
from mindbot.domain.turn import Turn
from mindbot.testing.platforms import Inbox, MemoryKeep
from mindbot.workflows.apps import UNREAD, AppCall
from mindbot.workflows.form_words import FormAction, FormInput, PendingForm, read_reply
from mindbot.workflows.forms import FormMatch, Forms

pytestmark = pytest.mark.anyio

IDS = {"workflow_run_id": "run-1"}


def form(token: str, *titles: str, content: str = "Please review.", **more: Any) -> Json:
    actions = [{"id": f"{token}-{n}", "title": title} for n, title in enumerate(titles)]
    return {"form_token": token, "node": "Review", "content": content, "actions": actions, **more}


def paused(*forms: Json, said: str = "") -> WorkflowPaused:
    return WorkflowPaused("it waits", forms=forms, ids=IDS, said=said)


class Time:
    """Moves on by a second whenever it is looked at."""

    now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class App:
    """Says the given pieces, or raises; remembers what it was told."""

    name, replica = "hr", ""

    def __init__(self, *outcomes: str | MindBotError) -> None:
        self.outcomes = list(outcomes)
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    async def run(self, turn: Turn, call: AppCall) -> Chunks:
        raise AssertionError("a second run was started")
        yield Chunk()

    async def resume(
        self, turn: Turn, call: AppCall, form: Json, action: str, inputs: Mapping[str, Any]
    ) -> Chunks:
        self.told.append((form["form_token"], action, dict(inputs)))
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, MindBotError):
            raise outcome
        yield Chunk(outcome, finish="stop")

    async def identity(self) -> str:
        return self.name

    async def copy_conversation(self, user: str, session: str, to: str) -> bool:
        return False

    async def check(self) -> list[Check]:
        return []

    async def rate(self, ids: Mapping[str, str], *, liked: bool | None, note: str = "") -> None:
        """Nobody is told."""

    async def aclose(self) -> None:
        """Nothing is open."""


class Session:
    """One user's session: says what the forms make of each message."""

    def __init__(self) -> None:
        self.keep = MemoryKeep(Inbox())
        self.clock = Time()
        self.forms = Forms(self.keep, self.clock)
        self._number = 0

    def turn(self, text: str, received: float = 0.0, sender: str = "ann") -> Turn:
        self._number += 1
        parts = (text_part(text),)
        at = received or self.clock()
        return Turn(
            self._number,
            Message("console", "c", str(self._number), "s", sender, "text", parts, {}, received=at),
        )

    async def offer(self, *forms: Json, said: str = "") -> str:
        return await self.forms.offer(self.turn("start"), "hr", "", paused(*forms, said=said))

    async def match(self, text: str, received: float = 0.0) -> FormMatch | None:
        return await self.forms.match(self.turn(text, received))

    async def say(self, text: str, app: App, received: float = 0.0) -> str | None:
        """Return what the user reads; None where the message is not about a form."""
        turn = self.turn(text, received)
        found = await self.forms.match(turn)
        if found is None or found.say:
            return found.say if found else None
        turn.route.update(form=found.form.token, action=found.action, inputs=dict(found.inputs))
        return await self.resumed(turn, app)

    async def resumed(self, turn: Turn, app: App) -> str:
        said = ""
        async for chunk in self.forms.resume(turn, app, AppCall("", "run:hr", "ann")):
            said = chunk.text if chunk.afresh else said + chunk.text
        return said

    def restarted(self) -> None:
        self.forms = Forms(self.keep, self.clock)


async def test_a_form_is_read_with_its_inputs_and_its_actions_by_number() -> None:
    inputs = [
        {"output_variable_name": "reason", "default": {"type": "constant", "value": "none"}},
        {"name": "days", "label": "Days", "required": True},
        {"name": "who", "default": {"type": "variable", "selector": ["start", "who"]}},
    ]
    text, who = "Leave: {{#$output.reason#}}", {"who": "Ann"}
    leave = form("f", "Approve", "Reject", content=text, inputs=inputs, defaults=who)
    said = await Session().offer(leave, said="One moment.")
    assert said == (
        "One moment.\n\nLeave: [reason]\n\nTo fill in, one a line as “name: value”:\n"
        "- reason (default: none)\n- Days (required)\n- who (default: Ann)\n\n"
        "Answer with a number or a name:\n1. Approve\n2. Reject"
    )


@pytest.mark.parametrize("text", ["1", "１", "1.", "approve", " APPROVE! ", "f-0", "1. Approve"])
async def test_an_action_is_named_by_number_title_or_id_in_any_case_and_width(text: str) -> None:
    session = Session()
    await session.offer(form("f", "Approve", "Reject"))
    app = App("Granted.")
    assert await session.say(text, app) == "Granted."
    assert app.told == [("f", "f-0", {})]
    assert await session.forms.of("s") == []


@pytest.mark.parametrize("text", ["what is the weather?", "approve it please", "3", ""])
async def test_what_is_no_answer_goes_its_usual_way_and_the_form_stays(text: str) -> None:
    session = Session()
    await session.offer(form("f", "Approve", "Reject"))
    assert await session.match(text) is None
    assert [each.token for each in await session.forms.of("s")] == ["f"]


async def test_lines_fill_the_inputs_and_the_rest_keeps_its_default() -> None:
    session = Session()
    inputs = [{"name": "reason", "default": "none"}, {"name": "天数", "default": "1"}]
    await session.offer(form("f", "Approve", "Reject", inputs=inputs))
    found = await session.match("Reason: two\nlines of it\n天数： 3\nreject")
    assert found is not None
    assert (found.action, found.inputs) == ("f-1", {"reason": "two\nlines of it", "天数": "3"})
    again = await session.match("2")
    assert again is not None
    assert again.inputs == {"reason": "none", "天数": "1"}


async def test_what_is_missing_is_asked_for_and_what_was_written_is_kept() -> None:
    session = Session()
    inputs = [{"name": "reason", "required": True}, {"name": "who", "required": True}]
    await session.offer(form("f", "Approve", "Reject", inputs=inputs))
    app = App("Done.")
    assert await session.say("reason: ill\nreject", app) == "Still to be filled in: who (as “name: value”)."
    session.restarted()
    assert await session.say("who: Ann", app) == "Done."
    assert app.told == [("f", "f-1", {"reason": "ill", "who": "Ann"})]


async def test_parallel_forms_are_all_offered_and_an_answer_that_fits_several_asks_which() -> None:
    session = Session()
    said = await session.offer(
        form("a", "Approve", "Reject", content="Law"), form("b", "Approve", "Reject", content="Money")
    )
    assert "1. Approve\n2. Reject" in said
    assert "3. Approve\n4. Reject" in said
    app = App(paused(), "All agreed.")
    asked = await session.say("approve", app)
    assert asked == "Several forms wait. Answer with a number:\n1. Approve (Review)\n3. Approve (Review)"
    noted = await session.say("3", app)
    assert noted is not None
    assert noted.startswith("Noted: Approve.\n\nStill open:\n\nLaw")
    assert "1. Approve" in noted
    session.restarted()
    assert await session.say("approve", app) == "All agreed."
    assert [token for token, _, _ in app.told] == ["b", "a"]


async def test_a_second_click_is_told_so_and_never_answers_the_next_form() -> None:
    session = Session()
    await session.offer(form("f", "Approve", "Reject"))
    app = App(paused(form("g", "Approve", "Reject", content="And now the next.")))
    clicked = session.clock()
    said = await session.say("1", app, clicked)
    assert said is not None
    assert "And now the next." in said
    assert await session.say("1", app, clicked) == "That was answered already (Approve)."
    assert [token for token, _, _ in app.told] == ["f"]


async def test_the_same_word_later_is_no_second_click() -> None:
    session = Session()
    await session.offer(form("f", "Yes", "No"))
    await session.say("yes", App("Done. Anything else?"))
    session.clock.now += 60
    assert await session.match("yes") is None


async def test_an_answer_that_comes_too_late_is_told_so_once() -> None:
    session = Session()
    await session.offer(form("f", "Approve", expires=1010.0))
    session.clock.now = 1011.0
    assert await session.say("approve", App()) == "That form has expired."
    assert await session.match("approve") is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotFound("gone"), "That form has expired."),
        (Conflict("done"), "That was answered already (Approve)."),
    ],
)
async def test_what_the_vendor_says_of_a_form_is_told(error: MindBotError, said: str) -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    assert await session.say("approve", App(error)) == said
    assert await session.forms.of("s") == []


async def test_after_a_failure_the_form_can_be_answered_again() -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    app = App(Overloaded("busy"), "Granted.")
    with pytest.raises(Overloaded):
        await session.say("approve", app)
    assert await session.say("approve", app) == "Granted."


async def test_after_an_answer_that_nobody_can_read_the_form_is_done() -> None:
    session = Session()
    await session.offer(form("f"))
    with pytest.raises(Rejected):
        await session.say("Bonn", App(Rejected("it never came", code=UNREAD)))
    assert await session.forms.of("s") == []


async def test_a_turn_that_runs_again_after_a_crash_goes_on_with_its_own_form() -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    turn = session.turn("approve")
    turn.route.update(form="f", action="f-0", inputs={})
    first = session.forms.resume(turn, App("Gr"), AppCall("", "run:hr", "ann"))
    await anext(first)
    await first.aclose()
    session.restarted()
    found = await session.forms.match(turn)
    assert found is not None
    assert not found.say
    assert await session.resumed(turn, App("Granted.")) == "Granted."


async def test_an_answer_that_was_stopped_leaves_no_form_behind() -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    turn = session.turn("approve")
    turn.route.update(form="f", action="f-0", inputs={})
    resumed = session.forms.resume(turn, App("Gr"), AppCall("", "run:hr", "ann"))
    await anext(resumed)
    await resumed.aclose()
    assert await session.forms.of("s") == []
    session.clock.now += 60
    assert await session.match("approve") is None


async def test_a_form_without_actions_takes_any_words() -> None:
    session = Session()
    await session.offer(form("q", content="Which city?"))
    app = App("It rains.")
    assert await session.say("Berlin\nor Bonn", app) == "It rains."
    assert app.told == [("q", "", {"": "Berlin\nor Bonn"})]


async def test_a_form_in_chinese_is_spoken_of_in_chinese() -> None:
    session = Session()
    said = await session.offer(form("f", "同意", "拒绝", content="请审批", inputs=[{"name": "理由"}]))
    assert (
        said == "请审批\n\n请填写（每行一项，写作“名称: 值”）：\n- 理由\n\n回复编号或名称：\n1. 同意\n2. 拒绝"
    )
    assert await session.say("同意", App(Conflict("done"))) == "该表单已经处理过（同意）。"


async def test_a_run_that_is_offered_twice_has_each_form_once() -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    assert (await session.offer(form("f", "Approve"))).count("1. Approve") == 1
    assert len(await session.forms.of("s")) == 1
    assert await session.forms.forget("s", "bob") == 0
    assert await session.forms.forget("s", "ann") == 1
    assert session.keep.values == {}


async def test_sessions_without_forms_cost_no_look_and_others_are_known_after_a_restart() -> None:
    session = Session()
    await session.forms.load()
    await session.offer(form("f", "Approve"))
    session.restarted()
    await session.forms.load()
    assert await session.say("approve", App("Granted.")) == "Granted."
    session.clock.now += 60
    assert await session.match("approve") is None
    session.keep.values.clear()
    session.restarted()
    await session.forms.load()
    session.keep.values["form:s"] = {"forms": ["nothing that anybody looks at"]}
    assert await session.match("approve") is None


async def test_a_form_that_cannot_be_read_costs_itself_alone() -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    forms = session.keep.values["form:s"]["forms"]
    forms[0]["of_a_newer_program"] = True
    forms.append({"token": "broken"})
    assert await session.say("approve", App("Granted.")) == "Granted."


@given(st.text(), st.lists(st.text(min_size=1), max_size=3), st.lists(st.text(min_size=1), max_size=3))
def test_any_text_can_be_held_against_any_form(text: str, names: list[str], titles: list[str]) -> None:
    actions = tuple(FormAction(f"id{n}", title, n) for n, title in enumerate(titles, 1))
    pending = PendingForm("t", "hr", inputs=tuple(map(FormInput, names)), actions=actions)
    reply = read_reply(pending, text)
    assert reply is None or reply.action in (None, *actions)
    assert PendingForm.from_json(pending.to_json()) == pending


async def test_in_a_shared_session_who_is_asked_answers() -> None:
    session = Session()
    await session.offer(form("f", "Approve"))
    assert await session.forms.match(session.turn("1", sender="bob")) is None
    assert await session.forms.match(session.turn("approve", sender="bob")) is None
    assert await session.say("1", App("approved")) == "approved"
    assert await session.forms.match(session.turn("1", sender="bob")) is None
    assert await session.say("1", App("twice")) == "That was answered already (Approve)."


async def test_a_session_whose_forms_are_over_costs_no_more_looks() -> None:
    session = Session()
    await session.forms.load()
    await session.offer(form("f", "Approve"))
    session.keep.values.clear()  # as when their time is over
    assert await session.match("hello") is None
    assert session.forms._sessions == set()
