"""Dify's apps against their simulator: all kinds by one contract."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from mindbot.config.workflows import WorkflowSettings
from mindbot.sim.dify.server import DifySimulator
from mindbot.sim.models.conversation import Scripted
from mindbot.sim.testing import simulated
from mindbot.testing.workflows.contract import AppFault, AppPlay, AppVendor, WorkflowContract
from mindbot.testing.workflows.rig import KEY, refused_before
from mindbot.workflows.apps import App, AppParts
from mindbot.workflows.dify.app import DifyApp

STARTS = ("/v1/chat-messages", "/v1/workflows/run", "/v1/completion-messages")
FAULTS: dict[AppFault, str] = {
    "cut": "cut-events:after=4:n=1@{path}",
    "silent_end": "end-events:after=4:n=1@{path}",
    "gateway": "gateway-504:n=1",
    "down_once": "500:n=1@{path}",
    "bad_request": "400:code=invalid_param@{path}",
    "bad_key": "401@{path}",
    "quota": "provider_quota_exceeded@{path}",
    "rate_limited": "429:code=too_many_requests@{path}",
    "hangs": "run-hangs:after=2",
}


class DifyVendor:
    """The simulator as the contract sees it."""

    def __init__(self, sim: DifySimulator) -> None:
        self._sim = sim
        self.base_url = sim.base_url

    def texts(self) -> Sequence[str]:
        return [run.text for run in self._sim.runs.values()]

    def asked(self) -> int:
        came = sum(recorded.path in STARTS for recorded in self._sim.requests)
        return came + refused_before(self._sim)

    def rooms(self) -> Sequence[str]:
        return [run.conversation for run in self._sim.runs.values()]

    def stopped(self) -> int:
        return len(self._sim.stopped)

    def files(self) -> int:
        return len(self._sim.desk.files)

    def forget(self) -> None:
        self._sim.desk.talks.clear()


class TestDifyChat(WorkflowContract):
    kind: ClassVar[str] = "chat"
    mode: ClassVar[str] = "chat"
    path: ClassVar[str] = "/chat-messages"
    has_nodes = False
    #: How such a run fails.
    fails: ClassVar[str] = "run-failed:code=completion_request_error"
    quirks: ClassVar[tuple[str, ...]] = ()

    @asynccontextmanager
    async def vendor(self, play: AppPlay) -> AsyncIterator[AppVendor]:
        fault = self.fails if play.fault == "run_fails" else FAULTS.get(play.fault, "").format(path=self.path)
        app: dict[str, Any] = {"mode": self.mode, "key": KEY}
        if play.nodes:
            titles = [{"title": title, "type": "tool"} for title in play.nodes]
            app["nodes"] = [*titles, {"title": "LLM"}]
        more = {"apps": {"contract": app}, "tokens_per_second": 20.0 if play.slow else 0.0}
        faults = (*self.quirks, *((fault,) if fault else ()))
        async with simulated("dify", fault=faults, strict=True, **more) as sim:
            if play.text:
                sim.script(Scripted(play.text, times=0))
            yield DifyVendor(sim)

    def app(self, vendor: AppVendor, parts: AppParts, **settings: Any) -> App:
        known = {"type": self.kind, "dify_endpoint": vendor.base_url, "dify_api_key": KEY}
        return DifyApp.build("contract", WorkflowSettings.model_validate({**known, **settings}), "", parts)


@pytest.mark.full
class TestDifyAgent(TestDifyChat):
    kind = "agent"
    mode = "agent-chat"


@pytest.mark.full
class TestDifyChatflow(TestDifyChat):
    kind = "chatflow"
    mode = "advanced-chat"
    has_nodes = True
    fails = "node-failed:node=Search:error=no table"
    quirks = ("split", "crlf", "comments")


class TestDifyWorkflow(TestDifyChat):
    kind = mode = "workflow"
    path = "/workflows/run"
    has_nodes = True
    talks = False
    fails = "node-failed:node=Search:error=no table"


@pytest.mark.full
class TestDifyCompletion(TestDifyChat):
    kind = mode = "completion"
    path = "/completion-messages"
    talks = recovers = finds = False
