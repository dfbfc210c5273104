"""The Dify simulator: apps by key, runs that go on without a listener, conversations, logs, forms."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
import pytest
from aiohttp import ClientError, ClientSession, FormData

from mindbot.sim.dify.rules import DifyServerRules
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.waiting import PATIENCE

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
GONE = "Conversation Not Exists."


class Dify:
    """Calls a simulator with the key of one of its apps."""

    def __init__(self, http: ClientSession, sim: DifySimulator, key: str = "") -> None:
        self._http, self.sim = http, sim
        self._headers = {"Authorization": f"Bearer {key or sim.settings.api_key}"}

    def of(self, key: str) -> Dify:
        return Dify(self._http, self.sim, key)

    async def call(self, method: str, path: str, body: Json | None = None, **query: str) -> tuple[int, Any]:
        url = f"{self.sim.base_url}{path}"
        async with self._http.request(
            method, url, json=body, params=query, headers=self._headers
        ) as response:
            data = await response.read()
            plain = response.content_type != "application/json"
            return response.status, data.decode() if plain else orjson.loads(data)

    async def get(self, path: str, **query: str) -> Any:
        status, answer = await self.call("GET", path, None, **query)
        assert status == 200, answer
        return answer

    async def events(self, method: str, path: str, body: Json | None = None, **query: str) -> list[Json]:
        """Return the events of a stream, as far as it goes."""
        url, found = f"{self.sim.base_url}{path}", b""
        async with self._http.request(
            method, url, json=body, params=query, headers=self._headers
        ) as response:
            assert response.status == 200, await response.text()
            try:
                async for data in response.content.iter_any():
                    found += data
            except ClientError:
                pass  # a stream that is cut is read as far as it came
        lines = found.replace(b"\r\n", b"\n").split(b"\n\n")
        return [
            orjson.loads(line[5:]) for part in lines for line in part.split(b"\n") if line[:5] == b"data:"
        ]

    async def chat(self, query: str = "hello", user: str = "u1", **more: Any) -> list[Json]:
        body = {"query": query, "user": user, "inputs": {}, "response_mode": "streaming", **more}
        return await self.events("POST", "/chat-messages", body)

    async def flow(self, query: str = "hello", user: str = "u1", **more: Any) -> list[Json]:
        body = {"inputs": {"query": query}, "user": user, "response_mode": "streaming", **more}
        return await self.events("POST", "/workflows/run", body)

    async def over(self) -> None:
        """Wait until no run goes on."""
        with anyio.fail_after(PATIENCE):
            for run in list(self.sim.runs.values()):
                await run.ended()


@asynccontextmanager
async def dify(**settings: Any) -> AsyncIterator[Dify]:
    async with simulated("dify", **settings) as sim, ClientSession() as http:
        yield Dify(http, sim)


def said(events: list[Json]) -> str:
    return "".join(e.get("answer", "") or e.get("data", {}).get("text", "") for e in events)


def names(events: list[Json]) -> list[str]:
    return [event["event"] for event in events]


async def test_every_key_is_an_app_whose_kind_it_names() -> None:
    async with dify() as server:
        assert said(await server.chat("hi")) == "echo: hi"
        assert said(await server.of("app-orders").chat("hi")) == "orders: hi"
        assert said(await server.of("app-orders").flow("hi")) == "orders: hi"
        flow = server.of("app-workflow-a")
        assert (await flow.get("/info"))["mode"] == "workflow"
        body = {"query": "hi", "user": "u1", "inputs": {}}
        assert (await flow.call("POST", "/chat-messages", body))[1]["code"] == "not_chat_app"
        assert (await flow.call("POST", "/completion-messages", body))[1]["code"] == "app_unavailable"
        chatflow = server.of("app-chatflow-a")
        assert (await chatflow.call("POST", "/workflows/run", body))[1]["code"] == "not_workflow_app"
        done = await server.of("app-completion-a").call("POST", "/completion-messages", body)
        assert done[1]["answer"] == "completion-a: hi"
        assert server.sim.desk.starts()["orders"] == {"u1": 2}


async def test_apps_are_defined_beforehand_and_while_it_runs() -> None:
    apps = {"sales": {"mode": "advanced-chat", "answer": "{name} has {text} from {user}"}}
    async with dify(apps=apps, strict=True) as server:
        sales = server.of("app-sales")
        assert said(await sales.chat("5", user="eve")) == "sales has 5 from eve"
        assert (await server.of("app-other").call("GET", "/info"))[0] == 401
        url = f"{server.sim.origin}/_sim/apps"
        async with (
            ClientSession() as http,
            http.put(url, json={"apps": {"sales": {"answer": "shut"}}}) as put,
        ):
            assert (await put.json())["apps"] == {"sales": "app-sales"}
        assert said(await sales.chat("5")) == "shut"
        async with ClientSession() as http, http.put(url, json={"apps": {"x": {"nodes": 5}}}) as put:
            assert put.status == 400


@pytest.mark.parametrize("mode", ["chat", "agent-chat", "agent", "advanced-chat"])
async def test_a_run_goes_on_when_its_listener_is_cut_off(mode: str) -> None:
    async with dify(mode=mode, fault="cut-events:after=2:n=1") as server:
        seen = await server.chat("the whole of it")
        assert len(seen) == 2 and "message_end" not in names(seen)
        await server.over()
        number = (await server.get("/conversations", user="u1"))["data"][0]["id"]
        messages = (await server.get("/messages", user="u1", conversation_id=number))["data"]
        assert [(m["query"], m["answer"]) for m in messages] == [("the whole of it", "echo: the whole of it")]
        assert server.sim.desk.starts() == {"simulated": {"u1": 1}}


async def test_where_the_request_does_the_work_a_run_dies_with_it() -> None:
    async with dify(fault=("run-dies:n=1", "cut-events:after=1:n=1"), tokens_per_second=50) as server:
        first = await server.chat("lost")
        await server.over()
        number = first[0]["conversation_id"]
        messages = (await server.get("/messages", user="u1", conversation_id=number))["data"]
        assert (messages[0]["answer"], messages[0]["status"]) == ("", "normal")


async def test_a_gateway_gives_up_and_the_run_is_found_by_its_user() -> None:
    async with dify(fault="gateway-504:10ms:n=2") as server:
        body = {"query": "slow", "user": "u1", "inputs": {}, "response_mode": "streaming"}
        status, page = await server.call("POST", "/chat-messages", body)
        assert (status, page[:6]) == (504, "<html>")
        body = {"inputs": {"query": "slow"}, "user": "u1", "response_mode": "streaming"}
        assert (await server.of("app-workflow-a").call("POST", "/workflows/run", body))[0] == 504
        await server.over()
        logs = await server.of("app-workflow-a").get("/workflows/logs", created_by_end_user_session_id="u1")
        assert (logs["total"], logs["data"][0]["workflow_run"]["status"]) == (1, "succeeded")
        number = logs["data"][0]["workflow_run"]["id"]
        detail = await server.of("app-workflow-a").get(f"/workflows/run/{number}")
        assert detail["outputs"] == {"answer": "workflow-a: slow"}
        again = await server.of("app-workflow-a").events("GET", f"/workflow/{number}/events", user="u1")
        assert names(again) == ["workflow_finished"]
        assert again[0]["task_id"] == number
        assert (await server.get("/conversations", user="u1"))["data"]


async def test_a_run_is_listened_to_again_from_now_on() -> None:
    nodes = [{"title": "Look up", "type": "tool"}, {"title": "Ask", "type": "human-input", "form": {}}, {}]
    async with dify(
        apps={"a": {"mode": "workflow", "nodes": nodes}}, fault="cut-events:after=3:n=1"
    ) as server:
        app = server.of("app-a")
        seen = await app.flow("x")
        assert [e["data"].get("title", "") for e in seen] == ["", "Look up", "Look up"]
        path = f"/workflow/{seen[0]['workflow_run_id']}/events"
        await app.over()
        snapshot = await app.events("GET", path, user="u1", include_state_snapshot="true")
        assert names(snapshot)[:3] == names(seen) and names(snapshot)[-1] == "workflow_paused"
        rest: list[Json] = []

        async def listen() -> None:
            rest.extend(await app.events("GET", path, user="u1", continue_on_pause="true"))

        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            with anyio.fail_after(PATIENCE):
                while server.sim.counters[path[1:]] < 2:
                    await anyio.sleep(0.01)
            token = next(iter(server.sim.desk.forms.forms))
            await app.call(
                "POST", f"/form/human_input/{token}", {"action": "reject", "inputs": {}, "user": "u1"}
            )
        assert names(rest)[:2] == ["workflow_started", "human_input_form_filled"]
        assert (names(rest)[-1], said(rest)) == ("workflow_finished", "a: x")
        other = await app.call("GET", path, user="u2")
        assert (other[0], other[1]["code"]) == (404, "not_found")


async def test_conversations_are_of_one_user_of_one_app() -> None:
    async with dify(strict=True, apps={"b": {}}) as server:
        first = (await server.chat("one"))[0]["conversation_id"]
        assert (await server.chat("two", conversation_id=first))[0]["conversation_id"] == first
        for app, user in ((server, "u2"), (server.of("app-b"), "u1")):
            body = {"query": "x", "user": user, "inputs": {}, "conversation_id": first}
            status, answer = await app.call("POST", "/chat-messages", body)
            assert (status, answer["code"], answer["message"]) == (404, "not_found", GONE)
        for number in ("", "seven", None):
            body = {"query": "x", "user": "u1", "inputs": {}, "conversation_id": number}
            assert (await server.call("POST", "/chat-messages", body))[1]["code"] == "invalid_param"
        messages = await server.get("/messages", user="u1", conversation_id=first, limit="1")
        assert ([m["query"] for m in messages["data"]], messages["has_more"]) == (["two"], True)
        assert (await server.get("/messages", conversation_id=first))["data"] == []
        older = await server.get(
            "/messages", user="u1", conversation_id=first, first_id=messages["data"][0]["id"]
        )
        assert [m["query"] for m in older["data"]] == ["one"]
        assert (await server.call("DELETE", f"/conversations/{first}", {"user": "u1"}))[0] == 204
        assert (await server.get("/conversations", user="u1"))["data"] == []


async def test_a_completed_conversation_takes_nothing_more() -> None:
    async with dify() as server:
        number = (await server.chat("one"))[0]["conversation_id"]
        async with ClientSession() as http:
            await http.post(f"{server.sim.origin}/_sim/complete-conversations")
        body = {"query": "x", "user": "u1", "inputs": {}, "conversation_id": number}
        assert (await server.call("POST", "/chat-messages", body))[1]["code"] == "conversation_completed"


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        ("chat", ["message_end"]),
        ("advanced-chat", ["workflow_finished", "message_end"]),
        ("workflow", ["workflow_finished"]),
    ],
)
async def test_a_stopped_run_ends_as_its_kind_does(mode: str, ending: list[str]) -> None:
    async with dify(apps={"a": {"mode": mode}}, fault="run-hangs:n=1") as server:
        app, found = server.of("app-a"), []

        async def ask() -> None:
            found.extend(await (app.flow() if mode == "workflow" else app.chat()))

        path = "/workflows/tasks/{}/stop" if mode == "workflow" else "/chat-messages/{}/stop"
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            with anyio.fail_after(PATIENCE):
                while not server.sim.runs:
                    await anyio.sleep(0.01)
            task = next(iter(server.sim.runs))
            if mode == "chat":
                assert (await app.call("POST", path.format(task), {"user": "u2"}))[0] == 200
                assert not server.sim.stopped  # another's
            assert (await app.call("POST", path.format(task), {"user": "u1"}))[1] == {"result": "success"}
        assert names(found)[-len(ending) :] == ending
        assert server.sim.stopped == [task]


async def test_a_chatflow_that_fails_ends_with_an_error_and_no_message_end() -> None:
    async with dify(mode="advanced-chat", fault="node-failed:node=Look up:error=no table") as server:
        events = names(await server.chat())
        assert events[-3:] == ["node_finished", "workflow_finished", "error"]
        assert "message_end" not in events


async def test_two_forms_pause_a_run_until_both_are_filled_in() -> None:
    branches: list[list[Json]] = [
        [{"title": title, "type": "human-input", "form": {}}] for title in ("Price", "Date")
    ]
    nodes = [{"title": "Both", "branches": branches}, {"title": "LLM"}]
    apps = {"a": {"mode": "advanced-chat", "nodes": nodes, "answer": "decided {form}"}}
    async with dify(apps=apps) as server:
        app = server.of("app-a")
        events = await app.chat()
        assert names(events)[-3:] == ["human_input_required"] * 2 + ["workflow_paused"]
        tokens = [e["data"]["form_token"] for e in events if e["event"] == "human_input_required"]
        number = events[0]["workflow_run_id"]
        answer = {"inputs": {}, "action": "approve", "user": "u1"}
        assert await app.call("POST", f"/form/human_input/{tokens[0]}", answer) == (200, {})
        twice = await app.call("POST", f"/form/human_input/{tokens[0]}", answer)
        assert (twice[0], twice[1]["code"]) == (412, "human_input_form_submitted")
        await app.over()
        assert (await app.get(f"/workflows/run/{number}"))["status"] == "paused"
        assert (await app.call("POST", f"/form/human_input/{tokens[1]}", answer))[0] == 200
        rest = await app.events("GET", f"/workflow/{number}/events", user="u1")
        assert rest[-1]["event"] == "workflow_finished"
        assert rest[-1]["data"]["outputs"] == {"answer": "decided approve, approve"}
        assert server.sim.desk.starts() == {"a": {"u1": 1}}


async def test_a_form_whose_time_ran_out_is_refused() -> None:
    nodes = [{"title": "Ask", "type": "human-input", "form": {"expires": -1}}]
    async with dify(apps={"a": {"mode": "workflow", "nodes": nodes}}) as server:
        events = await server.of("app-a").flow()
        token = events[-2]["data"]["form_token"]
        body = {"inputs": {}, "action": "approve", "user": "u1"}
        status, answer = await server.of("app-a").call("POST", f"/form/human_input/{token}", body)
        assert (status, answer["code"]) == (412, "human_input_form_expired")


async def test_faults_strike_one_app_alone() -> None:
    async with dify(fault="500@#a") as server:
        body = {"query": "x", "user": "u1", "inputs": {}}
        assert (await server.of("app-a").call("POST", "/chat-messages", body))[0] == 500
        assert (await server.of("app-b").call("POST", "/chat-messages", body))[0] == 200


async def test_an_unknown_id_is_refused_as_the_server_does() -> None:
    async with dify() as server:
        unknown = str(uuid.uuid4())
        for path in (f"/workflows/run/{unknown}", f"/messages/{unknown}/suggested"):
            assert (await server.of("app-a").call("GET", path, user="u1"))[0] == 404
        server.sim.script(Scripted("scripted", match="^special$"))
        assert said(await server.chat("special")) == "scripted"


async def test_a_document_goes_in_and_is_found_when_it_is_indexed() -> None:
    now = [1000.0]
    rules = DifyServerRules(indexing=5)
    async with dify(strict=True, server=rules, clock=lambda: now[0]) as server:
        assert (await server.call("GET", "/datasets"))[0] == 401
        known = server.sim.details()
        app = server.of(known["dataset_key"])
        path = f"/datasets/{known['datasets']['handbook']}"
        asked = {"query": "when does the canteen open?", "retrieval_model": {"top_k": 1}}
        text = {
            "name": "canteen",
            "text": "The canteen opens at noon.\n\nSoup costs two.",
            "process_rule": {},
        }
        status, made = await app.call("POST", f"{path}/document/create-by-text", text)
        assert (status, made["document"]["indexing_status"]) == (200, "indexing")
        batch = f"{path}/documents/{made['batch']}/indexing-status"
        assert (await app.get(batch))["data"][0]["completed_segments"] == 0
        now[0] += 6
        assert (await app.get(batch))["data"][0]["indexing_status"] == "completed"
        _, found = await app.call("POST", f"{path}/retrieve", asked)
        assert [r["segment"]["content"] for r in found["records"]] == ["The canteen opens at noon."]
        form = FormData({"data": '{"indexing_technique": "high_quality"}'})
        form.add_field("file", b"Bikes stand in the yard.", filename="bikes.txt")
        url, heads = (
            f"{server.sim.base_url}{path}/document/create-by-file",
            {"Authorization": "Bearer dataset-simulated"},
        )
        async with ClientSession() as http, http.post(url, data=form, headers=heads) as response:
            assert (await response.json())["document"]["name"] == "bikes.txt"
        now[0] += 6
        _, found = await app.call("POST", f"{path}/retrieve", {"query": "bikes"})
        assert found["records"][0]["segment"]["document"]["name"] == "bikes.txt"
        assert (await app.get(f"{path}/documents"))["total"] == 4
        assert (await app.call("GET", f"/datasets/{uuid.uuid4()}"))[0] == 404


async def test_a_whole_answer_says_under_200_that_the_run_failed() -> None:
    async with dify(fault="node-failed:node=Look up:error=no table") as server:
        body = {"inputs": {"query": "x"}, "user": "u1"}
        status, answer = await server.of("app-workflow-a").call("POST", "/workflows/run", body)
        assert (status, answer["data"]["status"], answer["data"]["error"]) == (200, "failed", "no table")


@pytest.mark.parametrize("fault", ["stays-paused", "no-words-after-form"])
async def test_what_goes_wrong_after_a_form(fault: str) -> None:
    nodes = [{"title": "Ask", "type": "human-input", "form": {}}, {}]
    async with dify(apps={"a": {"mode": "advanced-chat", "nodes": nodes}}, fault=fault) as server:
        app = server.of("app-a")
        events = await app.chat("hi")
        number, token = events[0]["workflow_run_id"], events[-2]["data"]["form_token"]
        body = {"inputs": {}, "action": "reject", "user": "u1"}
        assert (await app.call("POST", f"/form/human_input/{token}", body))[0] == 200
        if fault == "stays-paused":
            assert (await app.get(f"/workflows/run/{number}"))["status"] == "paused"
            return
        rest = await app.events("GET", f"/workflow/{number}/events", user="u1", continue_on_pause="true")
        assert "message" not in names(rest)
        assert rest[-1]["data"]["outputs"] == {"answer": "a: hi"}


async def test_awkward_framing_is_read_alike() -> None:
    rules = DifyServerRules(event_ids=True, escaped=True)
    async with dify(mode="advanced-chat", server=rules, fault=("crlf", "split")) as server:
        assert said(await server.chat("你好")) == "echo: 你好"


async def test_a_run_in_a_pause_pings_and_a_stream_taken_up_ends_in_silence() -> None:
    rules = DifyServerRules(ping_every=0.01, silence=0.05)
    async with dify(server=rules, fault="run-hangs", mode="advanced-chat") as server:
        events = await server.chat()
        assert names(events) == ["workflow_started", "node_started", "node_finished", "node_started"]
        assert not next(iter(server.sim.runs.values())).over


async def test_variables_of_a_conversation_are_kept() -> None:
    async with dify() as server:
        number = (await server.chat())[0]["conversation_id"]
        path = f"/conversations/{number}/variables"
        assert (await server.call("PUT", f"{path}/lang", {"user": "u1", "value": "zh"}))[0] == 200
        assert (await server.get(path, user="u1"))["data"] == [{"id": "lang", "name": "lang", "value": "zh"}]


async def test_an_app_takes_the_inputs_of_its_form_alone() -> None:
    form = [
        {"text-input": {"variable": "city", "label": "City", "required": True, "max_length": 5}},
        {"select": {"variable": "unit", "label": "Unit", "required": False, "options": ["C", "F"]}},
    ]
    async with dify(apps={"a": {"mode": "workflow", "user_input_form": form}}) as server:
        app = server.of("app-a")
        assert (await app.get("/parameters"))["user_input_form"] == form
        for inputs in ({}, {"city": "Copenhagen"}, {"city": "Bonn", "unit": "K"}, {"city": 5}):
            status, answer = await app.call("POST", "/workflows/run", {"inputs": inputs, "user": "u1"})
            assert (status, answer["code"]) == (400, "invalid_param"), inputs
        assert (
            said(
                await app.events(
                    "POST",
                    "/workflows/run",
                    {
                        "inputs": {"city": "Bonn"},
                        "user": "u1",
                        "response_mode": "streaming",
                    },
                )
            )
            == "a: Bonn"
        )
