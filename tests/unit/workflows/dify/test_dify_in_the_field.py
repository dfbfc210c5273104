"""Servers as they were met in the field: older ones, gateways before them, odd orders of events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import web
from dify_here import DifyHere, call, heard

from mindbot.domain.errors import MindBotError, Overloaded, Rejected
from mindbot.domain.message import Json
from mindbot.http.client import HttpClient
from mindbot.workflows.dify import client, recovery

pytestmark = pytest.mark.anyio

IDS: Json = {"task_id": "t1", "message_id": "m1", "conversation_id": "c1"}
NOWHERE = {"code": "not_found", "message": "no such place", "status": 404}
FLOW: Json = {"task_id": "t1", "workflow_run_id": "r1"}
OURS: Json = {"status": "succeeded", "outputs": {"answer": "mine"}}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "LOOKS", (0.0, 0.01, 0.01))
    monkeypatch.setattr(recovery, "_SOONEST", 0.01)
    monkeypatch.setattr(recovery, "_LATEST", 0.02)
    monkeypatch.setattr(recovery, "UNASKED", 0.1)


class Server:
    """Answers each path with the next of its answers, the last one again and again; counts all requests."""

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        name = f"{request.method} {request.path.removeprefix('/v1')}"
        self.asked.append(name)
        known = self.answers.get(name)
        if not known:
            return web.json_response(NOWHERE, status=404)
        answer = known.pop(0) if len(known) > 1 else known[0]
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], body=answer[1], content_type=answer[2])
        if isinstance(answer, list):
            return await self._stream(request, answer)
        return web.json_response(answer)

    async def _stream(self, request: web.BaseRequest, events: list[Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for each in events:
            if each == "silence":
                await anyio.sleep(30)
            data = each if isinstance(each, str) else f"data: {json.dumps(each)}\n\n"
            await response.write(data.encode())
        return response


@asynccontextmanager
async def served(answers: dict[str, list[Any]]) -> AsyncIterator[tuple[DifyHere, Server]]:
    server = Server(answers)
    runner = web.ServerRunner(web.Server(server), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with HttpClient() as http:
            yield DifyHere(http, None, f"http://127.0.0.1:{port}/v1"), server
    finally:
        await runner.cleanup()


def event(name: str, **fields: Any) -> Json:
    return {"event": name, **IDS, **fields}


def flow(name: str, **data: Any) -> Json:
    return {"event": name, **FLOW, "data": data}


def page(status: int) -> tuple[int, bytes, str]:
    return status, b"<html>Bad Gateway</html>", "text/html"


def told(http: int, **doc: Any) -> tuple[int, bytes, str]:
    return http, json.dumps(doc).encode(), "application/json"


END = event("message_end", metadata={})
#: What one answer was seen as.
ORDERS: dict[str, list[Any]] = {
    "pings before and between": ["event: ping\n\n", event("message", answer="hello"), "event: ping\n\n", END],
    "ids of lines": ["id: 1\n" + f"data: {json.dumps(event('message', answer='hello'))}\n\n", END],
    "an agent's thought repeats it": [
        event("agent_thought", id="1", thought="", tool=""),
        event("agent_message", answer="hello"),
        event("agent_thought", id="1", thought="hello", tool=""),
        END,
    ],
    "New Agent says it whole": [
        event("agent_message", answer="hel"),
        event("agent_message", answer="lo"),
        event("message", answer="hello"),
        END,
    ],
    "moderation": [event("message", answer="bad"), event("message_replace", answer="hello"), END],
    "both ends": [
        event("workflow_started", data={"id": "r1"}),
        event("message", answer="hello"),
        END,
        event("workflow_finished", data={"status": "succeeded", "outputs": {"answer": "hello"}}),
    ],
    "audio, and what nobody knows": [
        event("message", answer="hello"),
        event("brand_new_event", data={"answer": "no"}),
        event("reasoning_chunk", data={"reasoning": "let me think"}),
        event("tts_message", audio="AAAA"),
        END,
        event("tts_message_end", audio=""),
    ],
}


@pytest.mark.parametrize("order", ORDERS)
async def test_one_answer_is_one_text(order: str) -> None:
    async with served({"POST /chat-messages": [ORDERS[order]]}) as (here, server):
        said = await heard(here.app("chatflow").run(here.turn(), call()))
        assert said.text == "hello"
        assert server.asked == ["POST /chat-messages"]


async def test_a_stream_that_breaks_behind_its_end_has_ended() -> None:
    events = [event("workflow_started", data={"id": "r1"}), event("message", answer="hello"), END]
    async with served({"POST /chat-messages": [events]}) as (here, server):
        assert (await heard(here.app("chatflow").run(here.turn(), call()))).text == "hello"
        assert server.asked == ["POST /chat-messages"]


async def test_a_cut_one_is_not_shown_twice() -> None:
    row = {"id": "m1", "query": "hello", "answer": "hello you", "status": "normal", "created_at": 1}
    answers = {
        "POST /chat-messages": [[event("message", answer="hello"), event("message", answer=" y")]],
        "GET /messages": [{"data": [{**row, "answer": ""}]}, {"data": [row]}],
    }
    async with served(answers) as (here, server):
        said = await heard(here.app().run(here.turn(), call()))
        assert said.text == "".join(said.pieces) == "hello you"
        assert server.asked.count("POST /chat-messages") == 1


STARTED = flow("workflow_started", id="r1")
DONE = {"id": "r1", "status": "succeeded", "outputs": '{"answer": "hello"}', "inputs": "{}"}


@pytest.mark.parametrize("events", [None, [STARTED], page(502)])
async def test_a_server_that_cannot_be_listened_to_again_is_asked_for_the_details(events: Any) -> None:
    answers = {
        "POST /workflows/run": [[STARTED]],
        "GET /workflows/run/r1": [{**DONE, "status": "running", "outputs": "{}"}, DONE],
    }
    if events is not None:
        answers["GET /workflow/r1/events"] = [events]
    async with served(answers) as (here, server):
        app = here.app("workflow", input_key="query")
        assert (await heard(app.run(here.turn(), call()))).text == "hello"
        assert server.asked.count("POST /workflows/run") == 1


async def test_a_run_that_nobody_knows_is_a_failure_and_not_started_again() -> None:
    async with served({"POST /workflows/run": [[STARTED]]}) as (here, server):
        with pytest.raises(Rejected):
            await heard(here.app("workflow", input_key="query").run(here.turn(), call()))
        assert server.asked.count("POST /workflows/run") == 1


async def test_silence_counts_as_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE", 0.1)
    answers = {"POST /workflows/run": [[STARTED, "silence"]], "GET /workflows/run/r1": [DONE]}
    async with served(answers) as (here, _):
        assert (await heard(here.app("workflow", input_key="query").run(here.turn(), call()))).text == "hello"


@pytest.mark.full
@pytest.mark.parametrize("refusal", [page(502), page(504), told(504, message="upstream")])
async def test_a_gateway_that_answers_for_dify_starts_nothing_twice(refusal: Any) -> None:
    answers = {
        "POST /chat-messages": [refusal, [event("message", answer="twice"), END]],
        "GET /conversations": [{"data": [{"id": "c1", "created_at": 99999999999}]}],
        "GET /messages": [
            {"data": [{"id": "m1", "query": "hello", "answer": "once", "created_at": 99999999999}]}
        ],
    }
    async with served(answers) as (here, server):
        assert (await heard(here.app().run(here.turn(), call()))).text == "once"
        assert server.asked.count("POST /chat-messages") == 1


@pytest.mark.full
async def test_where_nobody_can_be_asked_nothing_is_started_again() -> None:
    answers = {"POST /chat-messages": [page(502)], "GET /conversations": [page(502)]}
    async with served(answers) as (here, server):
        with pytest.raises(Overloaded):
            await heard(here.app().run(here.turn(), call()))
        assert server.asked.count("POST /chat-messages") == 1


FAR = 99999999999  # seconds: later than any question
LOST = page(502)


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (
            "chat",
            {
                "POST /chat-messages": [page(504)],
                "GET /conversations": [*[LOST] * 30, {"data": [{"id": "c1", "created_at": FAR}]}],
                "GET /messages": [
                    {"data": [{"id": "m1", "query": "hello", "answer": "once", "created_at": FAR}]}
                ],
            },
        ),
        (
            "workflow",
            {
                "POST /workflows/run": [page(504)],
                "GET /workflows/logs": [
                    *[LOST] * 30,
                    {"data": [{"created_at": FAR, "workflow_run": {"id": "r1"}}]},
                ],
                "GET /workflows/run/r1": [
                    {"status": "succeeded", "inputs": {"query": "hello"}, "outputs": {"answer": "once"}}
                ],
            },
        ),
    ],
)
async def test_a_run_that_goes_on_is_looked_for_until_somebody_can_be_asked(kind: str, answers: Any) -> None:
    async with served(answers) as (here, server):
        app = here.app(kind, **({"input_key": "query"} if kind == "workflow" else {}))
        assert (await heard(app.run(here.turn(), call()))).text == "once"
        assert sum(asked in ("POST /chat-messages", "POST /workflows/run") for asked in server.asked) == 1


@pytest.mark.parametrize("inputs", [{}, {"query": "something else"}])
async def test_a_run_of_other_inputs_or_of_none_that_are_told_is_somebody_elses(inputs: Json) -> None:
    answers = {
        "POST /workflows/run": [page(502), [{"event": "workflow_finished", **FLOW, "data": OURS}]],
        "GET /workflows/logs": [{"data": [{"created_at": FAR, "workflow_run": {"id": "r9"}}]}],
        "GET /workflows/run/r9": [
            {"status": "succeeded", "inputs": inputs, "outputs": {"answer": "not for you"}}
        ],
    }
    async with served(answers) as (here, _):
        said = await heard(here.app("workflow", input_key="query").run(here.turn(), call()))
        assert said.text == "mine"


@pytest.mark.full
async def test_what_dify_itself_could_not_do_is_tried_again() -> None:
    broken = told(500, code="internal_server_error", message="oops", status=500)
    answers = {"POST /chat-messages": [broken, [event("message", answer="hello"), END]]}
    async with served(answers) as (here, server):
        assert (await heard(here.app().run(here.turn(), call()))).text == "hello"
        assert server.asked == ["POST /chat-messages"] * 2


@pytest.mark.parametrize(
    "failure",
    [
        event("error", code="completion_request_error", message="Rate limit reached, slow down", status=400),
        event("error", code="invalid_param", message="no", status=400),
        flow("workflow_finished", status="failed", error="it broke", outputs=None),
    ],
)
async def test_a_failure_within_the_stream_is_not_repeated(failure: Json) -> None:
    async with served({"POST /chat-messages": [[event("message", answer="hel"), failure]]}) as (here, server):
        with pytest.raises(MindBotError) as caught:
            await heard(here.app("chatflow").run(here.turn(), call()))
        assert "{" not in caught.value.message
        assert server.asked == ["POST /chat-messages"]


async def test_a_pause_without_a_form_is_a_failure() -> None:
    asks = flow("human_input_required", node_title="Boss", form_content="May I?", form_token=None)
    async with served({"POST /workflows/run": [[STARTED, asks, flow("workflow_paused")]]}) as (here, server):
        with pytest.raises(Rejected, match="without a form"):
            await heard(here.app("workflow", input_key="query").run(here.turn(), call()))
        assert server.asked == ["POST /workflows/run"]


async def test_a_wrong_address_begins_no_conversation_anew() -> None:
    async with served({}) as (here, server):
        with pytest.raises(Rejected, match="no such place"):
            await heard(here.app().run(here.turn(), call()))
        assert server.asked == ["POST /chat-messages"]
