"""Coze's workflows: nodes as steps, questions of a run answered later, a run taken up by its id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
import pytest
from aiohttp import web
from coze_house import CozeHouse, served
from hypothesis import given
from hypothesis import strategies as st

from mindbot.domain.chat import Attachment, Usage
from mindbot.domain.errors import MindBotError, NotFound, Overloaded, Rejected, WorkflowPaused
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.providers.shared.documents import NamedDocument
from mindbot.providers.wires.coze_flow_wire import CozeFlowAnswer, answer_of, run_of
from mindbot.testing.waiting import PATIENCE

FLOW = "7301"
DEBUG = {"debug_url": f"https://www.coze.cn/work_flow?execute_id=run-9&space_id=1&workflow_id={FLOW}"}

pytestmark = pytest.mark.anyio

Event = tuple[str, Any]


def says(content: str, node: str = "End", *, done: bool = True, **more: Any) -> Event:
    told = {"content": content, "node_title": node, "node_seq_id": "0", "node_is_finish": done}
    return "Message", {**told, "content_type": "text", **more}


class Flows:
    """A few lines of Coze: streams in turn what was written down, and remembers what it was asked."""

    def __init__(self, *streams: Sequence[Event] | Json) -> None:
        self.streams = list(streams)
        self.asked: list[tuple[str, Json]] = []
        self.histories: list[Json] = []

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, await request.json()))
        told = self.streams.pop(0) if self.streams else {"code": 4200, "msg": "no such event"}
        if isinstance(told, dict):
            return web.json_response(told)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, (name, data) in enumerate(told):
            if name == "cut":
                assert request.transport is not None
                request.transport.close()
                return response
            await response.write(
                b"id: %d\nevent: %s\ndata: %s\n\n" % (number, name.encode(), orjson.dumps(data))
            )
        return response

    async def history(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, {}))
        return web.json_response({"code": 0, "msg": "", "data": [self.histories.pop(0)]})

    async def upload(self, request: web.Request) -> web.Response:
        return web.json_response({"code": 0, "msg": "", "data": {"id": "file-1"}})


@asynccontextmanager
async def coze(*streams: Sequence[Event] | Json, **settings: Any) -> AsyncIterator[tuple[Flows, CozeHouse]]:
    flows = Flows(*streams)
    routes = (
        web.post("/v1/workflow/stream_run", flows.stream),
        web.post("/v1/workflow/stream_resume", flows.stream),
        web.get(f"/v1/workflows/{FLOW}/run_histories/run-9", flows.history),
        web.post("/v1/files/upload", flows.upload),
    )
    asked = {
        "type": "coze_workflow",
        "api_key": "pat_fake",
        "workflow_id": FLOW,
        "max_retries": 1,
        **settings,
    }
    with anyio.fail_after(PATIENCE):
        async with served(*routes) as base_url, HttpClient() as http:
            yield flows, CozeHouse(http, base_url, **asked)


async def test_a_run_is_told_the_text_and_its_nodes_are_steps() -> None:
    stream = [
        says("Let me ", "Speak", done=False, node_seq_id="0"),
        says("see.", "Speak", node_seq_id="1"),
        says('{"output": "42 days", "code": 7}', usage={"input_count": 3, "output_count": 2}),
        ("Done", DEBUG),
    ]
    async with coze(stream, inputs={"who": "{user}", "scan": "{file}"}) as (flows, house):
        turn = house.turn("how long?")
        scan = Attachment("file", "text/plain", "a.txt", data=b"x")
        said = await house.ask(turn, scan)
        assert said.text == "Let me see.\n\n42 days"
        assert said.last.usage == Usage(3, 2)
        assert said.last.notes["ids"] == {"execute_id": "run-9"}
        assert [(s.kind, s.name) for s in turn.spans] == [("node", "Speak"), ("node", "End")]
        assert all(span.took >= 0 for span in turn.spans)
        ((_, body),) = flows.asked
        scanned = '{"file_id":"file-1"}'
        assert body["parameters"] == {"who": "console:ann", "scan": scanned, "input": "how long?"}


async def test_an_output_and_an_input_can_be_named() -> None:
    stream = [says('{"text": "no", "verdict": "yes"}'), ("Done", {})]
    async with coze(stream, input_key="question", output_key="verdict") as (flows, house):
        assert (await house.ask()).text == "yes"
        assert flows.asked[0][1]["parameters"] == {"question": "hello"}


@pytest.mark.full
@pytest.mark.parametrize(
    ("told", "error", "starts"),
    [
        ([("Error", {"error_code": 4000, "error_message": "Bad input"})], Rejected, 1),
        ([says("half"), ("Error", {"error_code": 5000, "error_message": "internal"})], Overloaded, 2),
        ({"code": 4000, "msg": "workflow_id"}, Rejected, 1),
        ({"code": 5000, "msg": "internal"}, Overloaded, 2),
    ],
)
async def test_failures_under_http_200_are_failures(
    told: Any, error: type[MindBotError], starts: int
) -> None:
    async with coze(told, told) as (flows, house):
        with pytest.raises(error):
            await house.ask()
        assert len(flows.asked) == starts


@pytest.mark.full
async def test_what_a_failed_start_said_is_replaced_by_the_next() -> None:
    broken = [
        says("half of", "Speak", done=False),
        ("Error", {"error_code": 5000, "error_message": "internal"}),
    ]
    async with coze(broken, [says("the whole"), ("Done", {})]) as (_, house):
        assert (await house.ask()).text == "the whole"


@pytest.mark.full
async def test_a_run_whose_id_is_known_is_taken_up_and_not_started_again() -> None:
    cut = [says("par", "Speak", done=False, execute_id="run-9"), ("cut", None)]
    async with coze(cut) as (flows, house):
        flows.histories = [
            {"execute_id": "run-9", "execute_status": "Running"},
            {
                "execute_id": "run-9",
                "execute_status": "Success",
                "output": '{"Output":"{\\"output\\":\\"all\\"}"}',
            },
        ]
        said = await house.ask()
        assert (said.text, said.last.notes["recovered"]) == ("all", True)
        assert [path for path, _ in flows.asked].count("/v1/workflow/stream_run") == 1


@pytest.mark.full
async def test_where_no_id_could_be_known_the_run_is_started_again_and_counted() -> None:
    async with coze([says("par", "Speak", done=False), ("cut", None)], [says("all"), ("Done", {})]) as (
        _,
        house,
    ):
        said = await house.ask()
        assert (said.text, said.last.notes["starts"]) == ("all", 2)
        assert said.last.notes["broke"]


INTERRUPT = ("Interrupt", {"interrupt_data": {"event_id": "e/1", "type": 2, "data": ""}, "node_title": "Ask"})


async def test_a_question_of_a_run_waits_for_words_and_the_run_goes_on_with_them() -> None:
    async with coze([says("Which city?", "Ask"), INTERRUPT], [says("It rains."), ("Done", DEBUG)]) as (
        flows,
        house,
    ):
        with pytest.raises(WorkflowPaused) as caught:
            await house.ask()
        (form,) = caught.value.forms
        assert (form["content"], form["actions"], caught.value.said) == ("Which city?", [], "")
        house.restarted()
        assert (await house.answer(form, words="Bonn")).text == "It rains."
        assert flows.asked[1] == (
            "/v1/workflow/stream_resume",
            {"workflow_id": FLOW, "event_id": "e/1", "resume_data": "Bonn", "interrupt_type": 2},
        )


async def test_choices_are_actions_and_another_question_waits_again() -> None:
    data = orjson.dumps({"content": "Sure?", "options": [{"name": "yes"}, {"name": "no"}]}).decode()
    ask = ("Interrupt", {"interrupt_data": {"event_id": "e1", "type": 2, "data": data}, "node_title": "Ask"})
    async with coze([ask], [INTERRUPT]) as (flows, house):
        with pytest.raises(WorkflowPaused) as first:
            await house.ask()
        (form,) = first.value.forms
        assert form["actions"] == [{"id": "yes", "title": "yes"}, {"id": "no", "title": "no"}]
        with pytest.raises(WorkflowPaused) as second:
            await house.answer(form, "no")
        assert second.value.forms[0]["form_token"] == "e/1"
        assert flows.asked[1][1]["resume_data"] == "no"


@pytest.mark.full
async def test_a_run_that_waits_no_more_is_told_as_such() -> None:
    async with coze() as (_, house):
        form = {"form_token": "e/1", "ids": {"interrupt_type": 2}}
        with pytest.raises(NotFound):
            await house.answer(form, words="Bonn")
    async with coze([says("It ra", done=False), ("cut", None)]) as (_, house):
        with pytest.raises(
            Rejected, match="never came"
        ):  # it may have been told: another try finds that it waits no more
            await house.answer(form, words="Bonn")


@pytest.mark.full
@given(st.text(), st.text(max_size=5))
def test_any_output_has_an_answer(text: str, output: str) -> None:
    assert isinstance(answer_of(text, output), str)


@pytest.mark.full
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Message", "Done", "Interrupt", "PING"]), st.dictionaries(st.text(), st.text())
        )
    )
)
def test_odd_events_are_survived(events: list[tuple[str, Json]]) -> None:
    answer = CozeFlowAnswer("coze")
    for name, data in events:
        answer.take(NamedDocument(name, data))
        assert isinstance(run_of(data), str)
