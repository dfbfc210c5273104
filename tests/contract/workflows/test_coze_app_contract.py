"""Coze's bots and workflows against their simulator, by the contract of all apps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import orjson

from mindbot.config.workflows import WorkflowSettings
from mindbot.sim.coze.server import CozeSimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.workflows.contract import AppFault, AppPlay, AppVendor, WorkflowContract
from mindbot.testing.workflows.rig import KEY, refused_before
from mindbot.workflows.apps import App, AppParts
from mindbot.workflows.coze.app import CozeApp

BOT, FLOW = "7400000000000000000", "7301"
STARTS = ("/v3/chat", "/v1/workflow/stream_run")


class CozeVendor:
    """The simulator as the contract sees it."""

    def __init__(self, sim: CozeSimulator, *, flows: bool) -> None:
        self._sim, self._flows = sim, flows
        self.base_url = sim.base_url

    def texts(self) -> Sequence[str]:
        if self._flows:
            return [run.text for run in self._sim.flows.shelf.runs.values()]
        return [_words(talk.asked[-1]) for talk in self._sim.rooms.talks()]

    def asked(self) -> int:
        return sum(r.path in STARTS for r in self._sim.requests) + refused_before(self._sim)

    def rooms(self) -> Sequence[str]:
        return [talk.room.id for talk in self._sim.rooms.talks()]

    def stopped(self) -> int:
        return sum(recorded.path == "/v3/chat/cancel" for recorded in self._sim.requests)

    def files(self) -> int:
        return len(self._sim.files)

    def forget(self) -> None:
        self._sim.rooms.forget_all()


def _words(message: dict[str, Any]) -> str:
    content = str(message["content"])
    if message["content_type"] == "text":
        return content
    return "".join(part.get("text") or "" for part in orjson.loads(content))


class TestCozeBot(WorkflowContract):
    flows: ClassVar[bool] = False
    known: ClassVar[dict[str, Any]] = {"type": "coze", "bot_id": BOT}
    path: ClassVar[str] = "/v3/chat"
    has_nodes = False
    faults: ClassVar[dict[AppFault, str]] = {
        "cut": "cut-events:after=4:n=1",
        "silent_end": "end-events:after=4:n=1",
        "gateway": "gateway-504:n=1",
        "down_once": "500:n=1@{path}",
        "bad_request": "4000@{path}",
        "bad_key": "401",
        "quota": "4028@{path}",
        "rate_limited": "4013@{path}",
        "run_fails": "chat-failed",
        "hangs": "run-hangs",
    }

    @asynccontextmanager
    async def vendor(self, play: AppPlay) -> AsyncIterator[AppVendor]:
        fault = self.faults.get(play.fault, "").format(path=self.path)
        flow = {"notices": play.nodes} if play.nodes else {"error": "the node Search failed"}
        more = {"api_key": KEY, "workflows": {FLOW: flow}, "tokens_per_second": 20.0 if play.slow else 0.0}
        async with simulated("coze", fault=fault or (), strict=True, **more) as sim:
            if play.text:
                sim.script(Scripted(play.text, times=0))
            yield CozeVendor(sim, flows=self.flows)

    def app(self, vendor: AppVendor, parts: AppParts, **settings: Any) -> App:
        entry = {"base_url": vendor.base_url, "api_key": KEY, **self.known, **settings}
        return CozeApp.build("contract", WorkflowSettings.model_validate(entry), "", parts)


class TestCozeFlow(TestCozeBot):
    flows = True
    known: ClassVar[dict[str, Any]] = {"type": "coze_workflow", "workflow_id": FLOW}
    path = "/v1/workflow/stream_run"
    talks = stops = takes_files = recovers = finds = False
    faults: ClassVar[dict[AppFault, str]] = {**TestCozeBot.faults, "run_fails": "flow-failed"}
