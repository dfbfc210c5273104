"""Apps of the five kinds answer, each in its way; what runs inside of them are steps of the turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from dify_here import USER, DifyHere, call, dify_here, heard

from mindbot.domain.chat import Attachment
from mindbot.domain.errors import AuthFailed, Overloaded, QuotaExceeded, Rejected
from mindbot.domain.sent import SENT
from mindbot.domain.span import Span

pytestmark = pytest.mark.anyio


@pytest.fixture
async def here() -> AsyncIterator[DifyHere]:
    async with dify_here() as found:
        yield found


KINDS = ("chat", "agent", "chatflow", "workflow", "completion")


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_answers(here: DifyHere, kind: str) -> None:
    turn = here.turn()
    said = await heard(here.app(kind).run(turn, call()))
    assert "hello" in said.text
    assert said.finish == "stop"
    assert said.last is not None
    assert said.last.usage is not None
    assert said.notes["ids"]["user"] == USER
    [run] = here.sim.runs.values()
    assert run.user == USER
    assert run.text == "hello"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_step_of_a_run_keeps_what_was_sent(here: DifyHere, kind: str) -> None:
    step = Span(1, 0, "workflow", "here", 0.0)
    await heard(here.app(kind).run(here.turn(), call(span=step)))
    [sent] = step.data[SENT]
    assert sent["path"].endswith(("/chat-messages", "/workflows/run", "/completion-messages"))
    assert (sent["body"]["user"], sent["body"]["response_mode"]) == (USER, "streaming")
    assert "hello" in (sent["body"].get("query"), *sent["body"]["inputs"].values())
    assert here.base_url not in str(sent)


@pytest.mark.parametrize("written", ["/chat-messages", "/workflows/run", "", "/", "/completion-messages/"])
async def test_the_address_may_be_any_of_the_api(here: DifyHere, written: str) -> None:
    app = here.app("workflow", dify_endpoint=here.base_url + written)
    assert "hello" in (await heard(app.run(here.turn(), call()))).text


async def test_a_conversation_goes_on_and_a_run_without_one_does_not(here: DifyHere) -> None:
    here.sim.desk.apps.define("chat-here", {"answer": "{turn}"})
    app = here.app()
    for number in ("1", "2"):
        assert (await heard(app.run(here.turn(), call()))).text == number
    assert (await heard(here.app().run(here.turn(), call()))).text == "3"  # another process
    assert (await heard(app.run(here.turn(), call(conversation="")))).text == "1"
    assert (await heard(app.run(here.turn(), call(conversation="another session")))).text == "1"
    assert (await heard(here.app(key="app-chat-other").run(here.turn(), call()))).text != "4"


NODES = [
    {"title": "Start", "type": "start"},
    {
        "branches": [
            [{"title": "Left", "type": "tool", "ms": 30}],
            [{"title": "Right", "type": "code", "ms": 30}],
        ]
    },
    {"title": "Each", "type": "iteration", "times": 2, "each": [{"title": "Inner", "type": "tool"}]},
    {"title": "LLM"},
]


async def test_nodes_are_steps_of_the_turn(here: DifyHere) -> None:
    here.sim.desk.apps.define("graph", {"key": "app-graph", "mode": "advanced-chat", "nodes": NODES})
    app, turn = here.app("chatflow", key="app-graph"), here.turn()
    async with turn.span("workflow", "here") as parent:
        await heard(app.run(turn, call(span=parent)))
    by_name: dict[str, list[Any]] = {}
    for span in turn.spans:
        assert span.took >= 0
        by_name.setdefault(span.name, []).append(span)
    each = by_name["Each"][0]
    assert {span.parent for span in by_name["Left"] + by_name["Right"]} == {parent.id}
    assert [span.parent for span in by_name["Inner"]] == [each.id, each.id]
    assert each.data["rounds"] == 2
    left, right = by_name["Left"][0], by_name["Right"][0]
    assert right.start < left.start + left.took  # side by side
    assert parent.data["ids"]["workflow_run_id"]


async def test_tools_of_an_agent_are_steps(here: DifyHere) -> None:
    tools = [{"tool": "weather", "tool_input": '{"city": "Paris"}', "observation": "rain"}]
    here.sim.desk.apps.define(
        "agent-tools", {"tools": tools, "mode": "agent-chat", "pictures": ["https://files.example.com/p.png"]}
    )
    turn = here.turn()
    said = await heard(here.app("agent", key="app-agent-tools").run(turn, call()))
    assert said.notes["pictures"] == ["https://files.example.com/p.png"]
    assert said.text.endswith("\n\nhttps://files.example.com/p.png")
    [tool] = [span for span in turn.spans if span.kind == "tool"]
    assert (tool.name, tool.data["outputs"]) == ("weather", "rain")
    assert said.text.count("hello") == 1


async def test_inputs_are_filled_in_and_the_text_goes_where_it_is_asked_for(here: DifyHere) -> None:
    form = [
        {"paragraph": {"variable": "question", "label": "q", "required": True}},
        {"text-input": {"variable": "who", "label": "w", "required": True}},
    ]
    here.sim.desk.apps.define("ask", {"mode": "workflow", "user_input_form": form})
    app = here.app(
        "workflow", key="app-ask", inputs={"who": "{user} on {platform}", "deep": {"a": ["{user}"]}}
    )
    for _ in range(2):
        await heard(app.run(here.turn(), call("the whole\ntext")))
    for run in here.sim.runs.values():
        assert run.inputs["question"] == "the whole\ntext"
        assert run.inputs["who"] == f"{USER} on console"
        assert run.inputs["deep"] == {"a": [USER]}
    assert here.sim.counters["parameters"] == 1


async def test_an_output_that_is_named_is_the_answer(here: DifyHere) -> None:
    here.sim.desk.apps.define("out", {"mode": "workflow", "output_key": "summary", "chunks": False})
    said = await heard(here.app("workflow", key="app-out", output_key="summary").run(here.turn(), call()))
    assert said.text == "out: hello"
    said = await heard(here.app("workflow", key="app-out").run(here.turn(), call()))
    assert said.text == "out: hello"


async def test_files_are_uploaded_by_who_asks_or_named_by_their_address(here: DifyHere) -> None:
    png = Attachment("image", "image/png", "a.png", data=b"\x89PNG not really")
    there = Attachment("file", "application/pdf", "b.pdf", url="https://files.example.com/b.pdf")
    await heard(here.app("chatflow").run(here.turn(), call(files=(png, there))))
    [run] = here.sim.runs.values()
    first, second = run.files
    assert (first["transfer_method"], first["type"]) == ("local_file", "image")
    assert here.sim.desk.files[first["upload_file_id"]]["user"] == USER
    assert second == {"type": "document", "transfer_method": "remote_url", "url": there.url}


@pytest.mark.parametrize("fault", ["", "413:code=file_too_large@/files/upload"])
async def test_a_file_that_cannot_be_sent_is_left_out_and_told_of(fault: str) -> None:
    name = "image/png" if fault else "image/x-odd"
    async with dify_here(fault=fault or ()) as here:
        odd = Attachment("image", name, "odd.one", data=b"x")
        said = await heard(here.app().run(here.turn(), call(files=(odd,))))
        assert "hello" in said.text
        assert "odd.one" in said.notes["unseen"][0]


async def test_a_picture_alone_is_asked_with_a_word(here: DifyHere) -> None:
    png = Attachment("image", "image/png", "a.png", data=b"x")
    assert (await heard(here.app().run(here.turn(), call("", files=(png,))))).text


async def test_a_node_that_fails_is_named(here: DifyHere) -> None:
    async with dify_here(fault="node-failed:node=Search:error=nothing_there") as broken:
        app, turn = broken.app("chatflow"), broken.turn()
        with pytest.raises(Rejected, match="Search"):
            await heard(app.run(turn, call()))
        [span] = [span for span in turn.spans if span.status == "error"]
        assert span.name == "Search"
        assert broken.starts() == 1


@pytest.mark.full
@pytest.mark.parametrize(
    "fault, error, starts",
    [
        ("429:code=rate_limit_error", QuotaExceeded, 0),
        ("401:code=unauthorized", AuthFailed, 0),
        ("400:code=invalid_param", Rejected, 0),
        ("run-failed:code=provider_quota_exceeded", QuotaExceeded, 1),
    ],
)
async def test_what_will_not_pass_is_asked_once(fault: str, error: type[Exception], starts: int) -> None:
    async with dify_here(fault=f"{fault}@/chat-messages") as broken:
        with pytest.raises(error):
            await heard(broken.app().run(broken.turn(), call()))
        assert broken.starts() == starts
        [struck] = broken.sim.faults.describe()
        assert struck["struck"] == 1


@pytest.mark.full
async def test_what_may_pass_is_started_again() -> None:
    async with dify_here(fault="run-failed:code=internal_server_error:after=1:n=1") as broken:
        said = await heard(broken.app().run(broken.turn(), call()))
        assert said.text.count("hello") == 1
        assert said.notes["starts"] == 2
        assert broken.starts() == 2


async def test_as_often_as_the_settings_say_with_a_rest_in_between() -> None:
    rested: list[float] = []

    async def rest(seconds: float) -> None:
        rested.append(seconds)

    async with dify_here(fault="run-failed:code=internal_server_error") as broken:
        with pytest.raises(Overloaded):
            await heard(broken.app(max_retries=2).run(broken.turn(), call(rest=rest)))
        assert broken.starts() == 3
        assert len(rested) == 2 and 0 < rested[0] < rested[1]
