"""The Dify simulator: a server with apps of all kinds, one a key, whose runs go on whoever listens.

Source: Service API, the pages of chat, chatflow, workflow and completion apps.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

import anyio
import anyio.abc
from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.dify.apps import CHATS, FLOWS, AppShelf, DifySimApp, Mode
from mindbot.sim.dify.asking import DifyCall, pattern
from mindbot.sim.dify.desk import DifyDesk
from mindbot.sim.dify.errors import REFUSALS, refused, worded
from mindbot.sim.dify.knowledge import KNOWLEDGE, whole_text
from mindbot.sim.dify.library import KnowledgeShelf
from mindbot.sim.dify.listing import LISTINGS, Listing, whole
from mindbot.sim.dify.rules import DifyServerRules
from mindbot.sim.dify.runs import DifyRun, again
from mindbot.sim.dify.starts import RUN_KINDS, read_start, trouble_of
from mindbot.sim.dify.wording import SHAPE
from mindbot.sim.dify.work import carry_out
from mindbot.sim.faults import Fault, FaultKind
from mindbot.sim.models.model import TooLong
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelRoute, ModelSimSettings, ModelSimulator
from mindbot.sim.models.streams import GATEWAY_KINDS, Frame
from mindbot.sim.server import SimulatorSettings, json_response

_KNOWLEDGE = DifySimApp(name="datasets")
_HANDBOOK = (
    "Expenses are paid back within ten days.\n\nTravel by train is booked by the office.",
    "The office opens at nine and closes at six.\n\n年假每年十五天，需要提前两周申请。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DifySimSettings(ModelSimSettings):
    """``apps`` are apps by name (fields of `DifySimApp`; their keys are ``app-NAME``). ``mode`` is the kind
    of the app that ``api_key`` belongs to, and of those that nothing else is known of. ``datasets`` are the
    texts of knowledge bases by name; ``dataset_key`` opens them."""

    api_key: str = "app-simulated"
    mode: Mode = "chat"
    apps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    server: DifyServerRules = field(default_factory=DifyServerRules)
    dataset_key: str = "dataset-simulated"
    datasets: Mapping[str, Iterable[str]] = field(default_factory=lambda: {"handbook": _HANDBOOK})


class DifySimulator(ModelSimulator):
    """See the module. ``desk`` is what it keeps."""

    name: ClassVar[str] = "dify"
    Settings: ClassVar[type[SimulatorSettings]] = DifySimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **ModelSimulator.kinds,
        **refusal_kinds(REFUSALS),
        **RUN_KINDS,
        **GATEWAY_KINDS,
    }

    def __init__(self, settings: DifySimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        first = DifySimApp(name="simulated", key=settings.api_key, mode=settings.mode, answer="echo: {text}")
        shelf = AppShelf(first, settings.apps, strict=settings.strict)
        library = KnowledgeShelf(settings.clock, settings.datasets)
        self.desk = DifyDesk(shelf, library, settings.server, settings.clock)
        self._first = first
        self._stack = AsyncExitStack()
        self._work: anyio.abc.TaskGroup
        self._listings = [
            (method, pattern(path), listing) for (method, path), listing in {**LISTINGS, **KNOWLEDGE}.items()
        ]
        starting = {"/v1/chat-messages": "chat", "/v1/completion-messages": "completion"}
        flows = {"/v1/workflows/run": "workflow", "/v1/workflows/{workflow}/run": "workflow"}
        self._starts = [(pattern(path), family) for path, family in {**starting, **flows}.items()]
        self._events = pattern("/v1/workflow/{id}/events")

    async def __aenter__(self) -> Self:
        await super().__aenter__()  # first: where it fails there is nothing to end
        self._work = await self._stack.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, exc, trace)
        finally:
            self._work.cancel_scope.cancel()
            await self._stack.aclose()

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def runs(self) -> dict[str, DifyRun]:
        """All runs by task."""
        return self.desk.runs

    @property
    def stopped(self) -> list[str]:
        """The runs that were stopped by whom they belong to."""
        return self.desk.stopped

    def details(self) -> Json:
        apps = {app.name: app.key for app in self.desk.apps.all()}
        mine = {"base_url": self.base_url, "api_key": self.settings.api_key, "mode": self.settings.mode}
        datasets = {each.name: each.id for each in self.desk.library.datasets.values()}
        return {**mine, "apps": apps, "dataset_key": self.settings.dataset_key, "datasets": datasets}

    def reset(self) -> None:
        super().reset()
        self.desk.clear()

    def error_body(self, fault: Fault) -> Json:
        self.counters[f"status.{fault.number}"] += 1
        return worded(fault.number, fault.options.get("code", ""))

    def place(self, request: web.BaseRequest) -> str:
        app = self._app(request)
        return f"{request.path}#{app.name}" if app else request.path

    def _app(self, request: web.BaseRequest) -> DifySimApp | None:
        """Return whose key came with a request; knowledge bases have one of their own."""
        key = self.key_of(request)
        if request.path.startswith("/v1/datasets"):
            return _KNOWLEDGE if key == self.settings.dataset_key or not self.settings.strict else None
        return self._first if not key and not self.settings.strict else self.desk.apps.of_key(key)

    def route(self, request: web.BaseRequest) -> ModelRoute:
        found = self._find(request.method, request.path)
        if found is None:
            raise refused("not_found", "The requested URL was not found on the server.")
        self.counters[request.path.removeprefix("/v1/")] += 1
        return found

    def _find(self, method: str, path: str) -> ModelRoute | None:
        if (method, path) == ("POST", "/v1/files/upload"):
            return self._upload
        if method == "GET" and self._events.fullmatch(path):
            return self._listen_again
        for here, expression, listing in self._listings:
            if here == method and (match := expression.fullmatch(path)):
                return self._listed(listing, match.groupdict())
        for expression, family in self._starts:
            if method == "POST" and (match := expression.fullmatch(path)):
                return self._started(family, match.groupdict())
        return None

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def check(self, request: web.BaseRequest, recorded: Recorded) -> None:
        if self._app(request) is None:
            raise refused("unauthorized")

    async def read(self, request: web.BaseRequest) -> Json:
        if not request.can_read_body:
            return {}
        body = await super().read(request)
        if isinstance(body.get("file"), dict) and request.path.startswith("/v1/datasets"):
            body["text"] = whole_text((await request.post())["file"])
        return body

    def unreadable(self) -> ModelApiError:
        return refused("bad_request", "Failed to decode JSON object")

    def over_quota(self, spent: Spent) -> ModelApiError:
        return refused("rate_limit_error" if spent.rule.endswith("day") else "too_many_requests")

    def reworded(self, exc: ModelApiError) -> ModelApiError:
        if exc.status != 404 or not self.desk.rules.long_404:
            return exc
        more = "You have requested this URI but did you mean /v1/chat-messages ?"
        body = {**exc.body, "message": f"{exc.body['message']} {more}"}
        return ModelApiError(exc.status, body, exc.headers)

    def _call(self, request: web.BaseRequest, recorded: Recorded, args: Mapping[str, str]) -> DifyCall:
        app = self._app(request)
        assert app is not None  # checked before
        return DifyCall(app, recorded, args)

    def _listed(self, listing: Listing, args: Mapping[str, str]) -> ModelRoute:
        async def answer(request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
            found = listing(self.desk, self._call(request, recorded, args))
            if found is None:
                recorded.ended = True
                return web.Response(status=204)
            return await self.whole(request, recorded, found)

        return answer

    async def _upload(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        user = self._call(request, recorded, {}).user()
        file = recorded.body.get("file")
        if not isinstance(file, dict):
            raise refused("no_file_uploaded")
        number = str(uuid.uuid4())
        extension = str(file["filename"]).rpartition(".")[2]
        self.desk.files[number] = {"user": user, **file}
        recorded.ended = True
        shown = {"id": number, "name": file["filename"], "size": file["bytes"], "extension": extension}
        more = {"mime_type": file["content_type"], "created_by": user, "created_at": int(self.desk.clock())}
        return json_response({**shown, **more, "preview_url": None, "source_url": ""}, 201)

    def _started(self, family: str, args: Mapping[str, str]) -> ModelRoute:
        async def answer(request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
            call = self._call(request, recorded, args)
            run = self._begin(family, call, self.place(request))
            self._work.start_soon(carry_out, run, self.desk.forms)
            if page := await self.gave_up(request):
                return page
            if call.body.get("response_mode") == "streaming":
                return await self._listen(request, recorded, run)
            return await self._wait(request, recorded, run)

        return answer

    def _begin(self, family: str, call: DifyCall, place: str) -> DifyRun:
        """Make a run of what was asked; raises ModelApiError."""
        usual: Mode = self.settings.mode if self.settings.mode in CHATS else "chat"
        start = read_start(self.desk, call, family, usual, strict=self.settings.strict)
        try:
            reply = self.decide(call.recorded, start.question)
        except TooLong as exc:
            words = "[openai] Error: prompt is too long for this model"
            raise refused("completion_request_error", words) from exc
        struck = self.faults.strikes(place, RUN_KINDS) if self.faults else []
        run = start.begin(self.desk, reply, trouble_of(struck))
        speed = self.settings.tokens_per_second
        run.think, run.pause = self.latency + call.app.latency + reply.think, 1 / speed if speed else 0.0
        return run

    async def _wait(self, request: web.BaseRequest, recorded: Recorded, run: DifyRun) -> web.StreamResponse:
        """Answer a call that is not streamed."""
        try:
            await run.ended()
        finally:
            self._left(run)
        if run.status == "paused":
            raise refused("workflow_paused_in_blocking_mode")
        if run.status == "failed" and run.mode != "workflow":
            raise refused(run.trouble.code or "completion_request_error", run.error or "")
        return await self.whole(request, recorded, whole(run))

    async def _listen(self, request: web.BaseRequest, recorded: Recorded, run: DifyRun) -> web.StreamResponse:
        """Stream a run from its beginning."""
        heads = {"X-Workflow-Run-ID": run.workflow_run} if run.flows and self.desk.rules.run_header else {}
        try:
            return await self._sent(request, recorded, run.listen(), heads)
        finally:
            self._left(run)

    def _left(self, run: DifyRun) -> None:
        """Its first listener is gone."""
        if run.trouble.dies and not run.over:
            run.scope.cancel()
        run.shrink()

    async def _sent(
        self,
        request: web.BaseRequest,
        recorded: Recorded,
        frames: AsyncGenerator[Frame],
        heads: Mapping[str, str],
    ) -> web.StreamResponse:
        async with aclosing(frames):
            return await self.stream(request, recorded, frames, SHAPE, heads)

    async def _listen_again(self, request: web.BaseRequest, recorded: Recorded) -> web.StreamResponse:
        """Stream a run from now on."""
        match = self._events.fullmatch(request.path)
        call = self._call(request, recorded, match.groupdict() if match else {})
        if call.app.mode is not None and call.app.mode not in FLOWS:
            raise refused("not_workflow_app")
        user, run = call.user(), self.desk.flow(call.args["id"], call.app)
        if run.user != user:
            raise refused("not_found", "Workflow run not found")
        snapshot = call.query.get("include_state_snapshot") == "true"
        through = call.query.get("continue_on_pause") == "true"
        return await self._sent(request, recorded, again(run, snapshot=snapshot, through_pauses=through), {})
