"""What a Coze workspace answers about workflows. It stands beside the bots, on the same server."""

from __future__ import annotations

import re
from collections.abc import Mapping

import anyio
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.coze.errors import refused, sentence
from mindbot.sim.coze.flows import (
    CozeExecution,
    FlowShelf,
    flow_error,
    flow_frames,
    flow_question,
)
from mindbot.sim.coze.workspace import CozeWorkspace
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute
from mindbot.sim.models.streams import StreamShape

_HISTORY = re.compile(r"/v1/workflows/([^/]+)/run_histories/([^/]+)")
_SYNCHRONOUS, _STREAMED, _ASYNCHRONOUS = 0, 1, 2


def _error(code: str) -> bytes:
    number = int(code or 5000)
    return flow_error(number, sentence(number))


SHAPE = StreamShape(
    error=_error,
    bad_line=b'id: 0\nevent: Message\ndata: {"broken": \n\n',
    comment=b"",
    odd=(b"id: 0\nevent: News\ndata: {}\n\n",),
)


class FlowCalls:
    """See the module. ``shelf`` holds the workflows and their runs."""

    def __init__(self, sim: CozeWorkspace, shelf: FlowShelf) -> None:
        self._sim = sim
        self.shelf = shelf
        self._routes: Mapping[str, ModelRoute] = {
            "POST /v1/workflow/run": self._run,
            "POST /v1/workflow/stream_run": self._stream,
            "POST /v1/workflow/stream_resume": self._resume,
        }

    def route(self, method: str, path: str) -> ModelRoute | None:
        """Return what answers a request, if it is about workflows."""
        if method == "GET" and _HISTORY.fullmatch(path):
            return self._history
        return self._routes.get(f"{method} {path}")

    def _begin(self, request: web.BaseRequest, recorded: Recorded, mode: int) -> CozeExecution:
        body = recorded.body
        flow = self.shelf.flow(body.get("workflow_id"))
        text, asked = flow_question(body, flow)
        run = self.shelf.begin(body, mode, self._sim.decide(recorded, asked), text)
        sim = self._sim
        if fault := sim.faults.strike(sim.place(request), "flow-failed") if sim.faults else None:
            run.fails = int(fault.options.get("code", 5000))
        if not (sim.faults and sim.faults.strike(sim.place(request), "run-hangs")):
            run.until = run.begun + self._takes(run)
        return run

    def _takes(self, run: CozeExecution) -> float:
        """Return how long a run is at work: it is so whoever listens."""
        return self._sim.latency + run.flow.latency + run.reply.think + self._sim.speaking(run.reply)

    async def _run(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        later = recorded.body.get("is_async") is True
        run = self._begin(request, recorded, _ASYNCHRONOUS if later else _SYNCHRONOUS)
        if page := await self._sim.gave_up(request):
            return page
        told: Json = {"execute_id": run.id, "debug_url": run.debug_url}
        if later:
            return await self._sim.sent(request, recorded, None, **told)
        await self._work(run)
        if run.fails:
            raise refused(run.fails, said=run.flow.error)
        return await self._sim.sent(request, recorded, run.data(), **told, usage=run.usage)

    async def _work(self, run: CozeExecution) -> None:
        if run.until == float("inf"):
            await anyio.sleep_forever()
        if wait := self._takes(run) - self._sim.speaking(run.reply):
            await anyio.sleep(wait)

    async def _stream(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        run = self._begin(request, recorded, _STREAMED)
        if page := await self._sim.gave_up(request):
            return page
        await self._work(run)
        return await self._sim.stream(request, recorded, flow_frames(run), SHAPE)

    async def _resume(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        body = recorded.body
        run = self.shelf.waiting(body)
        told = body.get("resume_data")
        if not isinstance(told, str):
            raise refused(4000, "resume_data is required")
        run.event_id, run.told = "", told
        run.until = self.shelf.clock() + self._takes(run)
        if page := await self._sim.gave_up(request):
            return page
        await self._work(run)
        return await self._sim.stream(request, recorded, flow_frames(run, resumed=True), SHAPE)

    async def _history(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        match = _HISTORY.fullmatch(request.path)
        workflow, number = match.groups() if match else ("", "")
        run = self.shelf.runs.get(number)
        if run is None or run.workflow_id != workflow:
            raise refused(4200, f"execute_id={number}")
        logid = self._sim.answer_headers(recorded)["x-tt-logid"]
        return await self._sim.sent(request, recorded, [run.history(self.shelf.clock(), logid)])
