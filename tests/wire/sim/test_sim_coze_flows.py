"""Workflows of the Coze simulator: runs that go on without a listener, questions, histories, refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientSession

from mindbot.sim.coze.server import CozeSimulator
from mindbot.sim.testing import simulated

pytestmark = pytest.mark.anyio
Json = dict[str, Any]


class Workspace:
    """Calls a simulator with its token."""

    def __init__(self, http: ClientSession, sim: CozeSimulator) -> None:
        self._http, self.sim = http, sim
        self._headers = {"Authorization": f"Bearer {sim.settings.api_key}"}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(
            method, f"{self.sim.base_url}{path}", json=body, headers=self._headers
        ) as response:
            data = await response.read()
            plain = response.content_type != "application/json"
            return response.status, data if plain else orjson.loads(data)

    async def cut(self, method: str, path: str, body: Json) -> None:
        """Call, and take it that the answer breaks off."""
        with pytest.raises(ClientError):
            await self.call(method, path, body)

    async def stream(self, path: str, body: Json) -> list[tuple[str, Json]]:
        """Return the events of a stream."""
        found = b""
        async with self._http.post(
            f"{self.sim.base_url}{path}", json=body, headers=self._headers
        ) as response:
            async for data in response.content.iter_any():
                found += data
        parts = [dict(line.split(b": ", 1) for line in e.split(b"\n")) for e in found.split(b"\n\n") if e]
        assert [int(part[b"id"]) for part in parts] == list(range(len(parts)))
        return [(part[b"event"].decode(), orjson.loads(part[b"data"])) for part in parts]

    async def run(self, text: str, workflow: str = "75") -> list[tuple[str, Json]]:
        body = {"workflow_id": workflow, "parameters": {"input": text}, "ext": {"user_id": "u1"}}
        return await self.stream("/v1/workflow/stream_run", body)

    async def history(self, number: str, workflow: str = "75") -> Any:
        _, answer = await self.call("GET", f"/v1/workflows/{workflow}/run_histories/{number}")
        [row] = answer["data"]
        return row


@asynccontextmanager
async def coze(**settings: Any) -> AsyncIterator[Workspace]:
    async with simulated("coze", **settings) as sim, ClientSession() as http:
        yield Workspace(http, sim)


async def test_a_run_is_streamed_and_tells_its_id_at_the_end() -> None:
    async with coze() as near:
        events = await near.run("你好")
        assert "".join(data["content"] for name, data in events if name == "Message") == "echo: 你好"
        name, done = events[-1]
        number = done["debug_url"].partition("execute_id=")[2].partition("&")[0]
        assert (name, (await near.history(number))["execute_status"]) == ("Done", "Success")


@pytest.mark.parametrize("fault", ["cut-events:after=1", "gateway-504"])
async def test_a_run_goes_on_when_its_listener_is_cut_off(fault: str) -> None:
    async with coze(fault=fault) as near:
        body = {"workflow_id": "75", "parameters": {"input": "on"}}
        await (near.call if "504" in fault else near.cut)("POST", "/v1/workflow/stream_run", body)
        [number] = near.sim.flows.shelf.runs
        assert orjson.loads((await near.history(number))["output"]) == {"Output": '{"output":"echo: on"}'}


async def test_a_question_is_answered_once() -> None:
    async with coze(workflows={"75": {"asks": "which?", "options": ["a", "b"], "answer": "{told}!"}}) as near:
        events = await near.run("x")
        waits = events[-1][1]["interrupt_data"]
        assert orjson.loads(waits["data"])["options"] == [{"name": "a"}, {"name": "b"}]
        told = {"workflow_id": "75", "event_id": waits["event_id"], "interrupt_type": 2, "resume_data": "a"}
        rest = await near.stream("/v1/workflow/stream_resume", told)
        assert "".join(data.get("content", "") for _, data in rest) == "a!"
        _, again = await near.call("POST", "/v1/workflow/stream_resume", told)
        assert again["code"] == 4200
        assert len(near.sim.flows.shelf.runs) == 1


async def test_a_run_that_fails_says_so_in_each_way() -> None:
    async with coze(workflows={"75": {"fails": 5000, "error": "no table"}}) as near:
        assert (await near.run("x"))[-1] == (
            "Error",
            {
                "error_code": 5000,
                "error_message": "no table",
                "debug_url": next(iter(near.sim.flows.shelf.runs.values())).debug_url,
            },
        )
        status, answer = await near.call("POST", "/v1/workflow/run", {"workflow_id": "75"})
        assert (status, answer["code"], answer["msg"]) == (200, 5000, "no table")


async def test_an_unknown_workflow_and_a_deleted_conversation_are_refused() -> None:
    async with coze(strict=True) as near:
        assert (await near.call("POST", "/v1/workflow/run", {"workflow_id": "9"}))[1]["code"] == 4200
        room = (await near.call("POST", "/v1/conversation/create", {}))[1]["data"]["id"]
        assert (await near.call("DELETE", f"/v1/conversations/{room}"))[1]["code"] == 0
        assert (await near.call("GET", f"/v1/conversation/retrieve?conversation_id={room}"))[1][
            "code"
        ] == 4200
