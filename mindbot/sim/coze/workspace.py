"""What the calls of a Coze workspace share: its envelope, errors, conversations and files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from mindbot.domain.message import Json
from mindbot.sim.coze.errors import REFUSALS, USUAL, refused, sentence
from mindbot.sim.coze.rooms import Rooms
from mindbot.sim.faults import Fault, FaultKind, kind
from mindbot.sim.models.conversation import ModelReply
from mindbot.sim.models.quotas import Spent
from mindbot.sim.models.refusals import ModelApiError, RefusalTable, refusal_kinds
from mindbot.sim.models.requests import Recorded
from mindbot.sim.models.server import ModelSimSettings, ModelSimulator
from mindbot.sim.models.streams import GATEWAY_KINDS
from mindbot.sim.server import SimulatorSettings

_OVER = {"requests_per_day": 4020, "tokens_per_day": 4029}


@dataclass(frozen=True, slots=True, kw_only=True)
class CozeSimSettings(ModelSimSettings):
    """``api_key`` is a personal access token. ``tools`` are the bot's local plugins: their calls wait for
    outputs. ``suggestions`` follow each answer. A chat that is polled takes at least ``work`` seconds.
    ``workflows`` are workflows by id (fields of `CozeFlow`), ``bots`` what other bots say (``{text}``)."""

    api_key: str = "pat_simulated"
    model: str = "7400000000000000000"  # the bot's id
    app_id: str = "1180000000000"
    public_key_id: str = "simulated-public-key"
    tools: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    work: float = 0.0
    workflows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bots: Mapping[str, str] = field(default_factory=dict)


class CozeWorkspace(ModelSimulator):
    """See the module. ``rooms`` are the conversations."""

    name: ClassVar[str] = "coze"
    Settings: ClassVar[type[SimulatorSettings]] = CozeSimSettings
    refusals: ClassVar[RefusalTable] = REFUSALS
    kinds: ClassVar[Mapping[str, FaultKind]] = {
        **ModelSimulator.kinds,
        **refusal_kinds(REFUSALS),
        **GATEWAY_KINDS,
        "chat-failed": kind("code"),  # the chat is accepted, and ends failed
        "flow-failed": kind("code"),  # a run of a workflow begins, and fails
        "run-hangs": kind(),  # a chat or a run never comes to an end
    }
    call_id: ClassVar[str] = "BUJJF0dAQ0NAEBVeQkVKEV5H{:08d}"

    def __init__(self, settings: CozeSimSettings) -> None:
        super().__init__(settings)
        self.settings = settings
        self.rooms = Rooms(settings.clock)
        self.files: dict[str, Json] = {}
        self._begun = time.strftime("%Y%m%d%H%M%S")

    def reset(self) -> None:
        super().reset()
        self.rooms.clear()
        self.files.clear()

    def error_body(self, fault: Fault) -> Json:
        code = int(fault.options.get("code", 0)) or USUAL.get(fault.number, 5000)
        self.counters[f"code.{code}"] += 1
        return self._enveloped({"code": code, "msg": sentence(code)}, self.number + 1)

    def _enveloped(self, body: Json, number: int) -> Json:
        """Give the answer to a request the id under which the platform finds it in its log."""
        return body if "error_code" in body else {**body, "detail": {"logid": self._logid(number)}}

    def _logid(self, number: int) -> str:
        return f"{self._begun}{number:018d}"

    def refusal_body(self, exc: ModelApiError, recorded: Recorded) -> Any:
        self.counters[f"code.{exc.body.get('code')}"] += 1
        return self._enveloped(exc.body, recorded.number)

    def answer_headers(self, recorded: Recorded) -> Mapping[str, str]:
        return {"x-tt-logid": self._logid(recorded.number)}

    def key_of(self, request: web.BaseRequest) -> str:
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    async def read(self, request: web.BaseRequest) -> Json:
        return await super().read(request) if await _has_body(request) else {}

    def unreadable(self) -> ModelApiError:
        return refused(4000, "the body is no JSON object")

    def over_quota(self, spent: Spent) -> ModelApiError:
        return refused(_OVER.get(spent.rule, 4013))

    async def sent(
        self, request: web.BaseRequest, recorded: Recorded, data: object, **more: object
    ) -> web.StreamResponse:
        """Send an answer in its envelope; ``more`` stands beside the data."""
        body = self._enveloped({"code": 0, "msg": "", "data": data, **more}, recorded.number)
        return await self.whole(request, recorded, body)

    def speaking(self, reply: ModelReply) -> float:
        """Return how long it takes to say a reply."""
        speed = self.settings.tokens_per_second
        return reply.tokens / speed if speed else 0.0


async def _has_body(request: web.BaseRequest) -> bool:
    return bool(request.content_type == "multipart/form-data" or await request.read())
